"""An approval: of one plan, by somebody else who still may, for some time."""

from dataclasses import replace

import pytest

from patchbay.automation.approvals import Approval, reject
from patchbay.automation.plans import Plan
from tests.automation.conftest import START, Engine, cpu, minutes, rule


def plan(**labels: str) -> Plan:
    (found,) = Engine((rule(mode="approve"),)).tick(cpu(0.9, **({"target": "p0"} | labels))).plans
    return found


def approval(of: Plan, by: str = "reviewer") -> Approval:
    return Approval(of.hash, by, START, START + minutes(30))


def verdict(
    of: Plan, given: Approval, approvers: tuple[str, ...] = ("reviewer", "author"), after: float = 1
) -> str | None:
    return reject(of, given, author="author", approvers=approvers, now=START + minutes(after))


def test_somebody_elses_approval_lets_the_plan_run_until_it_expires() -> None:
    one = plan()
    assert verdict(one, approval(one)) is None
    assert verdict(one, approval(one), after=29.9) is None
    assert verdict(one, approval(one), after=30) == "expired"
    assert verdict(one, approval(one), after=-1) == "expired", "given in the future"


def test_an_approval_of_plan_a_cannot_run_plan_b() -> None:
    one, other = plan(), plan(target="p1")
    assert verdict(other, approval(one)) == "other_plan"
    changed = replace(one, desired={"operator/process/p0": {"generation": 99}})
    assert verdict(changed, approval(one)) == "other_plan", "not even under the same key"


def test_nobody_approves_their_own_rule() -> None:
    one = plan()
    assert verdict(one, approval(one, by="author")) == "self_approved"


@pytest.mark.parametrize("approvers", [(), ("author", "somebody")])
def test_an_approver_whose_right_was_revoked_or_who_is_gone_counts_no_longer(approvers: tuple[str, ...]) -> None:
    one = plan()
    assert verdict(one, approval(one), approvers) == "not_an_approver"


def test_the_hash_is_of_what_is_done_not_of_who_lets_it_pass() -> None:
    one = plan()
    assert replace(one, dispatch="auto").hash == one.hash
    assert replace(one, value=0.91).hash != one.hash
