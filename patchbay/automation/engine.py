"""One tick of all rules: what fires, what is planned, what is held back and why. Nothing here has an effect.

A dry run is this same call with its answer thrown away, and thereby equal to the live plan. Live, the new states, the
intents of the plans and the suppressions are stored in one transaction, under the condition that the stored states
still have the revision that was read; two replicas that tick at once cannot both succeed.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter

from patchbay.automation.actions import HealthCheck
from patchbay.automation.arbitration import arbitrate
from patchbay.automation.conditions import Sample, Source, by_metric
from patchbay.automation.drafting import Firing, draft, make_plan, plan_restarts
from patchbay.automation.facts import Facts
from patchbay.automation.grammar import Rule
from patchbay.automation.guards import Brakes, admit, prune
from patchbay.automation.plans import Plan
from patchbay.automation.refusals import Refusal, Suppressed
from patchbay.automation.state import SeriesState
from patchbay.automation.watching import Look, Transition, give_up, watch_clock, watch_series
from patchbay.core.clock import as_utc

Answer = tuple[Firing, Plan | Refusal]


@dataclass(frozen=True, slots=True)
class States:
    """All that is remembered between ticks: series by rule and fingerprint, schedules' last looks, the brakes."""

    series: Mapping[str, Mapping[str, SeriesState]] = field(default_factory=dict)
    schedules: Mapping[str, datetime] = field(default_factory=dict)
    brakes: Brakes = field(default_factory=Brakes)
    revision: int = 0

    def dump(self) -> dict[str, Any]:
        """As plain JSON values."""
        return _STATES.dump_python(self, mode="json")  # type: ignore[no-any-return]

    @classmethod
    def load(cls, values: Any) -> "States":
        """From what `dump` gave; pydantic's ValidationError for anything else."""
        return _STATES.validate_python(values)


_STATES: TypeAdapter[States] = TypeAdapter(States)


@dataclass(frozen=True, slots=True)
class Tick:
    """What an evaluation came to. `suppressed` has each firing without effect once per reason, not once per tick."""

    states: States
    plans: tuple[Plan, ...] = ()
    transitions: tuple[Transition, ...] = ()
    suppressed: tuple[Suppressed, ...] = ()


def evaluate(rules: Iterable[Rule], samples: Iterable[Sample], states: States, now: datetime, facts: Facts) -> Tick:
    """The next states, plans, transitions and suppressions; DuplicateSeries where two samples are of one series.

    Depends on its arguments alone: the same snapshot gives the same tick.
    """
    now = as_utc(now)
    active = [rule for rule in rules if rule.mode != "off"]
    grouped = by_metric(samples)
    looks = {rule.name: _look(rule, grouped, states, now, facts) for rule in active}
    answers, brakes = _decide([f for look in looks.values() for f in look.firings], states.brakes, facts, now)
    gone = [t for name, old in states.series.items() if name not in looks for t in give_up(name, old, now)]
    refused = [pair for look in looks.values() for pair in look.refused]
    after = States(
        {name: _settled(look.series, answers) for name, look in looks.items() if look.series},
        {name: look.seen for name, look in looks.items() if look.seen is not None},
        prune(brakes, facts.limits, now),
        states.revision + 1,
    )
    return Tick(
        after,
        tuple(plan for _, plan in answers if isinstance(plan, Plan)),
        tuple(t for look in looks.values() for t in look.transitions) + tuple(gone),
        tuple(_suppressed(*pair) for pair in refused) + _news(answers, states),
    )


