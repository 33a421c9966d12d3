"""Arrow IPC streams to a frame: columns are judged once for the batch, values by expressions."""

from functools import partial

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from patchbay.core.contracts import Column, Contract
from registry_api.http import suggestion
from registry_api.intake.columnar.checks import FAULT_SCHEMA, Check
from registry_api.intake.columnar.parsed import POLARS, RAW, Parsed, unconverted
from registry_api.intake.errors import UnreadableBody, WrongColumns
from registry_api.problems import FieldError, TooLarge

_FIRST_YEAR, _LAST_YEAR = -62_135_596_800, 253_402_300_799
_UNIT = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
UNPACKED_FACTOR = 16
"""An Arrow stream's own compression may unpack to this many times the body limit, no more."""


def parse_arrow(data: bytes, contract: Contract, limit: int) -> Parsed:
    """Read a stream whose columns fit the contract; missing nullable columns are null.

    Raises `UnreadableBody` for what is no whole stream, `WrongColumns` naming each column at fault, `TooLarge` past the limit.
    """
    table = _table(data, limit * UNPACKED_FACTOR)
    _require_columns(table.schema, contract)
    table, faults = _without_invalid_text(_plain(table, contract))
    frame = pl.from_arrow(table)
    if not isinstance(frame, pl.DataFrame):
        raise UnreadableBody("The stream holds no table.")
    changed = [c for c in contract.columns if c.name in frame.columns and frame.schema[c.name] != POLARS[c.type]]
    frame = frame.with_columns(pl.col(c.name).alias(RAW + c.name) for c in changed)
    frame = frame.with_columns(*(_conversion(c, frame.schema[c.name]) for c in changed))
    absent = [c for c in contract.columns if c.name not in frame.columns]
    frame = frame.with_columns(pl.lit(None, POLARS[c.type]).alias(c.name) for c in absent)
    checks = [Check(c.name, "out_of_range", f"{c.name} does not fit {c.type}.", unconverted(c)) for c in changed]
    return Parsed(frame, faults, checks, table.num_rows + faults.height, partial(_shown, table, contract))


def _table(data: bytes, limit: int) -> pa.Table:
    try:
        with pa.ipc.open_stream(pa.py_buffer(data)) as reader:
            batches, size = [], 0
            for batch in reader:
                size += batch.nbytes
                if size > limit:
                    raise TooLarge(
                        f"The Arrow stream unpacks to more than {limit:,} bytes. Send it in smaller batches."
                    )
                batches.append(batch)
            table = pa.Table.from_batches(batches, reader.schema)
        table.validate()
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError, ValueError) as error:
        detail = f"The body is no whole Arrow IPC stream: {str(error).splitlines()[0][:200]}."
        raise UnreadableBody(detail, errors=[FieldError("", "unreadable_body", detail)]) from error
    return table


def _require_columns(schema: pa.Schema, contract: Contract) -> None:
    known = {column.name: column for column in contract.columns}
    errors = [_column_fault(field, known) for field in schema]
    errors += [
        FieldError(f"/{name}", "missing_column", f"The column {name} is required.")
        for name, column in known.items()
        if not column.nullable and name not in schema.names
    ]
    errors += [FieldError(f"/{n}", "repeated_column", f"{n} comes twice.") for n in known if schema.names.count(n) > 1]
    found = [error for error in errors if error is not None]
    if found:
        raise WrongColumns(f"{len(found)} column(s) do not fit: {found[0].detail}", errors=found)


def _column_fault(field: pa.Field, known: dict[str, Column]) -> FieldError | None:
    name = field.name[:200]
    if field.name not in known:
        return FieldError(f"/{name}", "unknown_column", f"There is no column {name!r}. {suggestion(name, set(known))}")
    kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
    if known[field.name].type == "timestamp" and pa.types.is_timestamp(kind) and kind.tz is None:
        return FieldError(f"/{name}", "missing_zone", f"{name} has no time zone; make it timestamp[us, UTC].")
    if pa.types.is_null(kind) or _fits(kind, known[field.name].type):
        return None
    wanted = "timestamp[us, UTC]" if known[field.name].type == "timestamp" else known[field.name].type
    return FieldError(f"/{name}", "wrong_type", f"{name} is {field.type}; it must be {wanted}.")


