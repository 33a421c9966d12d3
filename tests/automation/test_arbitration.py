"""Many rules on one target: one acts, or none where they contradict each other."""

from typing import Any

import pytest

from patchbay.automation.facts import Facts
from patchbay.automation.grammar import Rule
from tests.automation.conftest import Engine, cpu, process, rule

UP = {"type": "scale_up", "max_replicas": 20}
DOWN = {"type": "scale_down", "factor": 0.5}
RESTART = {"type": "restart"}


def outcome(*rules: Rule) -> tuple[list[str], dict[str, str]]:
    """Rules whose plan passed, and the others' reasons."""
    tick = Engine(rules, Facts((process("p0", replicas=4),))).tick(cpu(0.9))
    return [plan.rule for plan in tick.plans], {one.rule: str(one.reason) for one in tick.suppressed}


def wants(name: str, action: dict[str, Any], priority: int = 0, **settings: Any) -> Rule:
    return rule(action=action, name=name, priority=priority, **settings)


def test_of_several_scalings_the_largest_wins_whatever_its_priority() -> None:
    rules = [wants(f"x{factor}", UP | {"factor": factor}, priority) for factor, priority in ((2, 5), (4, 0), (3, 1))]
    for order in (rules, rules[::-1]):
        assert outcome(*order) == (["x4"], {"x2": "outranked", "x3": "outranked"})


def test_scaling_down_by_the_least_wins() -> None:
    rules = [wants(f"x{factor}", DOWN | {"factor": factor}) for factor in (0.75, 0.25)]
    assert outcome(*rules) == (["x0.75"], {"x0.25": "outranked"})


def test_opposite_scalings_cancel_each_other_and_call_a_human() -> None:
    rules = (wants("up", UP | {"factor": 2}, 9), wants("down", DOWN))
    assert outcome(*rules) == ([], {"up": "conflict", "down": "conflict"})
    tick = Engine(rules, Facts((process("p0", replicas=4),))).tick(cpu(0.9))
    assert all(suppressed.calls_a_human for suppressed in tick.suppressed)


@pytest.mark.parametrize(("priority", "winner", "loser"), [(1, "restart", "up"), (-1, "up", "restart")])
def test_between_different_actions_priority_decides(priority: int, winner: str, loser: str) -> None:
    found = outcome(wants("restart", RESTART, priority), wants("up", UP | {"factor": 2}))
    assert found == ([winner], {loser: "outranked"})


def test_a_restart_goes_on_where_scalings_cancel() -> None:
    found = outcome(wants("up", UP | {"factor": 2}, 9), wants("down", DOWN), wants("restart", RESTART))
    assert found == (["restart"], {"up": "conflict", "down": "conflict"})


def test_notices_and_dry_runs_are_in_nobodys_way() -> None:
    found = outcome(
        wants("dry", UP | {"factor": 4}, 9, mode="dry_run"),
        wants("mail", {"type": "mail", "to": ["ops"]}, 9),
        wants("up", UP | {"factor": 2}),
    )
    assert found == (["dry", "mail", "up"], {})


def test_rules_on_different_targets_do_not_meet() -> None:
    targets = (process("p0"), process("p1"), *[process(f"q{n}") for n in range(8)])
    tick = Engine((wants("a", RESTART),), Facts(targets)).tick(cpu(0.9, target="p0"), cpu(0.9, target="p1"))
    assert len(tick.plans) == 2
