"""A recorded registry: feeds and lake files made in the test, read by the warehouse like the real ones."""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from patchbay.core.contracts import FEEDS
from patchbay.core.contracts.intake import REJECTS, STATISTIC_SEGMENT, USAGE_SEGMENT
from patchbay.core.contracts.schema import Contract
from patchbay.core.storage import LocalStorage

START = datetime(2026, 3, 1, tzinfo=UTC)
"""When the recorded registry began."""


class RecordedRegistry:
    """Feeds in memory, segments in a local lake; every call records one change at one more second past START."""

    def __init__(self, root: Path) -> None:
        self.storage = LocalStorage(root)
        self.rows: dict[str, list[dict[str, Any]]] = {feed: [] for feed in FEEDS}
        self.seq = 0
        self.reads = 0

    def head_seq(self) -> int:
        return self.seq

    def read_feed(self, feed: str, after: int, limit: int) -> tuple[pa.Table, int, bool]:
        self.reads += 1
        fresh = [row for row in self.rows[feed] if row["seq"] > after]
        page = pa.Table.from_pylist(fresh[:limit], schema=FEEDS[feed].arrow_schema())
        last = pc.max(page["seq"]).as_py() if page.num_rows else after
        return page, last, len(fresh) > limit

    def record(self, feed: str, entity_id: str, tenant_id: str, op: str = "upsert", **values: Any) -> int:
        """Append one feed row; columns not given are null, empty, zero or false."""
        self.seq += 1
        recorded_at = values.pop("recorded_at", START + timedelta(seconds=self.seq))
        row = {column.name: _nothing(column.type, column.nullable) for column in FEEDS[feed].columns}
        row |= {
            "seq": self.seq,
            "op": op,
            "id": entity_id,
            "tenant_id": tenant_id,
            "recorded_at": recorded_at,
            **values,
        }
        self.rows[feed].append(row)
        return self.seq

    def segment(
        self,
        segment_id: str,
        tenant_id: str,
        events: Sequence[dict[str, Any]] | pa.Table,
        *,
        stream: str = "usage",
        op: str = "added",
        replaces: Iterable[str] = (),
        generation: int = 0,
    ) -> None:
        """Write a segment to the lake and announce it."""
        contract = USAGE_SEGMENT if stream == "usage" else STATISTIC_SEGMENT
        table = events if isinstance(events, pa.Table) else complete(contract, events)
        key = f"lake/{stream}/{segment_id}.parquet"
        data = _write(self.storage, key, table)
        moments = table["at"] if stream == "usage" else table["period"].cast(pa.timestamp("us", "UTC"))
        self.record(
            "segments",
            segment_id,
            tenant_id,
            op,
            stream=stream,
            path=key,
            rows=table.num_rows,
            bytes=len(data),
            digest=f"sha256:{hashlib.sha256(data).hexdigest()}",
            min_at=pc.min(moments).as_py() or START,
            max_at=pc.max(moments).as_py() or START,
            generation=generation,
            replaces=list(replaces),
        )

    def retire(self, segment_id: str, op: str, *, keep_file: bool = False) -> None:
        """Announce that a segment no longer counts, and remove its file."""
        row = next(row for row in reversed(self.rows["segments"]) if row["id"] == segment_id)
        self.seq += 1
        self.rows["segments"].append({**row, "seq": self.seq, "op": op})
        if not keep_file:
            self.storage.delete(row["path"])

    def upto(self, seq: int) -> "Earlier":
        """The feeds as they stood when `seq` was the newest row."""
        return Earlier(self, seq)

    def batch(
        self,
        batch_id: str,
        tenant_id: str,
        *,
        stream: str = "usage",
        accepted: int = 0,
        duplicates: int = 0,
        rejects: Sequence[dict[str, Any]] = (),
        **values: Any,
    ) -> None:
        """Announce an acknowledged batch with its refused rows."""
        key = f"lake/rejects/{batch_id}.parquet"
        if rejects:
            _write(self.storage, key, complete(REJECTS, rejects))
        refused = len({row["row_index"] for row in rejects})
        self.record(
            "intake_batches",
            batch_id,
            tenant_id,
            stream=stream,
            batch_id=batch_id,
            received=accepted + duplicates + refused,
            accepted=accepted,
            duplicates=duplicates,
            rejected=refused,
            rejects_path=key if rejects else None,
            **values,
        )


class Earlier:
    """A recorded registry seen at an earlier head."""

    def __init__(self, registry: RecordedRegistry, head: int) -> None:
        self._registry = registry
        self._head = head

    def head_seq(self) -> int:
        return self._head

    def read_feed(self, feed: str, after: int, limit: int) -> tuple[pa.Table, int, bool]:
        return self._registry.read_feed(feed, after, limit)


def complete(contract: Contract, rows: Sequence[dict[str, Any]]) -> pa.Table:
    """Rows in the contract's columns; those not given are null, zero or empty, `row_index` counts."""
    blank = {column.name: _nothing(column.type, column.nullable) for column in contract.columns}
    full = [{**blank, "row_index": place, "quantity": 1, **row} for place, row in enumerate(rows)]
    return pa.Table.from_pylist([{name: row[name] for name in blank} for row in full], schema=contract.arrow_schema())


def _nothing(kind: str, nullable: bool) -> Any:
    if nullable:
        return None
    blanks = {"int64": 0, "float64": 0.0, "bool": False, "strings": [], "decimal": Decimal(0)}
    return {**blanks, "timestamp": START, "date": START.date()}.get(kind, "")


def _write(storage: LocalStorage, key: str, table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    data = sink.getvalue().to_pybytes()
    storage.put(key, data)
    return data
