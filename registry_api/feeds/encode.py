"""Feed rows as an Arrow IPC stream or as NDJSON, both typed by the feed's contract."""

from collections.abc import Sequence

import polars as pl
import pyarrow as pa

from patchbay.core.contracts import Contract
from patchbay.core.contracts.schema import Column

ARROW = "application/vnd.apache.arrow.stream"
NDJSON = "application/x-ndjson"

_JSON_TYPES: dict[str, pl.DataType] = {
    "string": pl.String(),
    "int64": pl.Int64(),
    "float64": pl.Float64(),
    "bool": pl.Boolean(),
    "timestamp": pl.String(),
    "date": pl.String(),
    "decimal": pl.String(),
    "strings": pl.List(pl.String()),
}
ISO_8601 = "%+"


def to_ndjson(lines: Sequence[str]) -> bytes:
    """One JSON object a line; empty when there are none."""
    return "\n".join([*lines, ""]).encode() if lines else b""


def to_arrow(contract: Contract, lines: Sequence[str]) -> bytes:
    """One Arrow IPC stream with the contract's schema; the schema alone when there are no rows."""
    schema = contract.arrow_schema()
    table = _frame(contract, to_ndjson(lines)).to_arrow().cast(schema) if lines else schema.empty_table()
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def _frame(contract: Contract, ndjson: bytes) -> pl.DataFrame:
    schema = {column.name: _JSON_TYPES[column.type] for column in contract.columns}
    return pl.read_ndjson(ndjson, schema=schema).select(_typed(column) for column in contract.columns)


def _typed(column: Column) -> pl.Expr:
    raw = pl.col(column.name)
    if column.type == "timestamp":
        return raw.str.to_datetime(ISO_8601, time_unit="us", time_zone="UTC")
    if column.type == "date":
        return raw.str.to_date("%Y-%m-%d")
    return raw.cast(pl.Decimal(18, 6)) if column.type == "decimal" else raw
