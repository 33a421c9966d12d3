"""NDJSON to frames, good lines at Polars' speed.

One regular expression, built from the contract, says which lines are flat objects of known fields with the right types. Those go to
Polars in one piece. Only the others are read one by one, which is how each gets its own reason, and how no field is coerced or
dropped in silence. (Arrow's JSON reader would be as strict but takes down the process on a line that holds only `null`.)
"""

import io
import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice
from typing import Any

import orjson
import polars as pl

from patchbay.core.contracts import Column, Contract
from registry_api.intake.columnar.checks import FAULT_SCHEMA, Check, quoted
from registry_api.intake.columnar.parsed import PIECE_ROWS, POLARS, RAW, Parsed, decoded, require_rows, unconverted
from registry_api.problems import suggestion

_W = r"[ \t]*"
_ESCAPE = r'\\(?:["\\/bfnrt]|u(?:[0-9A-CEFa-cef][0-9A-Fa-f]{3}|[dD][0-7][0-9A-Fa-f]{2}))'
_TEXT = rf'"(?:[^"\\\x00-\x1f]|{_ESCAPE})*"'
_FLOAT = r"-?(?:0|[1-9][0-9]{0,14})(?:\.[0-9]{1,30})?(?:[eE][+-]?[0-9]{1,2})?"
_INTEGER = r"-?(?:0|[1-9][0-9]{0,17})"
_VALUES = {
    "string": _TEXT,
    "timestamp": _TEXT,
    "date": _TEXT,
    "int64": _INTEGER,
    "float64": _FLOAT,
    "decimal": f"{_TEXT}|{_FLOAT}",
}
_AS_TEXT = frozenset({"timestamp", "date", "decimal"})
_NO_ZONE = r"^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d+)?)?$"
_NOT_FINITE = re.compile(rb":\s*[+-]?(?:NaN|Infinity|inf|nan)\b")
_FIELD_END = re.compile(r'"[ \t\r\n]*:')
_KEPT = 500
LONGEST_LINE = 1 << 20
"""Bytes; far more than any good row has, and read whole, `[[],[],…` takes twenty times its size in memory."""


def parse_ndjson(data: bytes, contract: Contract) -> Iterator[Parsed]:
    """Read one JSON object a line; blank lines do not count. Never raises for what a line holds.

    Raises `TooLarge` for more lines than a batch may have.
    """
    require_rows(data.count(b"\n"))
    stream, first = io.BytesIO(data), 0
    while lines := [line[: LONGEST_LINE + 1] for line in islice(stream, PIECE_ROWS)]:
        parsed = _piece(lines, first, contract)
        first += parsed.received
        yield parsed


def _piece(raw: list[bytes], first: int, contract: Contract) -> Parsed:
    lines, undecodable = _without_blanks(*_lines(raw))
    frame = _read_clean(lines, undecodable, contract)
    faults = pl.DataFrame(schema=FAULT_SCHEMA)
    if frame.height < len(lines):
        frame, faults = _with_odd(frame, lines, undecodable, contract)
    frame, faults = (part.with_columns(pl.col("row_index") + first) for part in (frame, faults))
    return Parsed(
        _converted(frame, contract), faults, _conversion_checks(contract), lambda rows: _shown(lines, rows - first)
    )


def _lines(raw: list[bytes]) -> tuple[pl.Series, dict[int, bytes]]:
    try:
        return pl.Series("line", [line.decode().removesuffix("\n") for line in raw], pl.String), {}
    except UnicodeDecodeError:
        texts = [decoded(line) for line in raw]
        undecodable = {place: line for place, line in enumerate(raw) if texts[place] is None}
        return pl.Series(
            "line", [line.decode(errors="replace").removesuffix("\n") for line in raw], pl.String
        ), undecodable


def _without_blanks(lines: pl.Series, undecodable: dict[int, bytes]) -> tuple[pl.Series, dict[int, bytes]]:
    kept = lines.str.contains(r"[^\s]")
    if kept.all():
        return lines, undecodable
    place = kept.cum_sum() - 1
    return lines.filter(kept), {int(place[at]): raw for at, raw in undecodable.items()}


