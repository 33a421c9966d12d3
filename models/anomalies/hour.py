"""The clockwork both detectors share: what an hour will look like, and what is learnt when it is over.

Everything that changes slowly changes at the hour; within it a minute costs a few additions. The detector of one series
and the one of many call the same functions, which is why they agree.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.anomalies.config import DetectorConfig
from models.anomalies.evidence import dispersion, ratios
from models.anomalies.seasonal import DAY, MINUTES, Floats, decay, hour_of_week, level, season
from models.anomalies.state import State
from models.anomalies.tail import surprise_line


@dataclass(frozen=True, slots=True)
class Plan:
    """One hour of S series: per minute (60, S) the season and the mean; slope and drift of evidence (3, 60, S).

    `line` (4, S) is the evidence that raises an alarm, infinite while a series is not ready; `offset` and `scale` make
    evidence a decimal surprise; `noise` is the dispersion and `highest` the largest count so far, (S,) both.
    """

    season: Floats
    mean: Floats
    noise: Floats
    slope: Floats
    drift: Floats
    offset: Floats
    scale: Floats
    line: Floats
    highest: Floats
    ready: NDArray[np.bool_]


def plan_hour(config: DetectorConfig, state: State, hour: int) -> Plan:
    """What to expect of an hour, from all hours that are over."""
    usual = season(state.week_events, state.week_hours, hour, config.season_prior)
    mean = level(state.level_events, state.level_expected, config.level_prior) * usual
    noise = dispersion(state.noise_excess, state.noise_square)
    slope, drift = ratios(mean, noise, config.surge, config.drop)
    offset, scale = surprise_line(state.tail_hours, state.tail_peaks, state.tail_excess, config.tail_from)
    ready = is_ready(config, state)
    line = np.where(ready, (config.threshold - offset) / scale, np.inf)
    return Plan(usual, mean, noise, slope, drift, offset, scale, line, state.highest.copy(), ready)


def is_ready(config: DetectorConfig, state: State) -> NDArray[np.bool_]:
    """Which series may raise alarms, (S,): known for long enough and busy enough to mean something."""
    rate = state.week_events.sum(axis=0) / np.maximum(state.week_hours.sum(axis=0), 1.0) / MINUTES
    return np.asarray((state.hours >= config.warm_hours) & (rate >= config.least_rate))


def open_hour(config: DetectorConfig, state: State, hour: int) -> Plan:
    """Begin an hour: close the one before, if there was one, and plan this one. Changes the state."""
    if state.hour is not None:
        _close(config, state, is_ready(config, state))
    state.hour = hour
    plan = plan_hour(config, state, hour)
    state.evidence[:, ~plan.ready] = 0.0
    return plan


def _close(config: DetectorConfig, state: State, ready: NDArray[np.bool_]) -> None:
    """Learn from the hour's sums and empty them. An hour without an observed minute changes nothing."""
    assert state.hour is not None
    seen = state.seen / MINUTES
    _learn_tail(config, state, np.where(ready, seen, 0.0))
    _learn_season(config, state, hour_of_week(state.hour), seen)
    _learn_noise(config, state, seen)
    state.highest = np.maximum(state.highest * decay(seen, config.range_half_life), state.peak_count)
    state.hours = state.hours + seen
    _hold(config, state)
    for name in _OPEN:
        getattr(state, name)[:] = 0.0


_OPEN = (
    "seen",
    "suspicious",
    "learnt",
    "learnt_events",
    "learnt_season",
    "learnt_excess",
    "learnt_square",
    "peaks",
    "peak_count",
)


def _learn_season(config: DetectorConfig, state: State, place: int, seen: Floats) -> None:
    """The week's table and the level take in the minutes that were not suspicious."""
    keep = np.where(seen > 0, config.season_keep, 1.0)
    state.week_events[place] = state.week_events[place] * keep + state.learnt_events
    state.week_hours[place] = state.week_hours[place] * keep + state.learnt / MINUTES
    fade = decay(state.learnt / MINUTES, config.level_half_life)
    state.level_events = state.level_events * fade + state.learnt_events
    state.level_expected = state.level_expected * fade + state.learnt_season


def _learn_noise(config: DetectorConfig, state: State, seen: Floats) -> None:
    """What the counts vary by beyond Poisson; not from the first day, when the mean itself is a guess."""
    fade = decay(seen, config.noise_half_life)
    known = state.hours >= DAY
    state.noise_excess = state.noise_excess * fade + np.where(known, state.learnt_excess, 0.0)
    state.noise_square = state.noise_square * fade + np.where(known, state.learnt_square, 0.0)


def _learn_tail(config: DetectorConfig, state: State, seen: Floats) -> None:
    """The hour's peaks, each at most as high as the line of an alarm: one surge must not deafen the series."""
    offset, scale = surprise_line(state.tail_hours, state.tail_peaks, state.tail_excess, config.tail_from)
    most = (config.threshold - offset) / scale
    over = (state.peaks > config.tail_from) & (seen > 0)
    fade = decay(seen, config.tail_half_life)
    state.tail_hours = state.tail_hours * fade + seen
    state.tail_peaks = state.tail_peaks * fade + over
    excess = np.where(over, np.minimum(state.peaks, most) - config.tail_from, 0.0)
    state.tail_excess = state.tail_excess * fade + excess


def _hold(config: DetectorConfig, state: State) -> None:
    """Count the hours that were mostly suspicious; when patience ends, what goes on becomes the scale of the whole week.

    Were only the hours rescaled in which it was seen, the same weekday would raise the same alarm for weeks to come.
    """
    mostly = (state.suspicious > 0) & (state.suspicious >= state.seen / 2)
    held = np.where(state.seen == 0, state.held, np.where(mostly, state.held + 1.0, 0.0))
    over = (held >= config.patience) & (state.evidence.max(axis=0) > 0)
    strongest = state.evidence.argmax(axis=0)[None]
    came, due = (np.take_along_axis(sums, strongest, 0)[0] for sums in (state.since_events, state.since_expected))
    state.week_events *= np.where(over, level(came, due, config.level_prior), 1.0)
    state.evidence[:, over] = 0.0
    state.held = np.where(over, 0.0, held)


def surprise(plan: Plan, evidence: Floats, component: int) -> Floats:
    """Decimal surprise of evidence in nats, (..., S): 0 where there is none or the series is not ready."""
    value = plan.offset[component] + plan.scale[component] * evidence
    return np.where(plan.ready & (evidence > 0), np.maximum(value, 0.0), 0.0)
