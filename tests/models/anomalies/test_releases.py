"""Releases that fail more often than their plugin's others."""

import numpy as np
import pytest

from models.anomalies.releases import ReleaseConfig, compare, judge


def test_a_release_failing_a_third_of_the_time_is_found_within_twenty_uses():
    verdicts = judge(np.array([0, 0, 1]), np.array([6, 10, 20]), np.array([20, 1000, 2000]))
    assert verdicts.alarm.tolist() == [True, False, False]
    assert verdicts.share[0] == pytest.approx(0.3)
    assert verdicts.usual[0] == pytest.approx(0.01, abs=0.002)


def test_few_uses_prove_nothing():
    assert not judge(np.array([0, 0]), np.array([1, 10]), np.array([1, 1000])).alarm.any()
    assert not judge(np.array([0, 0]), np.array([0, 10]), np.array([0, 1000])).alarm.any()


def test_a_difference_that_does_not_matter_is_no_alarm_however_certain():
    verdicts = judge(np.array([0, 0]), np.array([4_000, 10_000]), np.array([200_000, 1_000_000]))
    assert not verdicts.alarm.any()


def test_failing_less_than_usual_is_no_alarm():
    assert not judge(np.array([0, 0]), np.array([0, 300]), np.array([1000, 1000])).alarm[0]


def test_a_plugin_with_one_release_is_held_to_all_plugins():
    plugin, errors, uses = np.array([0, 1, 2]), np.array([40, 10, 10]), np.array([100, 1000, 1000])
    assert judge(plugin, errors, uses).alarm.tolist() == [True, False, False]


def test_looking_after_every_use_raises_no_more_false_alarms_than_the_threshold_allows():
    rng = np.random.default_rng(6)
    errors = (rng.random((2_000, 1_000)) < 0.02).cumsum(axis=1)
    uses = np.broadcast_to(np.arange(1, 1_001), errors.shape)
    config = ReleaseConfig(threshold=2.0, difference=0.0, factor=1.0)
    verdicts = compare(errors, uses, np.array(20_000), np.array(1_000_000), 0.02, config)
    assert verdicts.alarm.any(axis=1).mean() <= 0.01


def test_a_release_that_fails_from_the_start_is_found_while_one_looks():
    rng = np.random.default_rng(7)
    errors = (rng.random((500, 100)) < 0.3).cumsum(axis=1)
    uses = np.broadcast_to(np.arange(1, 101), errors.shape)
    verdicts = compare(errors, uses, np.array(20), np.array(1_000), 0.02)
    first = np.where(verdicts.alarm.any(axis=1), verdicts.alarm.argmax(axis=1), 100)
    assert np.median(first) <= 25
    assert first.max() < 100


def test_more_errors_than_uses_are_refused():
    with pytest.raises(ValueError, match="more errors than uses"):
        judge(np.array([0]), np.array([2]), np.array([1]))


def test_no_releases_give_no_verdicts():
    none = np.array([], dtype=np.int64)
    assert judge(none, none, none).alarm.shape == (0,)
