"""The whole tick: a dry run is the live plan, a replay is the same again, and effects of a health check pass the brakes."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from patchbay.automation.engine import States, Tick, evaluate, remedy
from patchbay.automation.facts import Allowance, Facts, Limits
from patchbay.automation.grammar import Rule, parse_rules
from patchbay.automation.plans import Plan
from tests.automation.conftest import RULES, START, TICK, Engine, cpu, fleet, minutes, process, rule

LIMITS = Limits(tenant_budget=Allowance(4, timedelta(hours=1)), target_cooldown=minutes(2))
VALUE = st.sampled_from([0.9, 0.9, 0.9, 0.5, 0.7, None, float("nan")])
MONTH = st.lists(st.tuples(VALUE, VALUE, VALUE, st.sampled_from([30, 60, 4000])), max_size=40)

MODEST = settings(deadline=None, max_examples=50)


def rules() -> tuple[Rule, ...]:
    """A few that meet on the same targets."""
    high = {"metric": "cpu", "threshold": 0.8, "clear": 0.6, "duration": "1m"}
    return (
        rule(high, name="restart", cooldown="3m"),
        rule(high, {"type": "scale_up", "factor": 1.5, "max_replicas": 9}, name="up", priority=1),
        rule(
            {"metric": "cpu", "threshold": 0.6, "comparator": "<"}, {"type": "scale_down", "factor": 0.5}, name="down"
        ),
        rule({"schedule": "*/10 * * * *", "jitter": "1m"}, {"type": "health_check"}, name="look"),
        rule({"metric": "cpu", "threshold": 0.8}, {"type": "mail", "to": ["ops"]}, name="mail", mode="approve"),
    )


def replay(month: list[tuple[float | None, float | None, float | None, int]]) -> list[Tick]:
    """Ticks of recorded values of three series, each tick so many seconds after the one before."""
    states, now, ticks = States(), START, []
    for *values, seconds in month:
        now += timedelta(seconds=seconds)
        samples = [cpu(value, now, target=f"p{index}") for index, value in enumerate(values)]
        ticks.append(evaluate(rules(), samples, states, now, Facts(fleet(9), limits=LIMITS)))
        states = States.load(json.loads(json.dumps(ticks[-1].states.dump())))
    return ticks


@MODEST
@given(MONTH)
def test_a_recorded_month_replayed_is_the_same_to_the_last_value(
    month: list[tuple[float | None, float | None, float | None, int]],
) -> None:
    assert replay(month) == replay(month)


@MODEST
@given(MONTH)
def test_no_plan_of_a_month_has_the_key_of_another_and_each_episode_at_most_one(
    month: list[tuple[float | None, float | None, float | None, int]],
) -> None:
    plans = [plan for tick in replay(month) for plan in tick.plans]
    assert len({plan.key for plan in plans}) == len(plans)
    assert len({(plan.rule, plan.fingerprint, plan.episode) for plan in plans}) == len(plans)


@MODEST
@given(MONTH)
def test_states_are_plain_values_and_read_back_exactly(
    month: list[tuple[float | None, float | None, float | None, int]],
) -> None:
    for tick in replay(month):
        assert States.load(json.loads(json.dumps(tick.states.dump(), allow_nan=False))) == tick.states


@MODEST
@given(MONTH)
def test_a_rule_in_dry_run_plans_what_it_would_plan_live_on_the_same_snapshot(
    month: list[tuple[float | None, float | None, float | None, int]],
) -> None:
    for one in rules():
        states, now = States(), START
        for *values, seconds in month:
            now += timedelta(seconds=seconds)
            samples = [cpu(value, now, target=f"p{index}") for index, value in enumerate(values)]
            facts = Facts(fleet(9), limits=LIMITS)
            live = evaluate([one], samples, states, now, facts)
            dry = evaluate([one.model_copy(update={"mode": "dry_run"})], samples, states, now, facts)
            assert [_what(plan) for plan in dry.plans] == [_what(plan) for plan in live.plans]
            assert [s.detail for s in dry.suppressed] == [s.detail for s in live.suppressed]
            states = live.states


def _what(plan: Plan) -> tuple[object, ...]:
    return plan.targets, plan.desired, plan.observed, plan.parameters, plan.action, plan.episode


def test_a_dry_run_is_held_by_the_brakes_as_it_would_be_live() -> None:
    series = [cpu(0.9, target=f"p{index}") for index in range(9)]
    for mode in ("auto", "dry_run"):
        engine = Engine((rule(mode=mode, blast_radius={"max_targets": 3, "max_share": "100%"}),), Facts(fleet(9)))
        assert (len(engine.tick(*series).plans), len(engine.reasons())) == (3, 6), mode


def test_an_evaluation_leaves_its_arguments_as_they_were() -> None:
    states, samples, facts = States(), [cpu(0.9)], Facts(fleet(4))
    before = (states.dump(), list(samples), facts.targets)
    assert evaluate([rule()], samples, states, START, facts).plans
    assert (states.dump(), samples, facts.targets) == before


def test_the_order_of_rules_and_samples_changes_nothing() -> None:
    samples = [cpu(0.9, START, target=f"p{index}") for index in range(4)]
    facts = Facts(fleet(9), limits=LIMITS)
    one = evaluate(rules(), samples, States(), START, facts)
    other = evaluate(rules()[::-1], samples[::-1], States(), START, facts)
    assert one.plans == other.plans
    assert one.states == other.states


def test_a_factor_is_resolved_to_a_number_once_and_delivered_twice_it_scales_once() -> None:
    up = rule(action={"type": "scale_up", "factor": 1.5, "max_replicas": 20})
    (plan,) = Engine((up,), Facts((process("p0", replicas=3),))).tick(cpu(0.9)).plans
    assert plan.desired == {"operator/process/p0": {"replicas": 5}}
    assert plan.observed == {"operator/process/p0": {"replicas": 3}}


@pytest.mark.parametrize(("replicas", "reason"), [(20, "nothing_to_do"), (25, "nothing_to_do"), (0, "unplannable")])
def test_scaling_up_never_takes_away_and_never_turns_on(replicas: int, reason: str) -> None:
    up = rule(action={"type": "scale_up", "factor": 1.5, "max_replicas": 20})
    engine = Engine((up,), Facts((process("p0", replicas=replicas),)))
    engine.tick(cpu(0.9))
    assert engine.reasons() == [reason]


def test_scaling_by_a_metric_counts_the_replicas_that_did_not_report() -> None:
    up = rule(action={"type": "scale_up", "target_value": 0.5, "max_replicas": 20})
    for missing, wanted in ((0, 19), (2, 15)):
        engine = Engine((up,), Facts((process("p0", replicas=10),)))
        (plan,) = engine.tick(replace(cpu(0.9375), missing=missing)).plans
        assert plan.desired["operator/process/p0"]["replicas"] == wanted


def test_scaling_down_waits_until_it_was_low_for_long_and_takes_the_highest_need_of_that_time() -> None:
    low = {"metric": "cpu", "threshold": 0.3, "comparator": "<"}
    down = rule(low, {"type": "scale_down", "target_value": 0.5, "stabilise": "2m"})
    engine = Engine((down,), Facts((process("p0", replicas=10),)))
    engine.run([0.25, 0.1, 0.1, 0.05])
    assert (engine.planned(), engine.reasons()) == (0, ["unstable"])
    (plan,) = engine.tick(cpu(0.05)).plans
    assert plan.desired["operator/process/p0"]["replicas"] == 5, "as many as 0.25 needs, not 0.05"
    engine.run([0.9, 0.1])
    assert [t.change for tick in engine.ticks[-2:] for t in tick.transitions] == ["resolved", "firing"]


def test_a_notice_is_planned_without_any_target() -> None:
    mail = rule(action={"type": "mail", "to": ["ops", "a@example.org"], "subject": "hot"})
    (plan,) = Engine((mail,), Facts()).tick(cpu(0.9)).plans
    assert (plan.changes, plan.desired) == (False, {})
    assert plan.parameters == {"to": ["ops", "a@example.org"], "subject": "hot"}
    assert (plan.subject, plan.value) == ({"target": "p0"}, 0.9)


def checked(**facts: object) -> tuple[Engine, Rule, Plan]:
    """The roadmap's health check, planned at its first time."""
    health = parse_rules((RULES / "roadmap.yaml").read_text())[1]
    engine = Engine((health,), replace(Facts(fleet(4)), **facts), START - TICK)
    engine.tick()
    (plan,) = engine.tick().plans
    return engine, health, plan


