"""Values as people read them. A missing value is a dash, never a zero."""

from datetime import UTC, date, datetime

import polars as pl

MISSING = "–"


def whole(value: float | None) -> str:
    """An integer with thin separators: 12,345."""
    return MISSING if value is None else f"{value:,.0f}"


def short(value: float | None) -> str:
    """A count in three digits: 1.23 M. Below ten thousand it is exact."""
    if value is None:
        return MISSING
    for size, unit in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= max(0.9995 * size, 10_000):
            scaled = value / size
            return f"{scaled:.{2 if abs(scaled) < 10 else 1 if abs(scaled) < 100 else 0}f} {unit}"
    return f"{value:,.0f}"


def total(column: pl.Series) -> float:
    """The sum of a numeric column, missing values left out."""
    return float(column.sum())


def percent(share: float | None, digits: int = 0) -> str:
    """A share of one as a percentage."""
    return MISSING if share is None else f"{share:.{digits}%}"


def change(now: float | None, before: float | None) -> str | None:
    """The relative change in words' short form, such as +12 %; None when there is nothing to compare with."""
    if now is None or not before:
        return None
    return f"{(now - before) / before:+.0%}"


def day(value: date | datetime | None) -> str:
    """A UTC calendar day: 23 Nov 2026."""
    return MISSING if value is None else f"{value.day} {value:%b %Y}"


def moment(value: datetime | None) -> str:
    """An instant to the minute, in UTC."""
    return MISSING if value is None else f"{day(utc(value))}, {utc(value):%H:%M} UTC"


def utc(value: datetime) -> datetime:
    """The same instant, aware; snapshots keep naive UTC."""
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def ago(value: datetime | None, now: datetime) -> str:
    """How long ago, in the largest sensible unit."""
    if value is None:
        return MISSING
    seconds = max((now - utc(value)).total_seconds(), 0)
    for size, unit in ((31_557_600, "year"), (2_629_800, "month"), (86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= size:
            count = int(seconds // size)
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return "just now"


def plural(count: float | None, noun: str, several: str | None = None) -> str:
    """A count with its noun: 1 plugin, 2 plugins; `several` is the noun of many where it takes no s."""
    return f"{whole(count)} {noun if count == 1 else several or noun + 's'}"
