"""The usual rate by hour of the week."""

from datetime import UTC, datetime

import numpy as np
import pytest

from models.anomalies.seasonal import WEEK, hour_of_week, level, season
from tests.models.anomalies.traffic import MONDAY


def test_hour_zero_of_the_week_is_mondays_first_in_utc():
    monday = datetime(2026, 8, 31, tzinfo=UTC)
    assert int(monday.timestamp()) // 60 == MONDAY
    assert hour_of_week(MONDAY // 60) == 0
    assert hour_of_week(MONDAY // 60 - 1) == WEEK - 1


def test_without_history_every_minute_is_alike():
    rate = season(np.zeros((WEEK, 1)), np.zeros((WEEK, 1)), 5, prior=4.0)
    assert np.ptp(rate) == pytest.approx(0.0)


def test_a_weekday_never_seen_takes_the_rate_of_the_same_hour_of_other_days():
    events, hours = np.zeros((WEEK, 1)), np.zeros((WEEK, 1))
    hours[:24] = 1.0
    events[:24] = 30.0
    events[9:12] = 600.0
    tuesday = season(events, hours, MONDAY // 60 + 24 + 10, prior=4.0)
    assert tuesday.mean() * 60 == pytest.approx(600.0, rel=0.05)


def test_a_weekday_often_seen_keeps_its_own_rate():
    events, hours = np.full((WEEK, 1), 600.0), np.full((WEEK, 1), 1.0)
    events[5 * 24 :] = 60.0
    saturday = season(events, hours, MONDAY // 60 + 5 * 24 + 10, prior=4.0)
    assert saturday.mean() * 60 == pytest.approx(60.0, rel=0.1)


def test_between_the_middles_of_hours_the_rate_runs_straight():
    hours = np.full((WEEK, 1), 1e6)
    events = hours * np.arange(WEEK)[:, None] * 60.0
    rate = season(events, hours, MONDAY // 60 + 50, prior=1e-6)[:, 0]
    np.testing.assert_allclose(rate, 50 + (np.arange(60) + 0.5) / 60 - 0.5, rtol=1e-6)


def test_the_level_moves_only_with_enough_events():
    assert level(np.array(0.0), np.array(0.0), 5.0) == 1.0
    assert level(np.array(3.0), np.array(1.0), 5.0) < 1.4
    assert level(np.array(3000.0), np.array(1000.0), 5.0) == pytest.approx(3.0, rel=0.01)
