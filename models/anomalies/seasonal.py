"""The usual rate: hour of the week, shrunk towards the hour of the day while history is short, times a level."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

WEEK, DAY, MINUTES = 168, 24, 60
_FIRST = 72
"""The epoch began on a Thursday; hour 0 of the week is Monday's first, in UTC."""


def hour_of_week(hour: int) -> int:
    """Hour of the week (0 to 167) of an hour counted since the epoch."""
    return (hour + _FIRST) % WEEK


def season(events: Floats, hours: Floats, hour: int, prior: float) -> Floats:
    """Expected events per minute of the hour, (60, S), from the week's table of events and observed hours, (168, S) each.

    Each step is the mean of a gamma posterior with `prior` events at the coarser step's rate: all hours, hour of the
    day, hour of the week. Between the middles of hours the rate runs straight, as a ramp is not a stair.
    """
    around = np.array([hour_of_week(hour + step) for step in (-1, 0, 1)])
    days = around % DAY
    overall = (events.sum(axis=0) + 0.5) / (hours.sum(axis=0) + 1.0)
    by_day = [table.reshape(7, DAY, -1)[:, days].sum(axis=0) for table in (events, hours)]
    daily = (by_day[0] + prior) / (by_day[1] + prior / overall)
    weekly = (events[around] + prior) / (hours[around] + prior / daily)
    return np.asarray((_LEFT * weekly[0] + _MIDDLE * weekly[1] + _RIGHT * weekly[2]) / MINUTES)


def _ramps() -> tuple[Floats, Floats, Floats]:
    place = (np.arange(MINUTES) + 0.5) / MINUTES
    left, right = np.maximum(0.5 - place, 0.0), np.maximum(place - 0.5, 0.0)
    return left[:, None], (1.0 - left - right)[:, None], right[:, None]


_LEFT, _MIDDLE, _RIGHT = _ramps()


def level(events: Floats, expected: Floats, prior: float) -> Floats:
    """How much the last hours lie above their season, (S,): 1 without evidence."""
    return (events + prior) / (expected + prior)


def decay(hours: Floats | float, half_life: float) -> Floats:
    """What is left of a sum after so many hours."""
    return np.asarray(np.exp2(-np.asarray(hours) / half_life))
