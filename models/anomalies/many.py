"""Many series at once: an hour of all of them is a few dozen array operations."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from models.anomalies.config import DetectorConfig
from models.anomalies.evidence import RANGE, RUNNING
from models.anomalies.hour import Plan, open_hour, plan_hour, surprise
from models.anomalies.novelty import novelty
from models.anomalies.reading import Readings
from models.anomalies.seasonal import MINUTES, Floats
from models.anomalies.state import State

Counts = NDArray[np.integer[Any]]


class ManyDetector:
    """The detector of S series. What was not observed is -1 in the counts: it neither raises nor calms nor teaches.

    A good choice for uses, errors and requests per minute, from a few events per hour to thousands per minute; a bad one
    for quantities that are no counts, and for series whose rhythm is not the week's.
    """

    def __init__(self, series: int, config: DetectorConfig | None = None, state: State | None = None) -> None:
        self.config = config or DetectorConfig()
        self.state = state or State.empty(series)
        if self.state.series != series:
            raise ValueError(f"the state has {self.state.series} series, not {series}")
        self._plan: Plan | None = None

    @classmethod
    def join(cls, parts: Sequence["ManyDetector"]) -> Self:
        """One detector of all their series; all of one config and at the same minute, or not begun."""
        if any(part.config != parts[0].config for part in parts):
            raise ValueError("detectors of different configs cannot be joined")
        states = [part.settled() for part in parts]
        return cls(sum(state.series for state in states), parts[0].config, State.join(states))

    def settled(self) -> State:
        """A copy of what is remembered; a detector made from it goes on exactly as this one would."""
        return self.state.copy()

    def learn(self, counts: Counts, start: int) -> None:
        """Take in counts (T, S) of the minutes from `start` on without looking at the readings."""
        for _ in self.run(counts, start):
            pass

    def run(self, counts: Counts, start: int) -> Iterator[Readings]:
        """Score and then learn counts (T, S), minute by minute; one block of readings per clock hour touched.

        Raises ValueError for a start that is not after the last minute taken in, or for another number of series.
        """
        if counts.ndim != 2 or counts.shape[1] != self.state.series:
            raise ValueError(f"counts must be minutes × {self.state.series} series, not {counts.shape}")
        if self.state.minute is not None and start <= self.state.minute:
            raise ValueError(f"minute {start} is not after the last one, {self.state.minute}")
        done = 0
        while done < len(counts):
            size = min(MINUTES - (start + done) % MINUTES, len(counts) - done)
            yield self._block(counts[done : done + size].astype(np.float64), start + done)
            done += size

    def _block(self, counts: Floats, start: int) -> Readings:
        plan, state = self._planned(start // MINUTES), self.state
        block = _Block(start, counts, counts >= 0, plan.mean[_minutes(start, len(counts))])
        since = state.since_events, state.since_expected
        raw, onset = _gather(state, plan, block)
        record = np.where(block.observed, novelty(block.taken, plan.highest, plan.noise), 0.0)
        calm = (raw < plan.line[:RUNNING, None] / 2).all(axis=0) & (record < plan.line[RANGE])
        _note(state, plan, block, calm)
        _note_peaks(state, block, raw, record)
        _note_since(state, block)
        state.minute = start + len(counts) - 1
        score, component = _strongest(plan, raw, record)
        return Readings(start, counts, block.mean, plan.noise, score, component, onset, *since)

    def _planned(self, hour: int) -> Plan:
        if self.state.hour != hour:
            self._plan = open_hour(self.config, self.state, hour)
        elif self._plan is None:
            self._plan = plan_hour(self.config, self.state, hour)
        return self._plan


@dataclass(frozen=True, slots=True)
class _Block:
    """Counts (n, S) of one hour's minutes, which of them were observed, and their means."""

    start: int
    counts: Floats
    observed: NDArray[np.bool_]
    mean: Floats

    @property
    def taken(self) -> Floats:
        """The counts, 0 where nothing was observed."""
        return np.maximum(self.counts, 0.0)


def _minutes(start: int, count: int) -> slice:
    return slice(start % MINUTES, start % MINUTES + count)


def _gather(state: State, plan: Plan, block: _Block) -> tuple[Floats, NDArray[np.int64]]:
    """Evidence (3, n, S) before it is cut at the alarm's line, and the minute each began; the state keeps the last."""
    part = _minutes(block.start, len(block.counts))
    steps = block.taken * plan.slope[:, part] - plan.drift[:, part]
    steps *= block.observed
    most, kept, onset = plan.line[:RUNNING], state.evidence, state.onset
    onsets = np.empty(steps.shape, dtype=np.int64)
    for place in range(len(block.counts)):
        onset = np.where(kept > 0, onset, float(block.start + place))
        onsets[:, place] = onset
        raw = np.maximum(kept + steps[:, place], 0.0, out=steps[:, place])
        kept = np.minimum(raw, most)
    state.evidence, state.onset = np.where(plan.ready, kept, 0.0), onset
    steps *= block.observed
    return steps, onsets


def _note(state: State, plan: Plan, block: _Block, calm: NDArray[np.bool_]) -> None:
    """Add the minutes to the open hour's sums; suspicious ones are counted and teach nothing."""
    learnt = (block.observed & calm).astype(np.float64)
    counts, mean = block.taken, block.mean
    season = plan.season[_minutes(block.start, len(counts))]
    state.seen = state.seen + block.observed.sum(axis=0)
    state.suspicious = state.suspicious + (block.observed & ~calm).sum(axis=0)
    state.learnt = state.learnt + learnt.sum(axis=0)
    state.learnt_events = state.learnt_events + (learnt * counts).sum(axis=0)
    state.learnt_season = state.learnt_season + (learnt * season).sum(axis=0)
    state.learnt_excess = state.learnt_excess + (learnt * ((counts - mean) ** 2 - mean)).sum(axis=0)
    state.learnt_square = state.learnt_square + (learnt * mean * mean).sum(axis=0)


def _note_peaks(state: State, block: _Block, raw: Floats, record: Floats) -> None:
    state.peaks[:RUNNING] = np.maximum(state.peaks[:RUNNING], raw.max(axis=1))
    state.peaks[RANGE] = np.maximum(state.peaks[RANGE], record.max(axis=0))
    state.peak_count = np.maximum(state.peak_count, block.taken.max(axis=0))


def _note_since(state: State, block: _Block) -> None:
    """Carry on what came and was expected since evidence began to gather; sums of earlier blocks only while it holds."""
    here = block.start + np.arange(len(block.counts))
    within = here[:, None] >= state.onset[:, None, :]
    older = state.onset < block.start
    for name, values in (("since_events", block.taken), ("since_expected", block.mean * block.observed)):
        carried = np.where(older, getattr(state, name), 0.0)
        setattr(state, name, carried + np.where(within, values, 0.0).sum(axis=1))


def _strongest(plan: Plan, raw: Floats, record: Floats) -> tuple[Floats, NDArray[np.int8]]:
    """Score and component of each minute, (n, S) both; the first of equals."""
    score, component = surprise(plan, raw[0], 0), np.zeros(record.shape, dtype=np.int8)
    for place, evidence in enumerate((*raw[1:], record), 1):
        value = surprise(plan, evidence, place)
        better = value > score
        score = np.where(better, value, score)
        component[better] = place
    return score, component
