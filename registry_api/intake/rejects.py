"""Refused rows: built by every batch route, kept as Parquet in the lake, read back page by page."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import orjson
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from patchbay.core.contracts.intake import REJECTS
from patchbay.core.storage import Storage
from registry_api.intake.columnar.checks import FAULT_SCHEMA
from registry_api.intake.schemas import SHOWN_REJECTS, RejectedRow

ROW_CHARACTERS = 500
REJECT_SCHEMA = {**FAULT_SCHEMA, "row": pl.String()}


@dataclass(frozen=True, slots=True)
class Reject:
    """One fault of one item of a JSON batch."""

    row_index: int
    field: str
    code: str
    reason: str
    row: object = None

    def as_dict(self) -> dict[str, object]:
        """A row of the rejects frame."""
        row = orjson.dumps(self.row, default=str).decode() if self.row is not None else None
        return {"row_index": self.row_index, "field": self.field, "code": self.code, "reason": self.reason, "row": row}


def frame_of(rejects: Sequence[Reject]) -> pl.DataFrame:
    """JSON rejects as a frame in row order."""
    return pl.DataFrame([reject.as_dict() for reject in rejects], schema=REJECT_SCHEMA).sort(
        "row_index", maintain_order=True
    )


def first_lines(rejects: pl.DataFrame) -> list[RejectedRow]:
    """The rejects an answer carries."""
    return [RejectedRow(**row) for row in rejects.head(SHOWN_REJECTS).select(*FAULT_SCHEMA).iter_rows(named=True)]


def rejects_key(tenant_id: UUID, ledger_id: UUID) -> str:
    """Where a batch's rejects are kept."""
    return f"lake/rejects/{tenant_id}/{ledger_id}.parquet"


def store_rejects(storage: Storage, key: str, rejects: pl.DataFrame) -> None:
    """Write the rejects durably; the transaction that names them comes after."""
    cut = rejects.with_columns(pl.col("row").str.slice(0, ROW_CHARACTERS))
    table = cut.select(*REJECT_SCHEMA).to_arrow().cast(REJECTS.arrow_schema())
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd")
    storage.put(key, sink.getvalue())


def read_rejects(storage: Storage, key: str, start: int, limit: int) -> pl.DataFrame:
    """A slice of a batch's rejects in row order."""
    table = pq.read_table(pa.BufferReader(storage.read_bytes(key)))
    frame = pl.DataFrame(pl.from_arrow(table))
    return frame.slice(start, limit)
