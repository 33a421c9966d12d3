"""The brakes between a plan and its effect. What they remember is one plain value, so that it survives any restart."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from fractions import Fraction

from patchbay.automation.circuits import Circuit, attempt, is_quiet, settle
from patchbay.automation.facts import STOP_ALL, Allowance, Facts, Limits
from patchbay.automation.grammar import BlastRadius, Rule
from patchbay.automation.plans import Plan, group_of
from patchbay.automation.refusals import Reason, Refusal

LONGEST_WINDOW = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Bucket:
    """Tokens that were left, and when."""

    tokens: float
    at: datetime


@dataclass(frozen=True, slots=True)
class Change:
    """A target that was changed, and when."""

    at: datetime
    target: str


@dataclass(frozen=True, slots=True)
class Brakes:
    """What was done lately: rests by rule and target and by target (until when), budgets, changes, circuits."""

    rests: Mapping[str, datetime] = field(default_factory=dict)
    buckets: Mapping[str, Bucket] = field(default_factory=dict)
    changes: tuple[Change, ...] = ()
    circuits: Mapping[str, Circuit] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The brakes after a plan asked to pass, and why it does not."""

    brakes: Brakes
    refusal: Refusal | None = None


def admit(plan: Plan, rule: Rule, brakes: Brakes, facts: Facts, now: datetime) -> Verdict:
    """Whether a plan may pass, and the brakes with its cost paid if so; for a dry run they are thrown away."""
    refusal = (
        stopped(plan, facts.stopped) or _forbidden(plan, facts.limits) or _too_wide(plan, rule, brakes, facts, now)
    )
    refusal = refusal or _resting(plan, brakes, now)
    if refusal:
        return Verdict(brakes, refusal)
    buckets, refusal = _spend(plan, brakes, facts.limits, now)
    if refusal:
        return Verdict(brakes, refusal)
    circuits, refusal = _restart(plan, brakes, facts.limits, now)
    if refusal:
        return Verdict(replace(brakes, circuits=circuits), refusal)
    rests = {**brakes.rests, **_rests(plan, rule, facts.limits, now)}
    changes = brakes.changes + (tuple(Change(now, target) for target in plan.targets) if plan.changes else ())
    return Verdict(Brakes(rests, buckets, changes, circuits))


def stopped(plan: Plan, switches: Iterable[str]) -> Refusal | None:
    """The kill switch that holds a plan, if any; whoever executes asks again, with fresh switches, just before."""
    held = {STOP_ALL, f"tenant:{plan.tenant}", f"rule:{plan.rule}"} & set(switches)
    return Refusal(Reason.STOPPED, f"stopped by the switch {min(held)}") if held else None


def report_restart(brakes: Brakes, target: str, *, helped: bool, now: datetime) -> Brakes:
    """The brakes after a restart's outcome is known."""
    circuit = settle(brakes.circuits.get(target, Circuit()), helped=helped, now=now)
    return replace(brakes, circuits={**brakes.circuits, target: circuit})


def prune(brakes: Brakes, limits: Limits, now: datetime) -> Brakes:
    """The brakes without what can no longer hold anything."""
    return Brakes(
        {name: until for name, until in brakes.rests.items() if until > now},
        {name: bucket for name, bucket in brakes.buckets.items() if not _is_full(name, bucket, limits, now)},
        tuple(change for change in brakes.changes if now - change.at <= LONGEST_WINDOW),
        {name: circuit for name, circuit in brakes.circuits.items() if not is_quiet(circuit, limits.restarts, now)},
    )


def _forbidden(plan: Plan, limits: Limits) -> Refusal | None:
    if limits.risk.get(plan.action, "auto") == "forbid":
        return Refusal(Reason.FORBIDDEN, f"{plan.action} is forbidden here")
    return None