@lru_cache(maxsize=8)
def _clean_line(contract: Contract) -> str:
    by_value: dict[str, list[str]] = {}
    for column in contract.columns:
        by_value.setdefault(_VALUES[column.type], []).append(column.name)
    # `_once` counts on the colon coming at once.
    pairs = [f'"(?:{"|".join(names)})":{_W}(?:{value}|null)' for value, names in by_value.items()]
    pair = f"(?:{'|'.join(pairs)})"
    return rf"^{_W}\{{{_W}(?:{pair}{_W}(?:,{_W}{pair}{_W})*)?\}}{_W}\r?$"


def _text_schema(contract: Contract) -> dict[str, pl.DataType]:
    return {c.name: pl.String() if c.type in _AS_TEXT else POLARS[c.type] for c in contract.columns}


def _read_clean(lines: pl.Series, undecodable: dict[int, bytes], contract: Contract) -> pl.DataFrame:
    """The lines that can be read as they are, with their place as `row_index`."""
    fields = lines.str.count_matches('":', literal=True)
    # Polars takes time by the square of a line's fields, and more than there are columns cannot be right.
    clean = (fields <= len(contract.columns)) & lines.str.contains(_clean_line(contract))
    places = pl.int_range(len(lines), eager=True)
    if undecodable:
        clean &= ~places.is_in(list(undecodable))
    places, lines, fields = places.filter(clean), lines.filter(clean), fields.filter(clean)
    if lines.is_empty():
        return pl.DataFrame(schema={**_text_schema(contract), "row_index": pl.Int64()})
    text = "\n".join(lines.to_list()).encode()
    frame = pl.read_ndjson(io.BytesIO(text), schema=_text_schema(contract))
    return frame.with_columns(row_index=places).filter(_once(lines, fields, frame))


def _once(lines: pl.Series, fields: pl.Series, frame: pl.DataFrame) -> pl.Series:
    """Which lines name no field twice, where Polars would take the first value and everyone else the last.

    A line with as many fields as the row has values repeats none; only the others, such as those with nulls, are read once more.
    """
    values = frame.select(pl.sum_horizontal(pl.all().is_not_null())).to_series()
    once = fields == values
    odd = ~once
    counted = zip(lines.filter(odd), fields.filter(odd), strict=True)
    return once.scatter(odd.arg_true(), [len(orjson.loads(line)) == count for line, count in counted])


