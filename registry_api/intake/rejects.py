"""Refused rows: built by every batch route, kept as Parquet in the lake, read back page by page."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from uuid import UUID

import orjson
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import BaseModel

from patchbay.core.contracts.intake import REJECTS
from patchbay.core.storage import Storage
from registry_api.intake.columnar.checks import FAULT_SCHEMA
from registry_api.intake.schemas import SHOWN_REJECTS, RejectedRow

ROW_CHARACTERS = 500
GROUP_ROWS = 10_000
"""Rows of a row group, the least that can be read of the file."""
NOT_SHOWN = '"(not kept: it is nested too deeply to be written out)"'
REJECT_SCHEMA = {**FAULT_SCHEMA, "row": pl.String()}


@dataclass(frozen=True, slots=True)
class Reject:
    """One fault of one item of a JSON batch; `row` is what was received, as JSON values or as the model made of them."""

    row_index: int
    field: str
    code: str
    reason: str
    row: object = None


def frame_of(rejects: Sequence[Reject]) -> pl.DataFrame:
    """JSON rejects as a frame in row order; what was received is written out once, however many faults it has."""
    received = {id(reject.row): reject.row for reject in rejects}
    shown = {place: _shown(row) for place, row in received.items()}
    rows = [(r.row_index, r.field, r.code, r.reason, shown[id(r.row)]) for r in rejects]
    return pl.DataFrame(rows, schema=REJECT_SCHEMA, orient="row").sort("row_index", maintain_order=True)


def _shown(row: object) -> str | None:
    if row is None:
        return None
    try:
        text = orjson.dumps(row, default=_plain).decode()
    except TypeError:
        return NOT_SHOWN
    return text[:ROW_CHARACTERS]


def _plain(value: object) -> object:
    return value.model_dump(mode="json") if isinstance(value, BaseModel) else str(value)


def first_lines(rejects: pl.DataFrame) -> list[RejectedRow]:
    """The rejects an answer carries."""
    return [RejectedRow(**row) for row in rejects.head(SHOWN_REJECTS).select(*FAULT_SCHEMA).iter_rows(named=True)]


def rejects_key(tenant_id: UUID, ledger_id: UUID) -> str:
    """Where a batch's rejects are kept."""
    return f"lake/rejects/{tenant_id}/{ledger_id}.parquet"


class RejectsFile:
    """A batch's rejects as a Parquet file in the making: packed as they come, so that a million of them fit into memory."""

    def __init__(self) -> None:
        self.rows = 0
        self.first: list[RejectedRow] = []
        self._content = io.BytesIO()
        self._writer = pq.ParquetWriter(self._content, REJECTS.arrow_schema(), compression="zstd")

    def add(self, rejects: pl.DataFrame) -> None:
        """Append rejects, whose rows come after those that are there."""
        self.first += first_lines(rejects.head(SHOWN_REJECTS - self.rows if self.rows < SHOWN_REJECTS else 0))
        self.rows += rejects.height
        cut = rejects.with_columns(pl.col("row").str.slice(0, ROW_CHARACTERS)).select(*REJECT_SCHEMA)
        self._writer.write_table(cut.to_arrow().cast(REJECTS.arrow_schema()), row_group_size=GROUP_ROWS)

    def store(self, storage: Storage, key: str) -> int:
        """Write the file durably, its last use, and say its bytes; the transaction that names it comes after."""
        self._writer.close()
        content = self._content.getbuffer()
        storage.put(key, content)  # type: ignore[arg-type]
        return content.nbytes


def store_rejects(storage: Storage, key: str, rejects: pl.DataFrame) -> int:
    """Write rejects durably, and say how many bytes they take; the transaction that names them comes after."""
    file = RejectsFile()
    file.add(rejects)
    return file.store(storage, key)


def read_rejects(storage: Storage, key: str, start: int, limit: int) -> pl.DataFrame:
    """A slice of a batch's rejects in row order; reads only the row groups it lies in."""
    path = storage.local_path(key)
    with pq.ParquetFile(path or pa.BufferReader(storage.read_bytes(key))) as file:
        sizes = [file.metadata.row_group(place).num_rows for place in range(file.num_row_groups)]
        ends = list(accumulate(sizes))
        groups = [g for g, end in enumerate(ends) if end > start and end - sizes[g] < start + limit]
        if not groups:
            return pl.DataFrame(schema=REJECT_SCHEMA)
        frame = pl.DataFrame(pl.from_arrow(file.read_row_groups(groups)))
    return frame.slice(start - (ends[groups[0]] - sizes[groups[0]]), limit)
