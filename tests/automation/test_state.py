"""The life of a series: when it fires, when not yet, and what gaps, clocks and restarts change about that: nothing."""

import math
import pickle
from dataclasses import replace
from datetime import timedelta

import pytest

from patchbay.automation.conditions import DuplicateSeries, Quality, Sample, aggregate, judge
from patchbay.automation.engine import States, evaluate
from patchbay.automation.facts import Facts, Limits
from tests.automation.conftest import START, TICK, Engine, cpu, minutes, rule

FIVE = {"metric": "cpu", "threshold": 0.8, "duration": "5m"}
CALM = {"metric": "cpu", "threshold": 0.8, "clear": 0.6, "keep_firing_for": "1m"}
HIGH, LOW, MIDDLE = 0.9, 0.5, 0.7


def test_it_fires_exactly_when_held_for_its_duration_and_not_one_tick_earlier() -> None:
    engine = Engine((rule(FIVE),))
    assert engine.run([HIGH] * 11) == ["pending", *[""] * 9, "firing"]
    assert engine.ticks[10].transitions[0].at == START + minutes(5)
    assert engine.planned() == len(engine.ticks[10].plans) == 1


def test_without_a_duration_it_fires_at_once() -> None:
    assert Engine((rule(),)).run([HIGH, LOW]) == ["firing", "resolved"]


def test_a_value_at_the_threshold_is_not_above_it_and_zero_is_a_value() -> None:
    assert Engine((rule(),)).run([0.8, 0.800001]) == ["", "firing"]
    below = {"metric": "cpu", "threshold": 1, "comparator": "<"}
    assert Engine((rule(below),)).run([1, 0]) == ["", "firing"]


def test_flapping_around_the_threshold_is_one_episode_and_one_plan() -> None:
    engine = Engine((rule(CALM),))
    changes = engine.run([HIGH, MIDDLE, HIGH, LOW, HIGH, LOW, MIDDLE, LOW, HIGH, LOW, LOW, LOW])
    assert changes == ["firing", *[""] * 10, "resolved"]
    assert engine.planned() == 1


def test_one_quiet_value_while_pending_starts_over() -> None:
    changes = Engine((rule(FIVE),)).run([*[HIGH] * 10, LOW, *[HIGH] * 10])
    assert changes == ["pending", *[""] * 9, "dropped", "pending", *[""] * 9]


@pytest.mark.parametrize("quality", [Quality.ERROR, Quality.ABSENT, Quality.STALE])
@pytest.mark.parametrize("value", [HIGH, LOW, None, math.nan])
def test_no_bad_sample_fires_or_clears_or_counts(quality: Quality, value: float | None) -> None:
    engine = Engine((rule(FIVE),))
    engine.run([HIGH] * 10)
    for _ in range(20):
        assert not engine.tick(cpu(value, quality=quality)).transitions
    assert engine.run([HIGH]) == [""], "the time since the last good value was not seen"
    assert engine.run([HIGH]) == ["firing"]
    for _ in range(20):
        assert not engine.tick(cpu(value, quality=quality)).transitions
    assert engine.run([LOW]) == ["resolved"]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, None])
def test_a_value_that_is_no_number_is_a_gap_whatever_its_sender_called_it(value: float | None) -> None:
    engine = Engine((rule(),))
    engine.tick(cpu(value))
    assert not engine.states.series
    engine.tick(cpu(HIGH))
    assert not engine.tick(cpu(value)).transitions


def test_error_absent_stale_and_zero_are_four_things() -> None:
    limit = minutes(5)
    assert judge(cpu(0.0), START, limit) is Quality.OK
    assert judge(cpu(None), START, limit) is Quality.ABSENT
    assert judge(cpu(math.nan), START, limit) is Quality.ERROR
    assert judge(cpu(1.0), START + minutes(6), limit) is Quality.STALE
    assert judge(cpu(1.0, START + minutes(6)), START, limit) is Quality.ERROR, "from the future"


def test_a_clock_that_goes_back_or_jumps_ahead_adds_nothing() -> None:
    for jump in (timedelta(hours=-3), timedelta(hours=3)):
        engine = Engine((rule(FIVE),))
        engine.run([HIGH] * 5)
        assert engine.run([HIGH], after=jump) == [""]
        assert engine.run([HIGH] * 6) == [*[""] * 5, "firing"], jump


def test_downtime_while_pending_is_not_counted_as_breach() -> None:
    engine = Engine((rule(FIVE),))
    engine.run([HIGH] * 10)
    assert engine.run([HIGH], after=timedelta(hours=8)) == [""], "four and a half minutes are held, and no more"
    assert engine.run([HIGH]) == ["firing"]


def test_a_restart_while_firing_keeps_the_episode_and_plans_nothing_again() -> None:
    engine = Engine((rule(CALM),))
    engine.run([HIGH])
    episode = engine.ticks[0].transitions[0].episode
    assert engine.run([HIGH, HIGH], after=minutes(20)) == ["", ""]
    assert engine.planned() == 1
    engine.run([LOW, LOW, LOW])
    assert engine.ticks[-1].transitions[0].episode == episode


def test_a_restart_while_resolving_does_not_count_the_downtime_as_calm() -> None:
    engine = Engine((rule(CALM),))
    assert engine.run([HIGH, LOW]) == ["firing", ""]
    assert engine.run([LOW], after=timedelta(hours=1)) == [""]
    assert engine.run([LOW, LOW]) == ["", "resolved"]


