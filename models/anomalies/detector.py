"""One series, minute by minute, behind river's interface."""

from math import sqrt
from typing import Any, Self

import numpy as np
from river.base import AnomalyDetector

from models.anomalies.config import DetectorConfig
from models.anomalies.evidence import COMPONENTS, RANGE, RUNNING, band
from models.anomalies.hour import Plan, open_hour, plan_hour
from models.anomalies.many import Counts, ManyDetector
from models.anomalies.reading import Reading
from models.anomalies.seasonal import MINUTES
from models.anomalies.state import State

_ANSCOMBE = 0.375


class SeriesDetector(AnomalyDetector):
    """Scores counts per minute, `{"minute": minutes since the epoch, "count": events}`, as a decimal surprise.

    A score of 4 is an hour's peak seen once in ten thousand hours of this series' own past. Score first, then learn. A
    minute that is never learnt is a gap, which is not silence: a minute without events must be given as 0. Within an
    hour a minute costs a few additions; at the hour the shared clockwork turns.
    """

    _minute: int | None
    _highest: float
    _noise: float

    def __init__(self, config: DetectorConfig | None = None) -> None:
        self.config = config or DetectorConfig()
        self._resume(State.empty(1))

    @classmethod
    def resume(cls, state: State, config: DetectorConfig | None = None) -> Self:
        """Go on from what was remembered, by this class or as one series of a `ManyDetector`."""
        if state.series != 1:
            raise ValueError(f"a state of one series is needed, not of {state.series}")
        detector = cls(config)
        detector._resume(state.copy())
        return detector

    @classmethod
    def warmed(cls, counts: Counts, start: int, config: DetectorConfig | None = None) -> Self:
        """Begin with a history of counts (T,) from the minute `start` on, learnt by the vectorised twin."""
        many = ManyDetector(1, config)
        many.learn(counts[:, None], start)
        return cls.resume(many.state, config)

    @property
    def state(self) -> State:
        """A copy of what is remembered."""
        state = self._state.copy()
        state.minute = self._minute
        state.evidence[:, 0], state.onset[:, 0] = self._kept, self._onset
        state.since_events[:, 0], state.since_expected[:, 0] = self._events, self._expected
        for name, value in self._sums.items():
            getattr(state, name)[0] = value
        state.peaks[:, 0] = self._peaks
        return state

    def score_one(self, x: dict[Any, Any]) -> float:
        """Decimal surprise of a minute; 0 until the series is ready. Asking about a later hour ends the current one.

        Raises ValueError for a minute that is not after the last one learnt, or lies in an hour that has ended.
        """
        return max(self._scores(*self._checked(x)))

    def read_one(self, x: dict[Any, Any]) -> Reading:
        """The score with its reasons."""
        minute, count = self._checked(x)
        scores = self._scores(minute, count)
        score = max(scores)
        return self._reading(minute, count, scores.index(score), score)

    def learn_one(self, x: dict[Any, Any]) -> None:
        """Take a minute in. Raises ValueError for one that is not after the last."""
        minute, count = self._checked(x)
        place = minute % MINUTES
        suspicious = False
        for component in range(RUNNING):
            suspicious |= self._gather(component, minute, place, count)
        record = self._novelty(count)
        self._peaks[RANGE] = max(self._peaks[RANGE], record)
        self._note(place, count, suspicious or record >= self._line[RANGE])
        self._minute = minute
        self._next = minute + 1

    def _checked(self, x: dict[Any, Any]) -> tuple[int, float]:
        """Minute and count, in the hour that they belong to."""
        minute, count = int(x["minute"]), float(x["count"])
        if minute < self._next:
            raise ValueError(f"minute {minute} lies before {self._next}, where this series stands")
        if count < 0:
            raise ValueError(f"a count cannot be {count}")
        if minute >= self._hour_ends:
            self._turn(minute // MINUTES)
        return minute, count

    def _scores(self, minute: int, count: float) -> list[float]:
        if not self._ready:
            return [0.0] * len(COMPONENTS)
        place = minute % MINUTES
        evidence = [self._raw(component, place, count) for component in range(RUNNING)]
        evidence.append(self._novelty(count))
        return [
            max(offset + scale * nats, 0.0) if nats > 0 else 0.0
            for offset, scale, nats in zip(self._offset, self._scale, evidence, strict=True)
        ]

    def _raw(self, component: int, place: int, count: float) -> float:
        step = count * self._slope[component][place] - self._drift[component][place]
        return max(self._kept[component] + step, 0.0)

    def _gather(self, component: int, minute: int, place: int, count: float) -> bool:
        """Add a minute's evidence; whether there is so much of it that the minute should not be learnt from."""
        raw, line = self._raw(component, place, count), self._line[component]
        if self._kept[component] <= 0:
            self._onset[component], self._events[component], self._expected[component] = float(minute), 0.0, 0.0
        self._events[component] += count
        self._expected[component] += self._mean[place]
        self._peaks[component] = max(self._peaks[component], raw)
        self._kept[component] = min(raw, line) if self._ready else 0.0
        return raw >= line / 2

    def _novelty(self, count: float) -> float:
        if count <= self._highest:
            return 0.0
        beyond = sqrt(count + _ANSCOMBE) - sqrt(self._highest + _ANSCOMBE)
        return 2.0 * beyond * beyond / (1.0 + self._noise * self._highest)

    def _note(self, place: int, count: float, suspicious: bool) -> None:
        sums = self._sums
        sums["seen"] += 1.0
        sums["suspicious"] += suspicious
        sums["peak_count"] = max(sums["peak_count"], count)
        if suspicious:
            return
        mean = self._mean[place]
        sums["learnt"] += 1.0
        sums["learnt_events"] += count
        sums["learnt_season"] += self._season[place]
        sums["learnt_excess"] += (count - mean) ** 2 - mean
        sums["learnt_square"] += mean * mean

    def _reading(self, minute: int, count: float, component: int, score: float) -> Reading:
        onset, observed, expected = minute, count, self._mean[minute % MINUTES]
        if component < RUNNING and self._kept[component] > 0:
            onset = int(self._onset[component])
            observed += self._events[component]
            expected += self._expected[component]
        low, high = band(np.array(expected), np.array(self._noise))
        return Reading(0, minute, score, component, onset, observed, expected, float(low), float(high))

    def _turn(self, hour: int) -> None:
        """Make the hour the current one: what the last one taught is folded in as soon as anybody asks about the next."""
        state = self.state
        self._use(state, open_hour(self.config, state, hour))

    def _resume(self, state: State) -> None:
        plan = None if state.hour is None else plan_hour(self.config, state, state.hour)
        self._use(state, plan)

    def _use(self, state: State, plan: Plan | None) -> None:
        """Take arrays apart into plain numbers, which Python adds ten times faster than arrays of one element."""
        self._state = state
        self._minute = state.minute
        hour = -1 if state.hour is None else state.hour
        self._hour_ends = (hour + 1) * MINUTES
        self._next = max(hour * MINUTES, -1 if state.minute is None else state.minute + 1)
        self._kept: list[float] = state.evidence[:, 0].tolist()
        self._onset: list[float] = state.onset[:, 0].tolist()
        self._events, self._expected = state.since_events[:, 0].tolist(), state.since_expected[:, 0].tolist()
        self._peaks: list[float] = state.peaks[:, 0].tolist()
        self._sums = {name: float(getattr(state, name)[0]) for name in _SUMS}
        if plan is not None:
            self._read(plan)

    def _read(self, plan: Plan) -> None:
        self._slope: list[list[float]] = plan.slope[..., 0].tolist()
        self._drift: list[list[float]] = plan.drift[..., 0].tolist()
        self._mean, self._season = plan.mean[:, 0].tolist(), plan.season[:, 0].tolist()
        self._offset, self._scale = plan.offset[:, 0].tolist(), plan.scale[:, 0].tolist()
        self._line: list[float] = plan.line[:, 0].tolist()
        self._noise, self._highest = float(plan.noise[0]), float(plan.highest[0])
        self._ready = bool(plan.ready[0])


_SUMS = (
    "seen",
    "suspicious",
    "learnt",
    "learnt_events",
    "learnt_season",
    "learnt_excess",
    "learnt_square",
    "peak_count",
)
