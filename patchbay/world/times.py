"""Times inside the world are whole microseconds since the epoch, UTC; at its edges they are ISO 8601."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def micros(day: date) -> int:
    """Midnight UTC at the start of a day."""
    return (day - _EPOCH.date()).days * DAY


def moment(at: int) -> datetime:
    """The instant as an aware datetime."""
    return _EPOCH + timedelta(microseconds=int(at))


def iso(at: int) -> str:
    """The instant as ISO 8601 with `Z`, to the microsecond."""
    return moment(at).isoformat(timespec="microseconds").replace("+00:00", "Z")