def _with_odd(
    good: pl.DataFrame, lines: pl.Series, undecodable: dict[int, bytes], contract: Contract
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The good rows with those of the other lines that can be saved, and the faults of the rest."""
    odd = ~pl.int_range(len(lines), eager=True).is_in(good["row_index"].to_list())
    places = odd.arg_true().to_list()
    rows = [
        _examined(place, line, undecodable.get(place), contract)
        for place, line in zip(places, lines.filter(odd).to_list(), strict=True)
    ]
    saved = pl.DataFrame([row for row in rows if "code" not in row], schema=good.schema)
    faults = pl.DataFrame([row for row in rows if "code" in row], schema=FAULT_SCHEMA)
    return pl.concat([good, saved]).sort("row_index"), faults


def _examined(place: int, line: str, undecodable: bytes | None, contract: Contract) -> dict[str, Any]:
    """The line's values, or its fault, which is what has a `code`; no contract column is called so."""
    if len(undecodable or line.encode()) > LONGEST_LINE:
        return _fault(place, "", "too_long", f"The line has more than {LONGEST_LINE:,} bytes.")
    if undecodable is not None:
        return _fault(place, "", "invalid_utf8", f"The line is not UTF-8: {_utf8_fault(undecodable)}.")
    try:
        found = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        if _NOT_FINITE.search(line.encode()):
            return _fault(
                place, "", "not_finite", "JSON has no NaN or Infinity; leave the field out when it is unknown."
            )
        return _fault(place, "", "malformed_json", f"The line is not JSON: {error.msg} (column {error.colno}).")
    if not isinstance(found, dict):
        return _fault(place, "", "not_an_object", f"The line holds {_json_type(found)}, not an object.")
    row = _typed(place, found, contract)
    if "code" not in row and (name := _repeated(line)) is not None:
        return _fault(place, name, "repeated_field", f"{name} comes twice.")
    return row


def _repeated(line: str) -> str | None:
    """The first field that a line of known fields and flat values names twice; readers keep the last and say nothing."""
    seen: set[str] = set()
    for end in map(re.Match.start, _FIELD_END.finditer(line)):
        if line[end - 1] == "\\":
            continue  # a quote inside a text
        name = orjson.loads(line[line.rindex('"', 0, end) : end + 1])
        if name in seen:
            return str(name)
        seen.add(name)
    return None


def _typed(place: int, found: dict[str, Any], contract: Contract) -> dict[str, Any]:
    columns = {column.name: column for column in contract.columns}
    row: dict[str, Any] = {"row_index": place}
    for name, value in found.items():
        if name not in columns:
            return _fault(place, name[:200], "unknown_field", _unknown(name[:200], contract))
        if value is not None:
            row[name] = _value(columns[name], value)
            if row[name] is None:
                wanted = _WANTED[columns[name].type]
                return _fault(place, name, "wrong_type", f"{name} is {_json_type(value)}; it must be {wanted}.")
    return row


def _value(column: Column, value: Any) -> Any:
    if column.type == "int64":
        whole = type(value) is int or (type(value) is float and value.is_integer())
        return int(value) if whole and -(2**63) <= value < 2**63 else None
    if column.type == "float64":
        return float(value) if type(value) in (int, float) else None
    if column.type == "decimal" and type(value) in (int, float):
        return str(value)
    return value if type(value) is str else None


_WANTED = {
    "string": "a string",
    "timestamp": "a string, such as 2026-05-01T12:00:00Z",
    "date": "a string, such as 2026-05-01",
    "int64": "a whole number of 64 bits",
    "float64": "a number",
    "decimal": "a number, or a string that holds one",
}


def _fault(place: int, field: str, code: str, reason: str) -> dict[str, Any]:
    return {"row_index": place, "field": field, "code": code, "reason": reason}


def _json_type(value: object) -> str:
    names = {
        dict: "an object",
        list: "an array",
        str: "a string",
        bool: "true or false",
        int: "a number",
        float: "a number",
    }
    return names.get(type(value), "null")


def _utf8_fault(line: bytes) -> str:
    try:
        line.decode()
    except UnicodeDecodeError as error:
        return f"byte {error.start} is 0x{line[error.start]:02x}"
    return "unknown fault"


@lru_cache(maxsize=256)
def _unknown(name: str, contract: Contract) -> str:
    return f"There is no field {name!r}. {suggestion(name, set(contract.column_names))}"


def _converted(frame: pl.DataFrame, contract: Contract) -> pl.DataFrame:
    texts = [column for column in contract.columns if column.type in _AS_TEXT]
    raw = [pl.col(column.name).alias(RAW + column.name) for column in texts]
    return frame.with_columns(*raw).with_columns(*(_conversion(column) for column in texts))


def _conversion(column: Column) -> pl.Expr:
    value = pl.col(column.name)
    if column.type == "timestamp":
        return value.str.to_datetime("%+", time_unit="us", time_zone="UTC", strict=False)
    return (
        value.str.to_date("%Y-%m-%d", strict=False)
        if column.type == "date"
        else value.cast(POLARS["decimal"], strict=False)
    )


def _conversion_checks(contract: Contract) -> list[Check]:
    checks = []
    for column in contract.columns:
        raw = RAW + column.name
        if column.type == "timestamp":
            reason = pl.format("{} has no time zone; end it with Z or an offset such as +02:00.", quoted(raw))
            checks.append(
                Check(column.name, "missing_zone", reason, unconverted(column) & pl.col(raw).str.contains(_NO_ZONE))
            )
        if column.type in _AS_TEXT:
            reason = pl.format("{} is no {}.", quoted(raw), pl.lit(_NOUNS[column.type]))
            checks.append(Check(column.name, f"invalid_{column.type}", reason, unconverted(column)))
    return checks


_NOUNS = {
    "timestamp": "time as RFC 3339 writes it, such as 2026-05-01T12:00:00Z",
    "date": "date such as 2026-05-01",
    "decimal": "decimal number of at most 12 digits before and 6 after the point",
}


def _shown(lines: pl.Series, rows: pl.Series) -> pl.Series:
    """The beginnings of the objects as received; a person id never reaches the lake, so lines that are none are not kept."""
    return pl.Series([_without_person(line) for line in lines.gather(rows)], dtype=pl.String)


def _without_person(line: str) -> str | None:
    try:
        found = orjson.loads(line)
        if isinstance(found, dict):
            return orjson.dumps({name: value for name, value in found.items() if name != "person"}).decode()[:_KEPT]
    except (ValueError, TypeError):
        pass  # no JSON, or nested too deeply to be written out again
    return None
