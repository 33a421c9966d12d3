"""From a firing to a plan with absolute values, or to the reason why there is none."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from patchbay.automation.actions import BlockRelease, HealthCheck, Mail, Restart, ScaleDown, ScaleUp, Webhook
from patchbay.automation.conditions import OPERATOR
from patchbay.automation.facts import Facts
from patchbay.automation.grammar import Rule
from patchbay.automation.planning import Bounds, Unplannable, for_metric_lately, times_factor
from patchbay.automation.plans import Dispatch, Plan, State, Target, idempotency_key
from patchbay.automation.refusals import Reason, Refusal

PROCESS, RELEASE = "process", "release"
SCALING = {"factor", "target_value", "tolerance", "min_replicas", "max_replicas", "max_step", "stabilise", "type"}


@dataclass(frozen=True, slots=True)
class Firing:
    """A rule that fires for one series, or for one time of its schedule (then without value)."""

    rule: Rule
    fingerprint: str
    episode: datetime
    labels: Mapping[str, str]
    tenant: str = OPERATOR
    value: float | None = None
    recent: tuple[float, ...] = ()
    held: timedelta = timedelta(0)
    missing: int = 0


def draft(firing: Firing, facts: Facts) -> Plan | Refusal:
    """The plan of a firing on the targets as they were seen."""
    rule, action = firing.rule, firing.rule.action
    if rule.mode == "shadow":
        return Refusal(Reason.SHADOW, "the rule is only watched")
    if isinstance(action, Webhook | Mail):
        return make_plan(firing, facts, action.type, (firing.fingerprint,))
    targets = _select(firing, facts)
    if isinstance(targets, Refusal):
        return targets
    if isinstance(action, HealthCheck):
        return make_plan(firing, facts, action.type, tuple(target.key for target in targets))
    if isinstance(action, ScaleDown) and action.target_value is not None and firing.held < action.stabilise:
        return Refusal(Reason.UNSTABLE, f"low for {firing.held}, counts after {action.stabilise}")
    return _plan_changes(firing, targets, facts)


def plan_restarts(firing: Firing, targets: Iterable[Target], facts: Facts, part: str) -> Plan | Refusal:
    """A plan to restart these targets once, as a further part of a firing's episode."""
    try:
        desired = {target.key: _restarted(target) for target in targets}
    except Unplannable as error:
        return Refusal(Reason.UNPLANNABLE, str(error))
    return _make_change(firing, facts, "restart", desired, part)


def make_plan(
    firing: Firing,
    facts: Facts,
    action: str,
    about: tuple[str, ...],
    parameters: Mapping[str, Any] | None = None,
    part: str = "",
) -> Plan:
    """A plan that changes nothing: a notice, or a look at targets."""
    given = firing.rule.action.model_dump(mode="json", exclude=SCALING) if parameters is None else parameters
    return _make(firing, facts, action, about, {}, {}, given, part)


def _select(firing: Firing, facts: Facts) -> Sequence[Target] | Refusal:
    """Targets of a firing: those its rule selects, or the one its series names. An empty selector means nothing."""
    rule = firing.rule
    reach = [target for target in facts.targets if target.tenant in (firing.tenant, facts.tenant)]
    if rule.targets is not None:
        if not rule.targets:
            return Refusal(Reason.EMPTY_SELECTOR, "targets is empty, which selects nothing")
        chosen = [target for target in reach if _is_selected(target, rule.targets)]
        return chosen or Refusal(Reason.NO_TARGET, f"nothing has {dict(rule.targets)}")
    if rule.watched is None:
        return [t for t in reach if t.kind == PROCESS] or Refusal(Reason.NO_TARGET, "there is no process")
    return _named_by_series(firing, reach)


def _is_selected(target: Target, selector: Mapping[str, str]) -> bool:
    seen = {**target.labels, "kind": target.kind, "name": target.name}
    return all(seen.get(name) == value for name, value in selector.items())


def _named_by_series(firing: Firing, reach: Sequence[Target]) -> Sequence[Target] | Refusal:
    blocks = isinstance(firing.rule.action, BlockRelease)
    label = RELEASE if blocks else "target"
    if label not in firing.labels:
        return Refusal(Reason.NO_TARGET, f"the series has no label {label!r}")
    name = firing.labels[label]
    fits = [target for target in reach if target.name == name and (target.kind == RELEASE) == blocks]
    own = [target for target in fits if target.tenant == firing.tenant]
    return (own or fits) or Refusal(Reason.NO_TARGET, f"there is no {label} {name!r}")


