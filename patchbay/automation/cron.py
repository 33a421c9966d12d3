"""The five fields of cron and the instants they name in an IANA zone.

Where clocks are put forward or back the rule is this. An expression with fixed hours runs once for each wall time it
names: a time that does not exist is read with the offset before the gap (02:30 becomes 03:30, as RFC 5545 §3.3.5
reads it), and one that comes twice means the first. An expression for every hour follows elapsed time: it runs in
both of the two equal hours, and not in one that does not exist.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
_MACROS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
}
_FIELDS = (("minute", 0, 59), ("hour", 0, 23), ("day of month", 1, 31), ("month", 1, 12), ("day of week", 0, 7))
_ITEM = re.compile(r"(?:\*|(\w+)(?:-(\w+))?)(?:/([0-9]+))?\Z")
_HORIZON = timedelta(days=366 * 9)
"""Leap days are at most eight years apart, so what does not come within nine years never comes."""
_SOME_DAY = date(2000, 1, 1)
_ALL_HOURS = frozenset(range(24))
_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Cron:
    """Which minutes, hours, days and months an expression names, and in which zone."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    either_day: bool
    """Both day fields are restricted: then either is enough, as in every cron since Vixie's."""
    zone: ZoneInfo

    def after(self, moment: datetime, until: datetime | None = None) -> Iterator[datetime]:
        """Instants later than a moment, in UTC and in order, up to `until` (included) or nine years ahead.

        A tick asks with `until`: looking on to the next leap day, for every rule, would cost it seconds.
        """
        run = self._by_elapsed_time if self.hours == _ALL_HOURS else self._by_wall_time
        last = moment.astimezone(UTC)
        end = last + _HORIZON if until is None else until.astimezone(UTC)
        for instant in run(last, end):
            if last < instant <= end:
                last = instant
                yield instant

    @property
    def comes(self) -> bool:
        """Whether any day of nine years is named; hours and minutes always are."""
        return any(self._on(_SOME_DAY + timedelta(days=offset)) for offset in range(_HORIZON.days))

    def _by_wall_time(self, moment: datetime, end: datetime) -> Iterator[datetime]:
        # The day before too: a gap of a whole day (Samoa, 2011) moves its times to the next date.
        first = moment.astimezone(self.zone).date() - timedelta(days=1)
        walls = [time(hour, minute) for hour in sorted(self.hours) for minute in sorted(self.minutes)]
        for offset in range((end.astimezone(self.zone).date() - first).days + 1):
            day = first + timedelta(days=offset)
            if self._on(day):
                local = (datetime.combine(day, wall, self.zone) for wall in walls)
                yield from sorted(at.astimezone(UTC) for at in local)

    def _by_elapsed_time(self, moment: datetime, end: datetime) -> Iterator[datetime]:
        at = moment.replace(second=0, microsecond=0) + _MINUTE
        while at <= end:
            local = at.astimezone(self.zone)
            if not self._on(local.date()):
                at += _MINUTE * (60 - local.minute)
                continue
            if local.minute in self.minutes:
                yield at
            at += _MINUTE

    def _on(self, day: date) -> bool:
        in_month, in_week = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        return day.month in self.months and ((in_month or in_week) if self.either_day else (in_month and in_week))


def parse_cron(expression: str, zone: str = "UTC") -> Cron:
    """An expression of five fields or a macro such as @daily. ValueError says what is wrong, also if it never comes."""
    fields = _MACROS.get(expression.strip(), expression).split()
    if len(fields) != len(_FIELDS):
        raise ValueError(f"{expression!r} has {len(fields)} fields, not minute, hour, day of month, month, day of week")
    minutes, hours, days, months, weekdays = (
        _parse_field(text, *limits) for text, limits in zip(fields, _FIELDS, strict=True)
    )
    either = not fields[2].startswith("*") and not fields[4].startswith("*")
    cron = Cron(minutes, hours, days, months, frozenset(d % 7 for d in weekdays), either, parse_zone(zone))
    if not cron.comes:
        raise ValueError(f"{expression!r} never comes")
    return cron


def parse_zone(name: str) -> ZoneInfo:
    """A zone of the IANA database, such as Europe/Berlin; ValueError for any other name."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"{name!r} is no IANA time zone; write one as Europe/Berlin") from error


def _parse_field(text: str, name: str, low: int, high: int) -> frozenset[int]:
    return frozenset(value for item in text.split(",") for value in _parse_item(item, name, low, high))


def _parse_item(item: str, name: str, low: int, high: int) -> range:
    found = _ITEM.match(item)
    if not found:
        raise ValueError(f"{item!r} is no {name}")
    start, stop, step = found.groups()
    first = low if start is None else _number(start, name)
    # A step without an end (`5/15`) runs to the field's end, a bare value stands for itself.
    last = _number(stop, name) if stop else (high if start is None or step else first)
    if not (low <= first <= last <= high) or step == "0":
        raise ValueError(f"{item!r} is no {name}: {low} to {high}")
    return range(first, last + 1, int(step or 1))


def _number(text: str, name: str) -> int:
    words = {"month": _MONTHS, "day of week": _DAYS}.get(name, [])
    if text.isdecimal():
        return int(text)
    if text.lower() in words:
        return words.index(text.lower()) + (name == "month")
    raise ValueError(f"{text!r} is no {name}")
