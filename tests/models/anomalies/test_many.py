"""The detector of many series: what it finds, what it leaves alone, and what it remembers."""

import json
from itertools import pairwise

import numpy as np
import pytest

from models.anomalies.config import DetectorConfig
from models.anomalies.evidence import COMPONENTS
from models.anomalies.many import ManyDetector
from models.anomalies.reading import Reading
from models.anomalies.state import State
from models.laws import LAWS, Case
from tests.models.anomalies.traffic import DAY, MONDAY, traffic

NOON = 12 * 60


def alarms(counts: np.ndarray, config: DetectorConfig | None = None) -> list[Reading]:
    detector = ManyDetector(counts.shape[1], config)
    return [alarm for readings in detector.run(counts, MONDAY) for alarm in readings.alarms(detector.config.threshold)]


def scores(detector: ManyDetector, counts: np.ndarray, start: int) -> np.ndarray:
    return np.concatenate([readings.score for readings in detector.run(counts, start)])


def fitted(detector: ManyDetector, counts: np.ndarray) -> ManyDetector:
    fresh = ManyDetector(detector.state.series, detector.config)
    fresh.learn(counts, MONDAY)
    return fresh


def asked(detector: ManyDetector, counts: np.ndarray) -> np.ndarray:
    again = ManyDetector(detector.state.series, detector.config, detector.settled())
    return scores(again, counts, MONDAY + 400 * DAY)


CASE = Case(
    make=lambda config: ManyDetector(2, config),
    config=DetectorConfig(),
    data=traffic(10, [1.0, 10.0]),
    strange=traffic(9, [300.0, 0.001], seed=9),
    fit=fitted,
    ask=asked,
)


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_the_detector_keeps_the_laws_of_models(law):
    law(CASE)


@pytest.mark.parametrize(("rate", "within"), [(20.0, 4), (100.0, 2), (1000.0, 1)])
def test_a_doubling_is_found_within_minutes_of_its_first(rate, within):
    counts = traffic(16, [rate])
    start = 15 * DAY + NOON
    counts[start : start + 30] = np.random.default_rng(1).poisson(rate * 1.8 * 2, (30, 1))
    first = next(alarm for alarm in alarms(counts) if alarm.minute >= MONDAY + start)
    assert first.minute - (MONDAY + start) + 1 <= within
    assert COMPONENTS[first.component] in ("surge", "range")
    assert first.observed > 1.5 * first.expected


@pytest.mark.parametrize(("rate", "within"), [(1.0, 15), (5.0, 4), (100.0, 1)])
def test_an_outage_is_found_as_soon_as_silence_outlasts_the_expected_count(rate, within):
    counts = traffic(16, [rate])
    start = 15 * DAY + NOON
    counts[start : start + 60] = 0
    found = [alarm for alarm in alarms(counts) if alarm.minute >= MONDAY + start]
    assert found[0].minute - (MONDAY + start) + 1 <= within
    assert COMPONENTS[found[0].component] in ("silence", "drop")
    assert found[0].observed < found[0].low or found[0].expected < 15


