"""Rolling-origin scores of forecasts."""

import numpy as np
import pytest

from models.forecast.evaluate import backtest
from models.forecast.seasonal_naive import ForecastConfig

CONFIG = ForecastConfig(horizon=14)


def noisy(days: int, series: int, seed: int = 3) -> np.ndarray:
    rng = np.random.default_rng(seed)
    week = np.array([1.0, 1.1, 1.2, 1.1, 0.9, 0.3, 0.2])[np.arange(days) % 7]
    return rng.poisson(week[:, None] * 40, (days, series)).astype(float)


def test_noise_around_a_fixed_week_has_a_scaled_error_of_one_and_keeps_the_level():
    scores = backtest(noisy(200, 100), CONFIG)
    assert scores.mase == pytest.approx(1.0, abs=0.05)
    assert 0.87 <= scores.coverage <= 0.95
    assert scores.flat_mase > 1.5, "an average over the week knows no weekday"


def test_nothing_of_the_forecast_days_is_used():
    history = noisy(100, 5)
    changed = history.copy()
    changed[-14:] += 1000
    before, after = backtest(history, CONFIG, origins=1), backtest(changed, CONFIG, origins=1)
    assert after.coverage == 0.0
    assert after.mase > before.mase * 10


def test_series_that_never_vary_are_left_out_and_counted():
    history = noisy(120, 4)
    history[:, 1] = 7.0
    assert backtest(history, CONFIG).series == 3
    with pytest.raises(ValueError, match="no series varies"):
        backtest(np.full((120, 2), 3.0), CONFIG)


def test_too_short_a_history_says_how_much_is_needed():
    with pytest.raises(ValueError, match="need 79 steps"):
        backtest(noisy(78, 2), CONFIG)


def test_the_document_states_level_and_protocol():
    document = backtest(noisy(200, 3), CONFIG).as_document(CONFIG)
    assert document["level"] == 0.9
    assert document["protocol"] == "4 rolling origins, 14 steps ahead, season of 7"