def _plan_changes(firing: Firing, targets: Sequence[Target], facts: Facts) -> Plan | Refusal:
    try:
        wanted = {target.key: (target, _desired(firing, target)) for target in targets}
    except Unplannable as error:
        return Refusal(Reason.UNPLANNABLE, str(error))
    desired = {
        key: state
        for key, (target, state) in wanted.items()
        if any(target.state[name] != value for name, value in state.items())
    }
    if not desired:
        return Refusal(Reason.NOTHING_TO_DO, f"{', '.join(sorted(wanted))}: already as wanted")
    return _make_change(firing, facts, firing.rule.action.type, desired)


def _desired(firing: Firing, target: Target) -> State:
    """What one target shall be, in absolute values. Unplannable where its state does not say what it is."""
    action = firing.rule.action
    if isinstance(action, ScaleUp | ScaleDown):
        return {"replicas": _replicas(action, _whole(target, "replicas"), firing)}
    if isinstance(action, Restart):
        return _restarted(target)
    if "blocked" not in target.state:
        raise Unplannable(f"nobody knows whether {target.key} is blocked")
    return {"blocked": True}


def _replicas(action: ScaleUp | ScaleDown, current: int, firing: Firing) -> int:
    """A number that never goes against the action's name, wherever the current one is."""
    up = isinstance(action, ScaleUp)
    maximum = action.max_replicas if isinstance(action, ScaleUp) else max(current, action.min_replicas)
    bounds = Bounds(action.min_replicas, maximum, action.max_step)
    if action.factor is not None:
        wanted = times_factor(current, action.factor, bounds)
    else:
        lately = firing.recent if firing.recent and not up else (_value(firing),)
        wanted = for_metric_lately(
            current, lately, action.target_value or 0, bounds, tolerance=action.tolerance, missing=firing.missing
        )
    return max(wanted, current) if up else min(wanted, current)


def _restarted(target: Target) -> State:
    """The next generation, so that one delivered twice restarts once."""
    return {"generation": _whole(target, "generation") + 1}


def _whole(target: Target, name: str) -> int:
    value = target.state.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise Unplannable(f"nobody knows the {name} of {target.key}")
    return value


def _value(firing: Firing) -> float:
    if firing.value is None:
        raise Unplannable("there is no value to scale by")
    return firing.value


def _make_change(firing: Firing, facts: Facts, action: str, desired: Mapping[str, State], part: str = "") -> Plan:
    states = {target.key: target.state for target in facts.targets if target.key in desired}
    observed = {key: {name: states[key][name] for name in state} for key, state in desired.items()}
    parameters = firing.rule.action.model_dump(mode="json", exclude=SCALING) if not part else {}
    return _make(firing, facts, action, tuple(sorted(desired)), desired, observed, parameters, part)


def _make(
    firing: Firing,
    facts: Facts,
    action: str,
    targets: tuple[str, ...],
    desired: Mapping[str, State],
    observed: Mapping[str, State],
    parameters: Mapping[str, Any],
    part: str,
) -> Plan:
    rule = firing.rule
    return Plan(
        key=idempotency_key(facts.tenant, rule.name, rule.revision, firing.fingerprint, firing.episode, part),
        rule=rule.name,
        revision=rule.revision,
        tenant=firing.tenant,
        fingerprint=firing.fingerprint,
        episode=firing.episode,
        subject=dict(firing.labels),
        value=firing.value,
        action=action,
        changes=bool(desired),
        targets=targets,
        desired=desired,
        observed=observed,
        parameters=parameters,
        priority=rule.priority,
        dispatch=_dispatch(rule, action, facts),
        replaces=facts.running.get(rule.name, ()) if _replaces(rule) and not part else (),
    )


def _dispatch(rule: Rule, action: str, facts: Facts) -> Dispatch:
    if rule.mode == "dry_run":
        return "dry_run"
    return "approve" if "approve" in (rule.mode, facts.limits.risk.get(action)) else "auto"


def _replaces(rule: Rule) -> bool:
    return getattr(rule.trigger, "overlap", None) == "replace"