def test_the_roadmaps_health_check_looks_at_every_process_four_times_a_day() -> None:
    engine, _, plan = checked()
    assert plan.targets == tuple(f"operator/process/p{index}" for index in range(4))
    assert (plan.action, plan.changes) == ("health_check", False)
    later = [engine.tick(after=timedelta(hours=1)) for _ in range(24)]
    assert sum(len(tick.plans) for tick in later) == 4


def test_what_is_found_ill_is_restarted_and_the_team_is_told() -> None:
    engine, health, plan = checked()
    tick = remedy(health, plan, ["operator/process/p2"], engine.states, engine.now, engine.facts)
    restart, notice = tick.plans
    assert (restart.action, restart.desired) == ("restart", {"operator/process/p2": {"generation": 2}})
    assert (notice.action, notice.parameters["to"]) == ("mail", ["alert_team"])
    assert notice.parameters["ill"] == ["operator/process/p2"]
    assert len({plan.key, restart.key, notice.key}) == 3
    again = remedy(health, plan, ["operator/process/p2"], engine.states, engine.now, engine.facts)
    assert [one.key for one in again.plans] == [restart.key, notice.key], "a repeated report is the same plans"


def test_where_all_are_well_or_nobody_asked_about_them_nothing_follows() -> None:
    engine, health, plan = checked()
    assert not remedy(health, plan, [], engine.states, engine.now, engine.facts).plans
    assert not remedy(health, plan, ["b/process/p9"], engine.states, engine.now, engine.facts).plans
    with pytest.raises(TypeError, match="checks no health"):
        remedy(rule(), plan, [], engine.states, engine.now, engine.facts)


def test_a_fleet_found_ill_is_not_restarted_as_a_whole_but_the_team_is_told() -> None:
    engine, health, plan = checked()
    tick = remedy(health, plan, plan.targets, engine.states, engine.now, engine.facts)
    assert [one.action for one in tick.plans] == ["mail"]
    assert [str(one.reason) for one in tick.suppressed] == ["blast_radius"]


def test_a_kill_switch_holds_remedies_too() -> None:
    engine, health, plan = checked()
    facts = replace(engine.facts, stopped=frozenset({"global"}))
    tick = remedy(health, plan, plan.targets[:1], engine.states, engine.now, facts)
    assert not tick.plans
    assert [str(one.reason) for one in tick.suppressed] == ["stopped", "stopped"]


def test_a_rule_that_its_brakes_hold_does_not_keep_another_from_the_target() -> None:
    first, second = rule(name="first", priority=9), rule(name="second")
    engine = Engine((first, second), Facts(fleet(4), stopped=frozenset({"rule:first"})))
    tick = engine.tick(cpu(0.9))
    assert [plan.rule for plan in tick.plans] == ["second"]
    assert engine.reasons() == ["stopped"]