def test_raising_the_duration_sends_a_firing_series_back_to_pending_without_a_second_plan() -> None:
    engine = Engine((rule(FIVE),))
    engine.run([HIGH] * 11)
    engine.rules = (rule(FIVE | {"duration": "10m"}),)
    assert engine.run([HIGH] * 10) == ["pending", *[""] * 8, "firing"]
    assert engine.planned() == 1


def test_another_label_is_another_series() -> None:
    engine = Engine((rule(FIVE),))
    engine.run([HIGH] * 10)
    tick = engine.tick(cpu(HIGH, target="p0"), cpu(HIGH, target="p0", zone="b"))
    assert [(t.change, t.labels) for t in tick.transitions] == [
        ("firing", {"target": "p0"}),
        ("pending", {"target": "p0", "zone": "b"}),
    ]


def test_only_series_with_all_of_the_rules_labels_are_watched() -> None:
    engine = Engine((rule({"metric": "cpu", "threshold": 0.8, "labels": {"zone": "a", "rack": "1"}}),))
    tick = engine.tick(cpu(HIGH, zone="a", rack="2"), cpu(HIGH, zone="b", rack="1"), cpu(HIGH, zone="a"))
    assert not tick.transitions
    assert engine.tick(cpu(HIGH, zone="a", rack="1", target="p0")).transitions


def test_a_metric_and_an_anomaly_of_one_name_are_not_mistaken_for_each_other() -> None:
    engine = Engine((rule({"anomaly": "cpu", "score": 0.5}),))
    assert not engine.tick(cpu(HIGH)).transitions
    assert engine.tick(replace(cpu(HIGH), source="anomaly")).transitions


@pytest.mark.parametrize(
    ("direction", "fires"), [("up", [0.99, 1.0]), ("down", [-0.99, -1.0]), ("any", [0.99, 1.0, -0.99, -1.0])]
)
def test_an_anomaly_fires_from_its_score_on_and_in_its_direction(direction: str, fires: list[float]) -> None:
    watched = rule({"anomaly": "uses", "score": 0.99, "direction": direction})
    scores = [0.0, 0.98, 0.99, 1.0, -0.98, -0.99, -1.0]
    samples = {score: Sample("uses", score, START, {"target": "p0"}, source="anomaly") for score in scores}
    fired = [s for s in scores if evaluate([watched], [samples[s]], States(), START, Facts()).transitions]
    assert fired == fires


def test_two_samples_of_one_series_are_an_error() -> None:
    with pytest.raises(DuplicateSeries, match="comes twice"):
        Engine((rule(),)).tick(cpu(HIGH), cpu(LOW))


def test_a_series_that_is_gone_for_long_is_lost_not_resolved() -> None:
    engine = Engine((rule(),), Facts(limits=Limits(forget_after=minutes(10))))
    assert engine.run([HIGH, None]) == ["firing", ""]
    assert engine.run([None, None], after=minutes(6)) == ["", "lost"]
    assert not engine.states.series


def test_a_rule_that_is_switched_off_or_removed_ends_its_episodes() -> None:
    engine = Engine((rule(),))
    engine.run([HIGH])
    engine.rules = (rule(mode="off"),)
    assert [t.change for t in engine.tick(cpu(HIGH)).transitions] == ["lost"]
    assert not engine.tick(cpu(HIGH)).transitions


@pytest.mark.slow
def test_a_hundred_thousand_series_leave_nothing_once_they_are_quiet() -> None:
    hot = rule(FIVE, {"type": "mail", "to": ["ops"]})
    names = [{"target": str(index)} for index in range(100_000)]
    states, now, sizes = States(), START, []
    for value in (HIGH, HIGH, LOW):
        states = evaluate([hot], [Sample("cpu", value, now, label) for label in names], states, now, Facts()).states
        sizes.append(len(pickle.dumps(states)) / len(names))
        now += TICK
    assert sizes[0] < 400, "bytes a pending series"
    assert sizes[1] < 1.2 * sizes[0], "a state does not grow with its age"
    assert not states.series


@pytest.mark.parametrize(("how", "value"), [("last", 3.0), ("avg", 2.0), ("min", 1.0), ("max", 3.0), ("sum", 6.0)])
def test_a_window_of_samples_is_one_of_them_without_the_bad_and_the_old(how: str, value: float) -> None:
    series = [cpu(float(count), START + minutes(count)) for count in (1, 2, 3)]
    noise = [cpu(99.0, START - minutes(5)), cpu(math.nan, START + minutes(3.5))]
    found = aggregate([*series, *noise], how, START + minutes(4), minutes(4))  # type: ignore[arg-type]
    assert (found.value, found.at, found.quality) == (value, START + minutes(3), Quality.OK)


def test_a_window_without_a_good_sample_has_the_newest_ones_quality() -> None:
    bad = [cpu(1.0, START - minutes(9)), cpu(None, START, Quality.ERROR)]
    assert aggregate(bad, "avg", START, minutes(5)).quality is Quality.ERROR
    assert aggregate(bad[:1], "avg", START, minutes(5)).quality is Quality.STALE
    with pytest.raises(ValueError, match="no samples"):
        aggregate([], "avg", START, minutes(5))