def test_quiet_nights_and_weekends_are_no_outages_and_mornings_no_surges():
    calm = alarms(traffic(42, [0.05, 0.5, 5.0, 50.0, 500.0], noise=0.02))
    days = {(alarm.series, alarm.minute // DAY) for alarm in calm}
    assert len(days) <= 0.1 * 5 * (42 - 8)


def test_a_busy_series_that_varies_more_than_chance_keeps_calm():
    counts = traffic(28, [400.0], noise=0.03)
    bursts = np.random.default_rng(4).gamma(8, 1 / 8, counts.shape)
    assert len({alarm.minute // DAY for alarm in alarms((counts * bursts).astype(int))}) <= 4


def test_a_series_too_quiet_to_mean_anything_keeps_silent():
    counts = traffic(21, [0.01])
    counts[20 * DAY + NOON : 20 * DAY + NOON + 10] += 30
    assert alarms(counts) == []


def test_a_series_says_nothing_before_it_is_known():
    counts = traffic(8, [10.0])
    counts[6 * DAY :] *= 10
    assert alarms(counts) == []


def test_minutes_not_observed_are_neither_silence_nor_calm():
    counts = traffic(16, [10.0])
    start = 15 * DAY + NOON
    counts[start : start + 3] = 0
    counts[start + 3 : start + 200] = -1
    assert [alarm for alarm in alarms(counts) if MONDAY + start + 3 <= alarm.minute < MONDAY + start + 200] == []


def test_one_surge_does_not_hide_the_next():
    counts = traffic(18, [20.0])
    for day in (15, 16, 17):
        counts[day * DAY + NOON : day * DAY + NOON + 45] *= 5
    assert {(alarm.minute - MONDAY) // DAY for alarm in alarms(counts)} == {15, 16, 17}


@pytest.mark.parametrize("factor", [0.2, 4.0])
def test_what_stays_becomes_the_new_normal_of_the_whole_week(factor):
    counts = traffic(35, [10.0])
    counts[14 * DAY + NOON :] = np.random.default_rng(2).poisson(counts[14 * DAY + NOON :] * factor)
    found = {(alarm.minute - MONDAY) // DAY for alarm in alarms(counts)}
    assert 14 in found
    assert found <= {14, 15}


def test_a_state_goes_through_json_and_a_series_can_be_taken_out_and_joined_again():
    counts = traffic(12, [1.0, 10.0, 100.0])
    whole = ManyDetector(3)
    whole.learn(counts[:-1000], MONDAY)
    state = State.from_document(json.loads(json.dumps(whole.state.to_document())))
    parts = [ManyDetector(2, state=state.take([0, 1])), ManyDetector(1, state=state.take([2]))]
    at = MONDAY + len(counts) - 1000
    np.testing.assert_array_equal(
        scores(ManyDetector.join(parts), counts[-1000:], at), scores(whole, counts[-1000:], at)
    )


def test_how_the_stretch_is_cut_changes_nothing():
    counts = traffic(12, [3.0, 30.0])
    counts[11 * DAY + NOON : 11 * DAY + NOON + 90] *= 4
    whole, cut = ManyDetector(2), ManyDetector(2)
    expected = scores(whole, counts, MONDAY)
    places = [0, 7, 1000, 10 * DAY + 3, 11 * DAY + NOON + 5, 11 * DAY + NOON + 6, len(counts)]
    got = [scores(cut, counts[a:b], MONDAY + a) for a, b in pairwise(places)]
    np.testing.assert_allclose(np.concatenate(got), expected, rtol=1e-9, atol=1e-9)


def test_a_state_of_another_layout_is_refused_by_name():
    document = ManyDetector(1).state.to_document()
    with pytest.raises(ValueError, match="highest"):
        State.from_document({name: value for name, value in document.items() if name != "highest"})
    with pytest.raises(ValueError, match="shapes"):
        State.from_document({**document, "week_events": [[0.0]]})


def test_counts_must_fit_the_series_and_come_in_order():
    detector = ManyDetector(2)
    with pytest.raises(ValueError, match="2 series"):
        detector.learn(np.zeros((5, 3), dtype=int), MONDAY)
    detector.learn(np.zeros((5, 2), dtype=int), MONDAY)
    with pytest.raises(ValueError, match="not after the last"):
        detector.learn(np.zeros((5, 2), dtype=int), MONDAY + 4)


def test_series_at_different_minutes_or_of_different_configs_cannot_be_joined():
    first, second = ManyDetector(1), ManyDetector(1)
    first.learn(np.zeros((5, 1), dtype=int), MONDAY)
    second.learn(np.zeros((6, 1), dtype=int), MONDAY)
    with pytest.raises(ValueError, match="different minutes"):
        ManyDetector.join([first, second])
    with pytest.raises(ValueError, match="different configs"):
        ManyDetector.join([first, ManyDetector(1, DetectorConfig(threshold=5.0))])


@pytest.mark.parametrize("wrong", [{"surge": 1.0}, {"drop": 1.0}, {"season_keep": 0.0}, {"patience": 0.0}])
def test_a_config_that_cannot_work_is_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        DetectorConfig(**wrong)
