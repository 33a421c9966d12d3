"""Arrow IPC streams to frames: columns are judged once for the batch, values by expressions."""

from collections.abc import Iterator
from functools import partial

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from patchbay.core.contracts import Column, Contract
from registry_api.intake.columnar.checks import FAULT_SCHEMA, Check
from registry_api.intake.columnar.parsed import PIECE_ROWS, POLARS, RAW, Parsed, decoded, require_rows, unconverted
from registry_api.intake.columnar.plain import require_plain
from registry_api.intake.errors import UnreadableBody, WrongColumns
from registry_api.problems import FieldError, TooLarge, suggestion

_FIRST, _LAST, _DAY = -62_135_596_800, 253_402_300_799, 86_400
_UNIT = {"ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
_RAW = {pa.string(): pa.binary(), pa.large_string(): pa.large_binary(), pa.string_view(): pa.binary_view()}
DECODED_FACTOR = 4
"""Text that a stream holds once and names often may come to this many times the body limit, no more."""


def parse_arrow(data: bytes, contract: Contract, limit: int) -> Iterator[Parsed]:
    """Read a stream whose columns fit the contract; missing nullable columns are null. Nothing when it has no row.

    Raises `UnreadableBody` for what is no whole plain stream, `WrongColumns` naming each column at fault, `TooLarge` past the limits.
    """
    table = _table(data, limit * DECODED_FACTOR)
    _require_columns(table.schema, contract)
    for first in range(0, table.num_rows, PIECE_ROWS):
        yield _piece(_plain(table.slice(first, PIECE_ROWS), first), contract)


def _piece(table: pa.Table, contract: Contract) -> Parsed:
    table, faults = _without_invalid_text(table)
    frame = pl.from_arrow(table)
    if not isinstance(frame, pl.DataFrame):
        raise UnreadableBody("The stream holds no table.")
    present = [c for c in contract.columns if c.name in frame.columns]
    changed = [c for c in present if c.type == "date" or frame.schema[c.name] != POLARS[c.type]]
    frame = frame.with_columns(pl.col(c.name).alias(RAW + c.name) for c in changed)
    frame = frame.with_columns(*(_conversion(c, frame.schema[c.name]) for c in changed))
    absent = [c for c in contract.columns if c.name not in frame.columns]
    frame = frame.with_columns(pl.lit(None, POLARS[c.type]).alias(c.name) for c in absent)
    checks = [Check(c.name, "out_of_range", f"{c.name} does not fit {c.type}.", unconverted(c)) for c in changed]
    return Parsed(frame, faults, checks, partial(_shown, table))


def _table(data: bytes, limit: int) -> pa.Table:
    try:
        require_plain(data)
        with pa.ipc.open_stream(pa.py_buffer(data)) as reader:
            _require_readable(reader.schema)
            batches, rows, size = [], 0, 0
            for batch in reader:
                rows += batch.num_rows
                require_rows(rows)
                _require_sound(batch)
                size += sum(_decoded_size(column) for column in batch.columns)
                if size > limit:
                    raise TooLarge(f"The text comes to more than {limit:,} bytes. Send it in smaller batches.")
                batches.append(batch)
            table = pa.Table.from_batches(batches, reader.schema)
    except (pa.ArrowException, OSError, ValueError) as error:
        detail = f"The body is no whole Arrow IPC stream: {str(error).splitlines()[0][:200]}."
        raise UnreadableBody(detail, errors=[FieldError("", "unreadable_body", detail)]) from error
    return table


def _require_readable(schema: pa.Schema) -> None:
    """Raises UnicodeDecodeError, a ValueError, when a column's or a zone's name is not UTF-8."""
    for field in schema:
        if pa.types.is_timestamp(_value_type(field)):
            str(_value_type(field).tz)
        field.name.encode()


def _value_type(field: pa.Field) -> pa.DataType:
    return field.type.value_type if pa.types.is_dictionary(field.type) else field.type


def _require_sound(batch: pa.RecordBatch) -> None:
    """Raises ArrowInvalid unless every offset and index stays inside its buffers; nothing may be read before that.

    Text is judged as bytes here: text that is not UTF-8 costs its row, not the batch.
    """
    for column in batch.columns:
        raw = _RAW.get(column.type)
        (column if raw is None else column.view(raw)).validate(full=True)


def _decoded_size(column: pa.Array) -> int:
    """Bytes of a column's text when each row has its own; 0 where the body itself holds it that way, or it is no text."""
    if pa.types.is_dictionary(column.type):
        lengths = _lengths(column.dictionary)
        return 0 if lengths is None else int(lengths.gather(pl.Series(column.indices)).sum())
    lengths = _lengths(column) if pa.types.is_string_view(column.type) else None
    return 0 if lengths is None else int(lengths.sum())


def _lengths(texts: pa.Array) -> pl.Series | None:
    raw = _RAW.get(texts.type)
    return None if raw is None else pl.Series(pl.from_arrow(texts.view(raw))).bin.size()


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
    kind = _value_type(field)
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


def _plain(table: pa.Table, first: int) -> pa.Table:
    """The columns without dictionaries, with `row_index`, which begins at `first`."""
    columns = {"row_index": pl.int_range(first, first + table.num_rows, dtype=pl.Int64, eager=True).to_arrow()}
    for name in table.schema.names:
        column = table.column(name)
        if pa.types.is_dictionary(column.type):
            column = pc.cast(column, column.type.value_type)
        if pa.types.is_timestamp(column.type):
            # Instants are the same in every zone, and a sender's zone may be one that nobody knows.
            column = column.cast(pa.timestamp(column.type.unit, "UTC"))
        columns[name] = column
    return pa.table(columns)


def _without_invalid_text(table: pa.Table) -> tuple[pa.Table, pl.DataFrame]:
    try:
        table.validate(full=True)
    except pa.ArrowInvalid as error:
        return _refuse_invalid_text(table, error)
    return table, pl.DataFrame(schema=FAULT_SCHEMA)


def _refuse_invalid_text(table: pa.Table, cause: pa.ArrowInvalid) -> tuple[pa.Table, pl.DataFrame]:
    """Finds the rows whose text is not UTF-8.

    Any other fault, such as offsets out of order, condemns the whole body.
    """
    faults, indexes = [], table.column("row_index").to_pylist()
    for name in table.schema.names:
        if not _fits(table.schema.field(name).type, "string"):
            continue
        values = table.column(name).cast(pa.binary()).to_pylist()
        bad = [index for index, raw in zip(indexes, values, strict=True) if raw is not None and decoded(raw) is None]
        fault = {"field": name, "code": "invalid_utf8", "reason": f"{name} is not UTF-8."}
        faults.append(pl.DataFrame([{"row_index": index, **fault} for index in bad], schema=FAULT_SCHEMA))
    found = pl.concat([pl.DataFrame(schema=FAULT_SCHEMA), *faults]).unique("row_index", keep="first").sort("row_index")
    bad_rows = pc.is_in(table.column("row_index"), value_set=pa.array(found["row_index"].to_list(), pa.int64()))
    kept = table.filter(pc.invert(bad_rows))
    try:
        kept.validate(full=True)
    except pa.ArrowInvalid as error:
        detail = f"The Arrow data are damaged: {str(cause).splitlines()[0][:200]}."
        raise UnreadableBody(detail, errors=[FieldError("", "unreadable_body", detail)]) from error
    return kept, found


def _conversion(column: Column, kind: pl.DataType) -> pl.Expr:
    value = pl.col(column.name)
    # A cast between units wraps around silently, and a date's parts panic, so what no calendar holds is taken out first.
    if isinstance(kind, pl.Datetime):
        value = _in_calendar(column.name, kind).dt.convert_time_zone("UTC")
    elif isinstance(kind, pl.Date):
        value = _in_calendar(column.name, kind)
    return value.cast(POLARS[column.type], strict=False)


def _in_calendar(name: str, kind: pl.DataType) -> pl.Expr:
    """The time or date where it lies between the years 1 and 9999, else null."""
    value = pl.col(name)
    if isinstance(kind, pl.Datetime):
        unit = _UNIT[kind.time_unit]
        first, last = (max(_FIRST * unit, -(2**63)), min(_LAST * unit, 2**63 - 1))
    else:
        first, last = _FIRST // _DAY, _LAST // _DAY
    return pl.when(value.to_physical().is_between(first, last)).then(value)


def _shown(table: pa.Table, rows: pl.Series) -> pl.Series:
    """Rows as JSON; the person never reaches the lake."""
    keep = [name for name in table.schema.names if name not in ("person", "row_index")]
    frame = pl.DataFrame(pl.from_arrow(table.select(["row_index", *keep])))
    found = pl.DataFrame({"row_index": rows}).join(frame, on="row_index", how="left", maintain_order="left")
    texts = [_as_text(name, found.schema[name]).str.slice(0, 500).alias(name) for name in keep]
    return found.select(pl.struct(texts).struct.json_encode()).to_series()


def _as_text(name: str, kind: pl.DataType) -> pl.Expr:
    """The value as text; a time no calendar holds, which Polars would panic over, as its number."""
    if isinstance(kind, (pl.Datetime, pl.Date)):
        number = pl.col(name).to_physical().cast(pl.String)
        return pl.coalesce(_in_calendar(name, kind).cast(pl.String), number)
    return pl.col(name).cast(pl.String, strict=False)
