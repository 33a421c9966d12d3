"""Time, always UTC and always aware."""

from datetime import UTC, date, datetime, timedelta

FUTURE_SKEW = timedelta(minutes=5)
"""How far ahead of our clock a reported time may be before it is refused."""

EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
"""Times before this are refused as impossible: no registry we know has older records."""


def utcnow() -> datetime:
    """The current instant, aware, in UTC."""
    return datetime.now(UTC)


def as_utc(moment: datetime) -> datetime:
    """The same instant in UTC; a naive time is taken to be UTC already (SQLite drops the zone)."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def day_of(moment: datetime) -> date:
    """The UTC calendar day an instant falls on."""
    return as_utc(moment).date()