def remedy(rule: Rule, checked: Plan, ill: Iterable[str], states: States, now: datetime, facts: Facts) -> Tick:
    """What follows from a health check that found these targets (by key) ill: a restart, within all brakes, and a notice.

    Nothing follows where all are well. A refused restart is suppressed with its reason, and the notice still goes out.
    """
    action = rule.action
    if not isinstance(action, HealthCheck):
        raise TypeError(f"{rule.name!r} checks no health")
    keys = tuple(sorted(set(ill) & set(checked.targets)))
    firing = Firing(rule, checked.fingerprint, checked.episode, checked.subject, checked.tenant, checked.value)
    drafts: list[Answer] = []
    if keys and action.remediation == "auto_restart":
        targets = [target for target in facts.targets if target.key in keys]
        drafts.append((firing, plan_restarts(firing, targets, facts, "auto_restart")))
    if keys and action.notification is not None:
        parameters = {"to": [action.notification], "subject": None, "ill": list(keys)}
        drafts.append((firing, make_plan(firing, facts, "mail", keys, parameters, "notification")))
    answers, brakes = _pass_brakes(drafts, states.brakes, facts, now)
    after = replace(states, brakes=prune(brakes, facts.limits, now), revision=states.revision + 1)
    plans = tuple(plan for _, plan in answers if isinstance(plan, Plan))
    return Tick(after, plans, (), tuple(_suppressed(f, r) for f, r in answers if isinstance(r, Refusal)))


def _look(
    rule: Rule, samples: Mapping[tuple[Source, str], list[Sample]], states: States, now: datetime, facts: Facts
) -> Look:
    trigger = rule.watched
    if trigger is not None:
        return watch_series(rule, trigger, samples, states.series.get(rule.name, {}), now, facts.limits)
    return watch_clock(rule, rule.scheduled, states.schedules.get(rule.name), now, facts)


def _decide(firings: Iterable[Firing], brakes: Brakes, facts: Facts, now: datetime) -> tuple[list[Answer], Brakes]:
    """A plan or a refusal for each firing. Who has priority, then who fired first, is served from the budgets first."""
    drafts: list[Answer] = [(firing, draft(firing, facts)) for firing in firings]
    drafts.sort(key=lambda pair: (-pair[0].rule.priority, pair[0].episode, pair[0].rule.name, pair[0].fingerprint))
    # A plan that its brakes hold anyway must not keep another rule from the target.
    able = [
        plan for f, plan in drafts if isinstance(plan, Plan) and not admit(plan, f.rule, brakes, facts, now).refusal
    ]
    rehearsed, live = arbitrate(able), arbitrate(plan for plan in able if plan.dispatch != "dry_run")
    judged: list[Answer] = []
    for firing, plan in drafts:
        losers = rehearsed if isinstance(plan, Plan) and plan.dispatch == "dry_run" else live
        judged.append((firing, losers.get(plan.key, plan) if isinstance(plan, Plan) else plan))
    return _pass_brakes(judged, brakes, facts, now)


def _pass_brakes(drafts: Iterable[Answer], brakes: Brakes, facts: Facts, now: datetime) -> tuple[list[Answer], Brakes]:
    """Who passes in turn. Dry runs pay from a copy, so that they are held as they would be live, and hold nobody."""
    answers: list[Answer] = []
    rehearsed = brakes
    for firing, plan in drafts:
        if isinstance(plan, Plan):
            verdict = admit(plan, firing.rule, rehearsed, facts, now)
            rehearsed = verdict.brakes
            if plan.dispatch != "dry_run":
                verdict = admit(plan, firing.rule, brakes, facts, now)
                brakes = verdict.brakes
            plan = verdict.refusal or plan
        answers.append((firing, plan))
    return answers, brakes


def _settled(series: Mapping[str, SeriesState], answers: Iterable[Answer]) -> dict[str, SeriesState]:
    """The states with what came of their firings, so that an episode is planned once."""
    settled = dict(series)
    for firing, answer in answers:
        if (state := settled.get(firing.fingerprint)) is not None:
            acted, refused = isinstance(answer, Plan), answer.reason if isinstance(answer, Refusal) else None
            settled[firing.fingerprint] = replace(state, acted=acted, refused=refused)
    return settled


def _news(answers: Iterable[Answer], before: States) -> tuple[Suppressed, ...]:
    """Refusals, without those that an earlier tick recorded for the same episode and reason."""
    news = []
    for firing, answer in answers:
        known = before.series.get(firing.rule.name, {}).get(firing.fingerprint)
        if isinstance(answer, Refusal) and (known is None or known.refused != answer.reason):
            news.append(_suppressed(firing, answer))
    return tuple(news)


def _suppressed(firing: Firing, refusal: Refusal) -> Suppressed:
    rule = firing.rule
    return Suppressed(
        rule.name, rule.revision, firing.fingerprint, firing.episode, rule.action.type, refusal.reason, refusal.detail
    )
