"""What a detector says of a minute."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.anomalies.evidence import RUNNING, band
from models.anomalies.seasonal import Floats


@dataclass(frozen=True, slots=True)
class Reading:
    """One series, one minute (since the epoch). `score` is the decimal surprise of the strongest component.

    The component's evidence gathered from the minute `onset` to this one, in which `observed` events came; `expected`
    is their mean, `low` and `high` the three-sigma band around it.
    """

    series: int
    minute: int
    score: float
    component: int
    onset: int
    observed: float
    expected: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Readings:
    """At most an hour of S series, minute by minute from `start` (minutes since the epoch).

    `count` (-1 where nothing was observed), `mean`, `score` and `component` (place in COMPONENTS) are (n, S); `noise`
    (S,) is the dispersion; `onset` (3, n, S) the minute each running component began to gather; `since_events` and
    `since_expected` (3, S) what had come and was expected between that minute and `start`.
    """

    start: int
    count: Floats
    mean: Floats
    noise: Floats
    score: Floats
    component: NDArray[np.int8]
    onset: NDArray[np.int64]
    since_events: Floats
    since_expected: Floats

    def band(self) -> tuple[Floats, Floats]:
        """Low and high of the counts to expect in each minute, (n, S)."""
        return band(self.mean, self.noise)

    def alarms(self, threshold: float) -> Iterator[Reading]:
        """The readings that reach the threshold, in order of time."""
        for place, series in np.argwhere(self.score >= threshold):
            yield self.reading(int(place), int(series))

    def reading(self, place: int, series: int) -> Reading:
        """One cell."""
        component, minute = int(self.component[place, series]), self.start + place
        onset = minute if component >= RUNNING else int(self.onset[component, place, series])
        first = max(onset - self.start, 0)
        counts = self.count[first : place + 1, series]
        seen = counts >= 0
        observed, expected = float(counts[seen].sum()), float(self.mean[first : place + 1, series][seen].sum())
        if onset < self.start:
            observed += float(self.since_events[component, series])
            expected += float(self.since_expected[component, series])
        low, high = band(np.array(expected), self.noise[series])
        return Reading(
            series,
            minute,
            float(self.score[place, series]),
            component,
            onset,
            observed,
            expected,
            float(low),
            float(high),
        )
