"""Segments: rows to durable Parquet bytes, and to what the register and the feed say about them."""

import hashlib
import io
import secrets
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from patchbay.core.contracts import Contract
from patchbay.core.ids import new_id
from patchbay.core.storage import Storage
from registry_api.db import UnitOfWork
from registry_api.intake.models import Segment

COMPRESSION_LEVEL = 1
ROW_GROUP = 131_072
_UNIQUE = frozenset({"event_id", "row_index", "duration_ms", "cpu_percent", "memory_bytes", "session"})
"""Columns of nearly unique values, where a dictionary costs time and saves nothing."""


@dataclass(frozen=True, slots=True)
class WrittenSegment:
    """A durable file that nothing refers to yet."""

    id: UUID
    stream: str
    path: str
    rows: int
    bytes: int
    digest: str
    min_at: datetime
    max_at: datetime
    received_on: date
    generation: int = 0
    replaces: tuple[UUID, ...] = ()


@dataclass(frozen=True, slots=True)
class Place:
    """Where a new file goes in the lake and which files it supersedes.

    `file` names it and begins with the time of writing, which `id` does not where it takes over an ancestor's order.
    """

    id: UUID
    stream: str
    tenant_id: UUID
    received_on: date
    generation: int = 0
    replaces: tuple[UUID, ...] = ()
    file: UUID = field(default_factory=new_id)

    @property
    def path(self) -> str:
        """The storage key."""
        return f"lake/{self.stream}/{self.tenant_id}/{self.received_on.isoformat()}/{self.file}.parquet"


def write_segment(storage: Storage, table: pa.Table, place: Place, time_column: str) -> WrittenSegment:
    """Write the rows durably under a name of their own; they count only once registered."""
    sink = io.BytesIO()
    plain = [name for name in table.schema.names if name not in _UNIQUE]
    options: dict[str, Any] = {"compression": "zstd", "compression_level": COMPRESSION_LEVEL, "use_dictionary": plain}
    pq.write_table(table, sink, row_group_size=ROW_GROUP, **options)
    content = sink.getbuffer()
    storage.put(place.path, content)  # type: ignore[arg-type]
    times = pl.Series(table.column(time_column))
    return WrittenSegment(
        id=place.id,
        stream=place.stream,
        path=place.path,
        rows=table.num_rows,
        bytes=len(content),
        digest=f"sha256:{hashlib.sha256(content).hexdigest()}",
        min_at=_instant(times.min()),
        max_at=_instant(times.max()),
        received_on=place.received_on,
        generation=place.generation,
        replaces=place.replaces,
    )


def read_segment(storage: Storage, path: str, columns: list[str] | None = None) -> pl.DataFrame:
    """A segment's rows in file order."""
    return pl.DataFrame(pl.from_arrow(pq.read_table(pa.BufferReader(storage.read_bytes(path)), columns=columns)))


def stored_table(frame: pl.DataFrame, contract: Contract) -> pa.Table:
    """The frame as the file contract's table."""
    return (
        frame.select(contract.column_names).to_arrow(compat_level=pl.CompatLevel.oldest()).cast(contract.arrow_schema())
    )


def superseding_id(first: UUID) -> UUID:
    """A fresh id that sorts where `first` does: all but the last 32 bits are kept.

    A list of segments by id then has a merged file where its oldest ancestor was. Which of two equal events came first is told
    by feed position, never by id: ids are made before their transactions commit.
    """
    return UUID(int=first.int >> 32 << 32 | secrets.randbits(32))


def _instant(value: Any) -> datetime:
    if isinstance(value, datetime):
        return value
    return datetime(value.year, value.month, value.day, tzinfo=UTC)


async def register_segment(
    work: UnitOfWork, segment: WrittenSegment, tenant_id: UUID, batch_id: UUID | None, op: str
) -> None:
    """Make a written file count, inside the caller's transaction."""
    fields = {name: getattr(segment, name) for name in WrittenSegment.__slots__ if name != "replaces"}
    replaces = [str(id) for id in segment.replaces]
    work.session.add(Segment(**fields, tenant_id=tenant_id, replaces=replaces, batch_id=batch_id))
    await work.session.flush()
    work.publish("segments", op, segment.id, segment_row(segment, replaces), tenant_id=tenant_id)


def segment_row(segment: WrittenSegment | Segment, replaces: list[str]) -> dict[str, Any]:
    """The feed row's own columns."""
    names = ("stream", "path", "rows", "bytes", "digest", "min_at", "max_at", "generation")
    return {**{name: getattr(segment, name) for name in names}, "replaces": replaces}
