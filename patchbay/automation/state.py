"""The life of one series under one rule: pending, firing, over. Times and rests are durable, downtime counts for nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal

from patchbay.automation.triggers import SeriesTrigger

Phase = Literal["pending", "firing"]
Change = Literal["pending", "firing", "resolved", "dropped", "lost"]
NOTHING = timedelta(0)


@dataclass(frozen=True, slots=True)
class SeriesState:
    """What is remembered of a series that is not quiet; a quiet one is not remembered at all, so memory stays bounded.

    `held` is how long consecutive good evaluations agreed that it is breached, `calm` how long that it is over. The
    episode is the instant it became pending. `acted` and `refused` are what came of the episode's plan.
    """

    phase: Phase
    episode: datetime
    evaluated: datetime
    """Last evaluation, good or not."""
    good: datetime
    """Last good evaluation."""
    labels: Mapping[str, str] = field(default_factory=dict)
    held: timedelta = NOTHING
    calm: timedelta | None = None
    acted: bool = False
    refused: str | None = None
    recent: tuple[tuple[datetime, float], ...] = ()
    """Values of the last while, kept only for rules whose plan looks back."""


@dataclass(frozen=True, slots=True)
class Step:
    """A state after an evaluation (None: quiet), what changed, and whether the value was good and still breached."""

    state: SeriesState | None
    change: Change | None = None
    breached: bool = False


def observe(
    trigger: SeriesTrigger,
    before: SeriesState | None,
    value: float,
    labels: Mapping[str, str],
    now: datetime,
    max_gap: timedelta,
) -> Step:
    """The step a good value makes. Time counts only between two good evaluations in a row that are at most max_gap apart."""
    if before is None:
        if not trigger.breached(value):
            return Step(None)
        return _ripen(trigger, SeriesState("pending", now, now, now, labels), NOTHING, now, "pending")
    passed = _passed(before, now, max_gap)
    if trigger.breached(value):
        return _ripen(trigger, before, before.held + passed, now)
    if before.phase == "pending":
        return Step(None, "dropped")
    return _calm_down(trigger, before, value, passed, now)


def miss(before: SeriesState, now: datetime, forget_after: timedelta) -> Step:
    """The step of an evaluation without a good value: nothing fires, nothing clears; what is gone for long is lost."""
    if now - before.good > forget_after:
        return Step(None, "lost")
    return Step(replace(before, evaluated=now))


def remember(state: SeriesState, value: float, now: datetime, window: timedelta) -> SeriesState:
    """The state with this value among those of the last window."""
    kept = tuple((at, old) for at, old in state.recent if NOTHING <= now - at <= window)
    return replace(state, recent=(*kept, (now, value)))


def _ripen(
    trigger: SeriesTrigger, before: SeriesState, held: timedelta, now: datetime, began: Change | None = None
) -> Step:
    """Firing when held for long enough; pending again where the rule's duration was raised beyond that."""
    phase: Phase = "firing" if held >= trigger.duration else "pending"
    change = phase if phase != before.phase else began if phase == "pending" else None
    return Step(replace(before, phase=phase, held=held, calm=None, evaluated=now, good=now), change, True)


def _calm_down(trigger: SeriesTrigger, before: SeriesState, value: float, passed: timedelta, now: datetime) -> Step:
    calm = None
    if trigger.cleared(value):
        calm = NOTHING if before.calm is None else before.calm + passed
        if calm >= trigger.keep_firing_for:
            return Step(None, "resolved")
    return Step(replace(before, calm=calm, evaluated=now, good=now))


def _passed(before: SeriesState, now: datetime, max_gap: timedelta) -> timedelta:
    """Time since the last evaluation, if that was good, not too long ago and not in the future (the clock went back)."""
    passed = now - before.evaluated
    return passed if before.good == before.evaluated and NOTHING <= passed <= max_gap else NOTHING
