"""The brakes: what a plan must pass, and that they hold over restarts, repeats and two who act at once."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest

from patchbay.automation.conditions import Quality, Sample
from patchbay.automation.engine import States, evaluate
from patchbay.automation.facts import Allowance, Facts, Limits, RestartLimits
from patchbay.automation.guards import report_restart, stopped
from patchbay.automation.plans import Plan, Target, drifted
from patchbay.automation.refusals import Reason
from tests.automation.conftest import START, Engine, cpu, fleet, minutes, process, rule

HIGH, LOW = 0.9, 0.5
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
MAIL = {"type": "mail", "to": ["ops"]}
FREE = Limits(target_cooldown=timedelta(0), restarts=RestartLimits(most=99, backoff=timedelta(0)))


def engine(limits: Limits = FREE, size: int = 40, **settings: object) -> Engine:
    """Restarts without a rest, unless told otherwise."""
    return Engine((rule(**{"cooldown": "0s"} | settings),), Facts(fleet(size), limits=limits))


def episodes(one: Engine, count: int, after: timedelta = MINUTE) -> list[int]:
    """Plans of each of so many episodes of one series."""
    plans = []
    for _ in range(count):
        plans.append(len(one.tick(cpu(HIGH), after=after).plans))
        one.tick(cpu(LOW), after=timedelta(seconds=1))
    return plans


def key(index: int) -> str:
    return f"operator/process/p{index}"


def test_the_same_event_a_hundred_times_has_one_key_and_is_planned_once_in_a_row() -> None:
    snapshot = ([rule()], [cpu(HIGH)], States(), START, Facts(fleet(4)))
    keys = {plan.key for _ in range(100) for plan in evaluate(*snapshot).plans}
    assert len(keys) == 1, "at once: whoever stores the intent first, wins"
    one = engine()
    one.run([HIGH] * 100)
    assert one.planned() == 1


def test_the_next_episode_another_series_and_an_edited_rule_have_other_keys() -> None:
    def planned(edited: str, value: str, after: timedelta) -> str:
        tick = evaluate(
            [rule(owner=edited)], [cpu(HIGH, START + after, target=value)], States(), START + after, Facts(fleet(4))
        )
        return tick.plans[0].key

    none = timedelta(0)
    keys = [planned("a", "p0", none), planned("b", "p0", none), planned("a", "p1", none), planned("a", "p0", HOUR)]
    assert len(set(keys)) == 4


def test_a_tick_that_was_lost_before_it_was_stored_plans_the_same_again_unless_time_moved_the_episode() -> None:
    one = Engine((rule({"metric": "cpu", "threshold": 0.8, "duration": "1m"}),))
    one.run([HIGH, HIGH])
    before = one.states
    first = one.tick(cpu(HIGH))
    one.states = before
    again = one.tick(cpu(HIGH), after=timedelta(seconds=7))
    assert [plan.key for plan in again.plans] == [plan.key for plan in first.plans] != []


def test_states_move_by_one_revision_each_tick_so_that_of_two_writers_one_notices() -> None:
    one = engine()
    one.run([HIGH, LOW, None])
    assert one.states.revision == 3


def test_a_rules_cooldown_holds_over_restarts_and_ends() -> None:
    one = engine(cooldown="10m")
    assert episodes(one, 12) == [1, *[0] * 9, 1, 0], "each episode a minute, its states read back from JSON"
    assert set(one.reasons()) == {"cooldown"}


def test_a_firing_that_outlasts_the_cooldown_acts_then_and_its_wait_is_recorded_once() -> None:
    one = engine(cooldown="10m")
    episodes(one, 1)
    one.run([HIGH] * 30)
    assert (one.planned(), one.reasons()) == (2, ["cooldown"])


def test_of_a_rules_and_its_targets_cooldown_the_longer_one_holds() -> None:
    for own, shared in ((2, 8), (8, 2)):
        one = engine(replace(FREE, target_cooldown=minutes(shared)), cooldown=f"{own}m")
        assert episodes(one, 10) == [1, *[0] * 7, 1, 0]


def test_two_rules_share_a_targets_cooldown_but_not_a_notices() -> None:
    limits = replace(FREE, target_cooldown=minutes(5))
    both = (rule(), rule(name="also", trigger={"metric": "cpu", "threshold": 0.7}))
    for action, later in (({"type": "restart"}, 0), (MAIL, 1)):
        rules = tuple(one.model_copy(update={"action": rule(action=action).action}) for one in both)
        one = Engine(rules, Facts(fleet(4), limits=limits))
        one.facts = replace(one.facts, stopped=frozenset({"rule:also"}))
        assert len(one.tick(cpu(HIGH)).plans) == 1
        one.facts = replace(one.facts, stopped=frozenset())
        assert len(one.tick(cpu(HIGH)).plans) == later, action


def test_a_budget_that_two_workers_share_is_spent_once() -> None:
    limits = replace(FREE, tenant_budget=Allowance(5, HOUR))
    rules = [(rule(name=name, cooldown="0s"),) for name in ("one", "other")]
    states, planned = States(), 0
    for index in range(10):
        tick = evaluate(
            rules[index % 2], [cpu(HIGH, target=f"p{index}")], states, START, Facts(fleet(40), limits=limits)
        )
        states, planned = States.load(tick.states.dump()), planned + len(tick.plans)
    assert planned == 5


def test_a_budget_fills_again_with_time() -> None:
    one = engine(replace(FREE, global_budget=Allowance(4, HOUR)))
    assert episodes(one, 6) == [1, 1, 1, 1, 0, 0]
    assert episodes(one, 2, after=minutes(16)) == [1, 1]
    assert set(one.reasons()) == {"budget"}


def test_a_tenants_budget_is_its_own_and_the_global_one_everybodys() -> None:
    limits = Limits(tenant_budget=Allowance(2, HOUR), global_budget=Allowance(3, HOUR))
    one = Engine((rule(action=MAIL),), Facts(limits=limits))
    series = [cpu(HIGH, tenant=tenant, plugin=str(n)) for tenant in ("a", "b") for n in range(3)]
    tick = one.tick(*series)
    assert sorted(Counter(plan.tenant for plan in tick.plans).values()) == [1, 2]


def test_an_empty_selector_selects_nothing() -> None:
    one = engine(targets={})
    assert not one.tick(cpu(HIGH)).plans
    assert one.reasons() == ["empty_selector"]


def test_a_selector_must_match_in_full() -> None:
    targets = (process("a", zone="x", rack="1"), process("b", zone="x", rack="2"), process("c", zone="y", rack="1"))
    one = Engine((rule(targets={"zone": "x", "rack": "1"}),), Facts(targets))
    assert one.tick(cpu(HIGH)).plans[0].targets == ("operator/process/a",)
    none = Engine((rule(targets={"zone": "x", "rack": "3"}),), Facts(targets))
    assert not none.tick(cpu(HIGH)).plans
    assert none.reasons() == ["no_target"]


def test_a_selector_of_more_than_its_share_of_the_fleet_is_refused_whole_and_calls_a_human() -> None:
    some = tuple(process(f"q{n}", zone="x") for n in range(6))
    wide = {"max_targets": 100, "max_share": "50%"}
    one = Engine((rule(targets={"zone": "x"}, blast_radius=wide),), Facts(some + fleet(4)))
    tick = one.tick(cpu(HIGH))
    assert not tick.plans
    assert tick.suppressed[0].reason is Reason.BLAST_RADIUS
    assert tick.suppressed[0].calls_a_human
    assert "6 of 10 operator/process" in tick.suppressed[0].detail
    assert Engine(one.rules, Facts(some + fleet(6))).tick(cpu(HIGH)).plans, "6 of 12 are half"


@pytest.mark.parametrize(("most", "share", "planned"), [(3, "100%", 3), (99, "10%", 4), (1, "100%", 1)])
def test_many_small_plans_have_one_blast_radius_per_window(most: int, share: str, planned: int) -> None:
    radius = {"max_targets": most, "max_share": share, "window": "10m"}
    one = engine(blast_radius=radius)
    assert len(one.tick(*[cpu(HIGH, target=f"p{n}") for n in range(9)]).plans) == planned
    assert len(one.tick(*[cpu(HIGH, target=f"p{n}") for n in range(9)], after=minutes(11)).plans) == min(
        planned, 9 - planned
    )


def test_one_target_of_a_small_fleet_may_always_be_mended() -> None:
    assert engine(size=2, blast_radius={"max_share": "1%"}).tick(cpu(HIGH)).plans


def test_a_rule_reaches_its_owners_and_its_series_tenants_targets_and_no_others() -> None:
    targets = tuple(Target("p0", "process", tenant, state={"generation": 1}) for tenant in ("operator", "a", "b"))
    one = Engine((rule(targets={"name": "p0"}),), Facts(targets))
    (plan,) = one.tick(cpu(HIGH, tenant="a")).plans
    assert plan.targets == ("a/process/p0", "operator/process/p0")
    assert plan.tenant == "a"
    named = Engine((rule(),), Facts(targets))
    assert named.tick(cpu(HIGH, tenant="b", target="p0")).plans[0].targets == ("b/process/p0",)


@pytest.mark.parametrize("switch", ["global", "tenant:operator", "rule:hot"])
def test_a_kill_switch_holds_every_plan_and_states_go_on(switch: str) -> None:
    one = engine()
    one.facts = replace(one.facts, stopped=frozenset({switch}))
    assert [t.change for t in one.tick(cpu(HIGH)).transitions] == ["firing"]
    assert (one.planned(), one.reasons()) == (0, ["stopped"])
    one.facts = replace(one.facts, stopped=frozenset({"tenant:other", "rule:other"}))
    assert len(one.tick(cpu(HIGH)).plans) == 1, "it still fires when the switch is released"


def test_a_kill_switch_thrown_after_planning_holds_the_plan_at_its_execution() -> None:
    (plan,) = engine().tick(cpu(HIGH)).plans
    assert stopped(plan, ()) is None
    refusal = stopped(plan, ["rule:hot"])
    assert refusal is not None
    assert refusal.reason is Reason.STOPPED


def test_a_target_that_moved_since_it_was_planned_is_noticed_before_the_effect() -> None:
    (plan,) = engine().tick(cpu(HIGH)).plans
    assert drifted(plan, fleet(4)) == ()
    assert drifted(plan, (process("p0", generation=2),)) == (key(0),)
    assert drifted(plan, (process("p0", replicas=7),)) == (), "a restart does not depend on the number of replicas"
    assert drifted(plan, fleet(0)) == (key(0),)


def restart_limits() -> Limits:
    return replace(FREE, restarts=RestartLimits(most=3, window=HOUR, backoff=timedelta(0), reset=minutes(30)))


def test_the_circuit_opens_after_n_restarts_and_half_opens_for_one_trial() -> None:
    one = engine(restart_limits())
    assert episodes(one, 5) == [1, 1, 1, 0, 0]
    assert one.reasons() == ["circuit_open"] * 2
    assert one.ticks[-2].suppressed[0].calls_a_human
    assert episodes(one, 3, after=minutes(28)) == [0, 1, 0], "one trial, whose outcome is not yet known"


@pytest.mark.parametrize(("helped", "then"), [(True, [1, 1, 1, 0]), (False, [0, 0, 0, 0])])
def test_a_trial_that_helps_closes_the_circuit_and_one_that_does_not_opens_it_anew(
    helped: bool, then: list[int]
) -> None:
    one = engine(restart_limits())
    episodes(one, 4)
    assert episodes(one, 1, after=minutes(31)) == [1]
    one.states = replace(one.states, brakes=report_restart(one.states.brakes, key(0), helped=helped, now=one.now))
    assert episodes(one, 4) == then


def test_restarts_that_each_help_for_a_minute_open_the_circuit_too() -> None:
    one = engine(restart_limits())
    planned = []
    for _ in range(5):
        planned += episodes(one, 1)
        one.states = replace(one.states, brakes=report_restart(one.states.brakes, key(0), helped=True, now=one.now))
    assert planned == [1, 1, 1, 0, 0]


def test_each_restart_waits_twice_as_long_as_the_one_before() -> None:
    limits = replace(FREE, restarts=RestartLimits(most=4, window=HOUR, backoff=minutes(2)))
    one = engine(limits)
    assert episodes(one, 8) == [1, 0, 1, 0, 0, 0, 1, 0], "after 2 minutes, then after 4"
    assert set(one.reasons()) == {"backoff"}


def test_a_restart_leaves_the_window_when_it_is_over_and_not_with_the_one_before_it() -> None:
    one = engine(restart_limits())
    assert episodes(one, 2, after=minutes(50)) == [1, 1]
    one.tick(after=minutes(11))
    assert episodes(one, 3) == [1, 1, 0], "the first one is over, the second still counts"


def test_another_targets_circuit_is_its_own() -> None:
    one = engine(restart_limits())
    episodes(one, 4)
    assert one.tick(cpu(HIGH, target="p1")).plans


def test_a_forbidden_action_is_refused_and_one_that_needs_approval_says_so() -> None:
    for risk, planned in (("forbid", []), ("approve", ["approve"]), ("auto", ["auto"])):
        one = engine(replace(FREE, risk={"restart": risk}))
        assert [plan.dispatch for plan in one.tick(cpu(HIGH)).plans] == planned
    assert engine(mode="approve").tick(cpu(HIGH)).plans[0].dispatch == "approve", "a rule may be stricter"
    assert (
        engine(replace(FREE, risk={"restart": "approve"}), mode="auto").tick(cpu(HIGH)).plans[0].dispatch == "approve"
    )


def test_a_rule_that_is_only_watched_plans_nothing_and_one_in_dry_run_costs_nothing() -> None:
    shadow = engine(mode="shadow")
    shadow.run([HIGH, HIGH])
    assert (shadow.planned(), shadow.reasons()) == (0, ["shadow"])
    dry = engine(mode="dry_run")
    (plan,) = dry.tick(cpu(HIGH)).plans
    assert plan.dispatch == "dry_run"
    assert dry.states.brakes == States().brakes


def test_a_plan_without_good_data_about_its_target_is_refused() -> None:
    for state in ({}, {"generation": True}):
        one = Engine((rule(),), Facts((Target("p0", "process", state=state),)))
        one.tick(cpu(HIGH))
        assert one.reasons() == ["unplannable"]


@pytest.mark.parametrize("labels", [{"zone": "x"}, {"target": "unheard-of"}])
def test_a_series_that_names_no_known_target_is_refused(labels: dict[str, str]) -> None:
    one = engine()
    one.tick(cpu(HIGH, **labels))
    assert one.reasons() == ["no_target"]


def test_every_suppressed_firing_has_its_reason_once_per_reason_and_episode() -> None:
    one = engine(replace(FREE, risk={"restart": "forbid"}))
    one.run([HIGH] * 5)
    one.facts = replace(one.facts, stopped=frozenset({"global"}))
    one.run([HIGH] * 5)
    one.run([LOW, HIGH, HIGH])
    assert one.reasons() == ["forbidden", "stopped", "stopped"]


def test_what_the_brakes_remember_ends_with_what_it_holds() -> None:
    one = engine(Limits(), cooldown="10m")
    episodes(one, 3)
    assert one.states.brakes.rests
    one.tick(after=timedelta(days=2))
    assert one.states.brakes == States().brakes


def test_a_gap_while_a_firing_waits_for_its_brakes_plans_nothing() -> None:
    one = engine()
    one.facts = replace(one.facts, stopped=frozenset({"global"}))
    one.tick(cpu(HIGH))
    one.facts = replace(one.facts, stopped=frozenset())
    assert not one.tick(cpu(HIGH, quality=Quality.ERROR)).plans
    assert len(one.tick(cpu(HIGH)).plans) == 1


def test_a_blocked_releases_plan_is_absolute_and_blocking_it_again_is_nothing_to_do() -> None:
    action = {"type": "block_release", "reason": "fails"}
    watched = rule({"anomaly": "errors"}, action)
    sample = Sample("errors", 1.0, START, {"release": "r1", "tenant": "a"}, source="anomaly")
    for blocked, plans in ((False, 1), (True, 0)):
        facts = Facts((Target("r1", "release", state={"blocked": blocked}),))
        tick = evaluate([watched], [sample], States(), START, facts)
        assert len(tick.plans) == plans
    assert tick.suppressed[0].reason is Reason.NOTHING_TO_DO
    found: Plan = evaluate(
        [watched], [sample], States(), START, Facts((Target("r1", "release", state={"blocked": False}),))
    ).plans[0]
    assert (found.desired, found.parameters) == ({"operator/release/r1": {"blocked": True}}, {"reason": "fails"})
