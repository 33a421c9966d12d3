"""One rule's look at its samples or its clock: new states, what changed, and what fires."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from patchbay.automation.actions import ScaleDown
from patchbay.automation.conditions import OPERATOR, Quality, Sample, Source, fingerprint, judge, matches
from patchbay.automation.digests import digest
from patchbay.automation.drafting import Firing
from patchbay.automation.facts import Facts, Limits
from patchbay.automation.grammar import Rule
from patchbay.automation.refusals import Reason, Refusal
from patchbay.automation.schedule import due
from patchbay.automation.state import Change, SeriesState, Step, miss, observe, remember
from patchbay.automation.triggers import ScheduleTrigger, SeriesTrigger


@dataclass(frozen=True, slots=True)
class Transition:
    """A series' episode began, fired, ended (dropped before it fired, resolved after), or was lost from sight."""

    rule: str
    revision: str
    fingerprint: str
    labels: Mapping[str, str]
    episode: datetime
    change: Change
    at: datetime
    value: float | None = None


@dataclass(slots=True)
class Look:
    """What one rule's look came to."""

    series: dict[str, SeriesState] = field(default_factory=dict)
    seen: datetime | None = None
    """Until when the schedule was looked at."""
    transitions: list[Transition] = field(default_factory=list)
    firings: list[Firing] = field(default_factory=list)
    refused: list[tuple[Firing, Refusal]] = field(default_factory=list)


def watch_series(
    rule: Rule,
    trigger: SeriesTrigger,
    samples: Mapping[tuple[Source, str], Iterable[Sample]],
    before: Mapping[str, SeriesState],
    now: datetime,
    limits: Limits,
) -> Look:
    """A step for each series that has a sample or is remembered; without a good sample it is a gap."""
    look = Look()
    good: dict[str, Sample] = {}
    for sample in samples.get(trigger.watches, ()):
        if matches(sample.labels, trigger.labels) and judge(sample, now, trigger.stale_after) is Quality.OK:
            good[fingerprint(rule.name, sample)] = sample
    for name, sample in good.items():
        _observe(look, rule, trigger, name, sample, before.get(name), now, limits)
    for name, state in before.items():
        if name not in good:
            _keep(look, rule, name, state, miss(state, now, limits.forget_after), None, now)
    return look


def watch_clock(rule: Rule, trigger: ScheduleTrigger, last: datetime | None, now: datetime, facts: Facts) -> Look:
    """A firing for each time that is due, unless the last one still runs and must not be overlapped."""
    found, seen = due(rule.name, trigger, last, now)
    look = Look(seen=seen)
    mark = digest([rule.name, "schedule"], 16)
    for at in found.missed:
        refusal = Refusal(Reason.MISFIRE, f"{at:%Y-%m-%d %H:%M} UTC passed unseen")
        look.refused.append((Firing(rule, mark, at, {}, facts.tenant), refusal))
    running = facts.running.get(rule.name, ()) if trigger.overlap == "forbid" else ()
    for at in found.run:
        firing = Firing(rule, mark, at, {}, facts.tenant)
        if running:
            look.refused.append((firing, Refusal(Reason.OVERLAP, f"{', '.join(running)} still runs")))
        else:
            look.firings.append(firing)
    return look


def give_up(rule: str, before: Mapping[str, SeriesState], now: datetime) -> list[Transition]:
    """The end of all episodes of a rule that is no longer evaluated."""
    return [Transition(rule, "", name, s.labels, s.episode, "lost", now) for name, s in before.items()]


def _observe(
    look: Look,
    rule: Rule,
    trigger: SeriesTrigger,
    name: str,
    sample: Sample,
    before: SeriesState | None,
    now: datetime,
    limits: Limits,
) -> None:
    value = float(sample.value or 0)
    step = observe(trigger, before, value, sample.labels, now, limits.max_gap)
    if step.state is not None and _looks_back(rule):
        step = replace(step, state=remember(step.state, value, now, _looks_back(rule)))
    _keep(look, rule, name, before or step.state, step, value, now)
    state = step.state
    if state is not None and step.breached and state.phase == "firing" and not state.acted:
        recent = tuple(old for _, old in state.recent)
        tenant = sample.labels.get("tenant", OPERATOR)
        look.firings.append(
            Firing(rule, name, state.episode, sample.labels, tenant, value, recent, state.held, sample.missing)
        )


def _keep(
    look: Look, rule: Rule, name: str, known: SeriesState | None, step: Step, value: float | None, now: datetime
) -> None:
    if step.state is not None:
        look.series[name] = step.state
    if step.change is not None and known is not None:
        look.transitions.append(
            Transition(rule.name, rule.revision, name, known.labels, known.episode, step.change, now, value)
        )


def _looks_back(rule: Rule) -> timedelta:
    """How long values are kept for the rule's plan."""
    action = rule.action
    if isinstance(action, ScaleDown) and action.target_value is not None:
        return action.stabilise
    return timedelta(0)
