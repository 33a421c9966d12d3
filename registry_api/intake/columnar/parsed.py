"""What both wire forms are parsed into, piece by piece, so that what a batch is refused for need never be in memory as a whole."""

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from patchbay.core.contracts import Column
from registry_api.intake.columnar.checks import Check
from registry_api.problems import TooLarge

RAW = "__raw_"
"""Prefix of a column kept as it came, beside its converted form, to tell why a value could not be converted."""

MOST_ROWS = 1_000_000
"""Rows of one batch: what a row costs in memory does not depend on how few bytes it came in."""

PIECE_ROWS = 65_536
"""Rows judged at once. A refused row costs ten times a good one until it is written away."""

POLARS: dict[str, pl.DataType] = {
    "string": pl.String(),
    "int64": pl.Int64(),
    "float64": pl.Float64(),
    "timestamp": pl.Datetime("us", "UTC"),
    "date": pl.Date(),
    "decimal": pl.Decimal(18, 6),
}


@dataclass(frozen=True, slots=True)
class Parsed:
    """A piece of a batch as a frame of the contract's columns plus `row_index`; rows that could not be read are in `faults` already.

    `checks` are those of the conversion. `shown` gives refused rows of the piece, by `row_index`, as JSON text without the person.
    """

    frame: pl.DataFrame
    faults: pl.DataFrame
    checks: list[Check]
    shown: Callable[[pl.Series], pl.Series]

    @property
    def received(self) -> int:
        """Rows of the piece."""
        return self.frame.height + self.faults.height


def require_rows(rows: int) -> None:
    """Raises `TooLarge` for more rows than a batch may have."""
    if rows > MOST_ROWS:
        raise TooLarge(f"A batch may have {MOST_ROWS:,} rows. Send it in smaller batches.")


def unconverted(column: Column) -> pl.Expr:
    """True where a value came but none could be made of it."""
    return pl.col(column.name).is_null() & pl.col(RAW + column.name).is_not_null()


def decoded(raw: bytes | None) -> str | None:
    """The text, or None where the bytes are not UTF-8. For batches already known to hold such bytes, value by value."""
    try:
        return None if raw is None else raw.decode()
    except UnicodeDecodeError:
        return None
