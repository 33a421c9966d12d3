"""Many rules, one target: who may act on it."""

from collections import defaultdict
from collections.abc import Iterable

from patchbay.automation.plans import Plan
from patchbay.automation.refusals import Reason, Refusal

SCALES = {"scale_up", "scale_down"}


def arbitrate(plans: Iterable[Plan]) -> dict[str, Refusal]:
    """Refusals by key of plan, of those that must not run beside the others.

    On one target opposite scalings cancel each other and somebody is called; of like scalings the largest number of
    replicas wins; otherwise priority, then the older episode. A plan that loses one target loses all. Plans that
    change nothing are in nobody's way.
    """
    rivals: dict[str, list[Plan]] = defaultdict(list)
    for plan in plans:
        if plan.changes:
            for target in plan.targets:
                rivals[target].append(plan)
    refused: dict[str, Refusal] = {}
    for target, contenders in rivals.items():
        for key, refusal in _on_one(target, contenders).items():
            refused.setdefault(key, refusal)
    return refused


def _on_one(target: str, plans: list[Plan]) -> dict[str, Refusal]:
    scales = [plan for plan in plans if plan.action in SCALES]
    others = [plan for plan in plans if plan.action not in SCALES]
    refused: dict[str, Refusal] = {}
    if {plan.action for plan in scales} == SCALES:
        refused = dict.fromkeys(
            (plan.key for plan in scales), Refusal(Reason.CONFLICT, f"rules would scale {target} both up and down")
        )
    elif scales:
        others.append(max(scales, key=lambda plan: (int(plan.desired[target]["replicas"]), plan.priority, plan.key)))
    if not others:
        return refused
    winner = min(others, key=lambda plan: (-plan.priority, plan.episode, plan.key))
    outranked = Refusal(Reason.OUTRANKED, f"{winner.rule!r} acts on {target}")
    return {plan.key: outranked for plan in plans if plan.key != winner.key} | refused
