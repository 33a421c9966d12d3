"""Row rules as expressions, and the split of a frame into good rows and rejects."""

from dataclasses import dataclass

import polars as pl

FAULT_SCHEMA: dict[str, pl.DataType] = {
    "row_index": pl.Int64(),
    "field": pl.String(),
    "code": pl.String(),
    "reason": pl.String(),
}
"""Columns of a frame of faults; the refused row itself is added last."""

SHOWN = 80


@dataclass(frozen=True, slots=True)
class Check:
    """One rule: rows where `bad` is true are refused. A null `bad` is not bad; the reason may quote the row."""

    field: str
    code: str
    reason: str | pl.Expr
    bad: pl.Expr


def no_faults() -> pl.DataFrame:
    """An empty frame of faults."""
    return pl.DataFrame(schema=FAULT_SCHEMA)


def refuse(frame: pl.DataFrame, checks: list[Check]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The rows that pass every check, and one fault, the first, for each that does not."""
    if not checks or frame.is_empty():
        return frame, no_faults()
    masks = frame.select(check.bad.fill_null(value=False).alias(str(place)) for place, check in enumerate(checks))
    bad = masks.select(pl.any_horizontal(pl.all())).to_series()
    if not bad.any():
        return frame, no_faults()
    found, masks = frame.filter(bad), masks.filter(bad)
    first = masks.select(
        pl.coalesce(pl.when(pl.col(str(place))).then(pl.lit(place)) for place in range(len(checks))).alias("check")
    ).to_series()
    faults = [_faults(found.filter(first == place), checks[place]) for place in first.unique().sort()]
    return frame.filter(~bad), pl.concat(faults).sort("row_index")


def _faults(rows: pl.DataFrame, check: Check) -> pl.DataFrame:
    reason = pl.lit(check.reason) if isinstance(check.reason, str) else check.reason
    columns = {"field": pl.lit(check.field), "code": pl.lit(check.code), "reason": reason}
    return rows.select("row_index", **columns).cast(FAULT_SCHEMA)  # type: ignore[arg-type]


def quoted(column: str) -> pl.Expr:
    """The value of a text column as a reason shows it, cut short."""
    return pl.format("'{}'", pl.col(column).str.slice(0, SHOWN))


def required(column: str) -> Check:
    """The column must be there and not be empty."""
    value = pl.col(column)
    return Check(column, "missing_field", f"{column} is required.", value.is_null() | (value == ""))


def at_most(column: str, characters: int) -> Check:
    """Text no longer than so many characters."""
    reason = pl.format(
        "{} has {} characters; the most is {}.", pl.lit(column), pl.col(column).str.len_chars(), pl.lit(characters)
    )
    # Bytes are counted without decoding, and no text has more characters than bytes.
    long = (pl.col(column).str.len_bytes() > characters) & (pl.col(column).str.len_chars() > characters)
    return Check(column, "too_long", reason, long)


def one_of(column: str, allowed: tuple[str, ...]) -> Check:
    """Text from a closed list."""
    reason = pl.format("{} is not one of {}.", quoted(column), pl.lit(", ".join(allowed)))
    return Check(column, "not_in_list", reason, ~pl.col(column).is_in(allowed))


def between(column: str, least: float, most: float) -> Check:
    """A number within bounds, both included."""
    value = pl.col(column)
    reason = pl.format(
        "{} is {}; it must be from {} to {}.", pl.lit(column), value, pl.lit(str(least)), pl.lit(str(most))
    )
    return Check(column, "out_of_range", reason, (value < least) | (value > most))


def finite(column: str) -> Check:
    """A number that is neither NaN nor infinite."""
    reason = f"{column} is not a finite number; leave it out when it is unknown."
    return Check(column, "not_finite", reason, ~pl.col(column).is_finite())


def not_negative(column: str) -> Check:
    """A number from 0 on."""
    return Check(column, "negative", f"{column} is negative.", pl.col(column) < 0)