def _fits(kind: pa.DataType, wanted: str) -> bool:
    types = pa.types
    if wanted == "string":
        return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind))
    if wanted == "decimal":
        return bool(types.is_decimal(kind) or types.is_floating(kind) or types.is_integer(kind))
    rules = {"int64": types.is_integer, "timestamp": types.is_timestamp, "date": types.is_date}
    if wanted == "float64":
        return bool(types.is_floating(kind) or types.is_integer(kind))
    return bool(rules[wanted](kind))


def _plain(table: pa.Table, contract: Contract) -> pa.Table:
    """The contract's columns without dictionaries, with `row_index`."""
    columns = (
        {"row_index": pa.array(range(0)).cast(pa.int64())}
        if table.num_rows == 0
        else {"row_index": _indexes(table.num_rows)}
    )
    for name in table.schema.names:
        column = table.column(name)
        if pa.types.is_dictionary(column.type):
            column.validate(full=True)  # indexes are the sender's: one out of range would read foreign memory
            column = pc.cast(column, column.type.value_type)
        columns[name] = column
    return pa.table(columns)


def _indexes(rows: int) -> pa.Array:
    return pl.int_range(rows, dtype=pl.Int64, eager=True).to_arrow()


def _without_invalid_text(table: pa.Table) -> tuple[pa.Table, pl.DataFrame]:
    try:
        table.validate(full=True)
    except pa.ArrowInvalid as error:
        return _refuse_invalid_text(table, error)
    return table, pl.DataFrame(schema=FAULT_SCHEMA)


def _refuse_invalid_text(table: pa.Table, cause: pa.ArrowInvalid) -> tuple[pa.Table, pl.DataFrame]:
    """Finds the rows whose text is not UTF-8; any other fault, such as offsets out of order, condemns the whole body."""
    faults = []
    for name in table.schema.names:
        if not _fits(table.schema.field(name).type, "string"):
            continue
        text = pl.Series(name, [_bytes(value) for value in table.column(name).cast(pa.binary())], pl.Binary)
        bad = (text.is_not_null() & text.cast(pl.String, strict=False).is_null()).arg_true().cast(pl.Int64)
        reason = f"{name} is not UTF-8."
        columns = {
            "row_index": bad,
            "field": [name] * len(bad),
            "code": ["invalid_utf8"] * len(bad),
            "reason": [reason] * len(bad),
        }
        faults.append(pl.DataFrame(columns, schema=FAULT_SCHEMA))
    found = pl.concat([pl.DataFrame(schema=FAULT_SCHEMA), *faults]).unique("row_index", keep="first").sort("row_index")
    kept = table.filter(pa.array(~pl.int_range(table.num_rows, eager=True).is_in(found["row_index"].to_list())))
    try:
        kept.validate(full=True)
    except pa.ArrowInvalid as error:
        detail = f"The Arrow data are damaged: {str(cause).splitlines()[0][:200]}."
        raise UnreadableBody(detail, errors=[FieldError("", "unreadable_body", detail)]) from error
    return kept, found


def _bytes(value: pa.Scalar) -> bytes | None:
    return value.as_py() if value.is_valid else None  # type: ignore[no-any-return]


def _conversion(column: Column, kind: pl.DataType) -> pl.Expr:
    value = pl.col(column.name)
    if isinstance(kind, pl.Datetime):
        # A cast between units wraps around silently, so what no calendar holds is taken out first.
        unit = _UNIT[kind.time_unit]
        valid = value.to_physical().is_between(
            _FIRST_YEAR * unit if unit < 10**9 else -(2**63), _LAST_YEAR * unit if unit < 10**9 else 2**63 - 1
        )
        value = pl.when(valid).then(value).dt.convert_time_zone("UTC")
    return value.cast(POLARS[column.type], strict=False)


def _shown(table: pa.Table, contract: Contract, rows: pl.Series) -> pl.Series:
    """Rows as JSON without nulls' noise; the person never reaches the lake."""
    keep = [name for name in table.schema.names if name not in ("person", "row_index")]
    place = pl.DataFrame({"row_index": rows}).with_row_index("place")
    frame = pl.DataFrame(pl.from_arrow(table.select(["row_index", *keep])))
    found = place.join(frame, on="row_index", how="left").sort("place")
    return found.select(
        pl.struct(pl.col(keep).cast(pl.String, strict=False).str.slice(0, 500)).struct.json_encode()
    ).to_series()
