"""Spans of time and shares as rules spell them: `5m`, `1h30m`, `80%`."""

import re
from datetime import timedelta

_UNITS = {"d": "days", "h": "hours", "m": "minutes", "s": "seconds"}
_PART = re.compile(r"([0-9]+)([dhms])")
_DURATION = re.compile(r"(?:[0-9]+[dhms])+\Z")
_PERCENT = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*%\Z")
LONGEST = timedelta(days=366)


def parse_duration(text: str) -> timedelta:
    """A span such as `90s`, `5m`, `1h30m` or `2d`; at most a year. ValueError with an example otherwise.

    A bare number is refused: one reader takes it for seconds, the next for minutes.
    """
    if not _DURATION.match(text):
        raise ValueError(f"{text!r} is no duration; write it with units, as 90s, 5m, 1h30m or 2d")
    parts = _PART.findall(text)
    if len({unit for _, unit in parts}) < len(parts):
        raise ValueError(f"{text!r} names a unit twice")
    try:
        span = sum((timedelta(**{_UNITS[unit]: int(count)}) for count, unit in parts), timedelta())
    except OverflowError:
        span = timedelta.max
    if span > LONGEST:
        raise ValueError(f"{text!r} is longer than a year")
    return span


def format_duration(span: timedelta) -> str:
    """The spelling of a span that is not negative, in whole seconds: `1h30m`; `parse_duration` reads it back."""
    seconds = int(span.total_seconds())
    parts = [(seconds // 86_400, "d"), (seconds // 3_600 % 24, "h"), (seconds // 60 % 60, "m"), (seconds % 60, "s")]
    return "".join(f"{count}{unit}" for count, unit in parts if count) or "0s"


def parse_share(text: str) -> float:
    """A percentage as a fraction: `80%` is 0.8. ValueError otherwise."""
    found = _PERCENT.match(text)
    if not found:
        raise ValueError(f"{text!r} is no percentage; write it as 80%")
    return float(found[1]) / 100


def parse_quantity(text: str) -> float:
    """A threshold spelled with a unit: a share as a fraction, a span as seconds. ValueError otherwise."""
    if _PERCENT.match(text):
        return parse_share(text)
    if _DURATION.match(text):
        return parse_duration(text).total_seconds()
    raise ValueError(f"{text!r} is no quantity; write a number, a share as 80% or a span as 6h")