def _too_wide(plan: Plan, rule: Rule, brakes: Brakes, facts: Facts, now: datetime) -> Refusal | None:
    """A plan that would reach too many of a fleet is refused whole: which half of it is right, nobody knows."""
    if not plan.changes:
        return None
    radius = rule.blast_radius
    touched = {change.target for change in brakes.changes if now - change.at <= radius.window} | set(plan.targets)
    for group in sorted({group_of(target) for target in plan.targets}):
        reached, size = sum(group_of(target) == group for target in touched), facts.fleet.get(group, 0)
        if reached > _allowed(radius, size):
            detail = f"{reached} of {size} {group} within {radius.window}, {_allowed(radius, size)} are allowed"
            return Refusal(Reason.BLAST_RADIUS, detail)
    return None


def _allowed(radius: BlastRadius, fleet: int) -> int:
    """One is always allowed: of three processes none could ever be mended otherwise."""
    return min(radius.max_targets, max(1, math.floor(Fraction(str(radius.max_share)) * fleet)))


def _resting(plan: Plan, brakes: Brakes, now: datetime) -> Refusal | None:
    waits = [key for target in plan.targets for key in _rest_keys(plan, target)]
    until = max((brakes.rests[key] for key in waits if key in brakes.rests), default=now)
    return Refusal(Reason.COOLDOWN, f"rests until {until:%Y-%m-%d %H:%M:%S} UTC") if until > now else None


def _rest_keys(plan: Plan, target: str) -> list[str]:
    """By rule and target, and for what changes a target by the target alone; a rule's name has no line end."""
    own = f"{plan.rule}\n{plan.action}\n{target}"
    return [own, target] if plan.changes else [own]


def _rests(plan: Plan, rule: Rule, limits: Limits, now: datetime) -> dict[str, datetime]:
    spans = (rule.rest, limits.target_cooldown)
    return {
        key: now + span
        for target in plan.targets
        for key, span in zip(_rest_keys(plan, target), spans, strict=False)
        if span
    }


def _spend(plan: Plan, brakes: Brakes, limits: Limits, now: datetime) -> tuple[Mapping[str, Bucket], Refusal | None]:
    cost = len(plan.targets) if plan.changes else 1
    buckets = dict(brakes.buckets)
    for name in (f"tenant:{plan.tenant}", STOP_ALL):
        tokens = _tokens(buckets.get(name), _allowance(name, limits), now)
        if tokens < cost:
            return brakes.buckets, Refusal(Reason.BUDGET, f"{tokens:.1f} of {cost} needed tokens left in {name}")
        buckets[name] = Bucket(tokens - cost, now)
    return buckets, None


def _allowance(name: str, limits: Limits) -> Allowance:
    return limits.global_budget if name == STOP_ALL else limits.tenant_budget


def _tokens(bucket: Bucket | None, allowance: Allowance, now: datetime) -> float:
    if bucket is None:
        return float(allowance.capacity)
    passed = max(timedelta(0), now - bucket.at)
    return min(float(allowance.capacity), bucket.tokens + allowance.capacity * (passed / allowance.per))


def _is_full(name: str, bucket: Bucket, limits: Limits, now: datetime) -> bool:
    allowance = _allowance(name, limits)
    return _tokens(bucket, allowance, now) >= allowance.capacity


def _restart(plan: Plan, brakes: Brakes, limits: Limits, now: datetime) -> tuple[Mapping[str, Circuit], Refusal | None]:
    """The circuits after asking for every target's restart; where one refuses, only openings are kept, no attempts."""
    if plan.action != "restart":
        return brakes.circuits, None
    asked = {target: attempt(brakes.circuits.get(target, Circuit()), limits.restarts, now) for target in plan.targets}
    refusals = [refusal for _, refusal in asked.values() if refusal]
    after = {target: circuit for target, (circuit, refusal) in asked.items() if bool(refusal) == bool(refusals)}
    return {**brakes.circuits, **after}, refusals[0] if refusals else None
