"""Seasonal naive forecasts and their intervals."""

import numpy as np
import pytest

from models.forecast.seasonal_naive import Forecast, ForecastConfig, SeasonalNaive, steps_below
from models.laws import LAWS, Case


def weekly(days: int, series: int = 3, seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    week = np.array([1.0, 1.1, 1.2, 1.1, 0.9, 0.3, 0.2])[np.arange(days) % 7]
    return rng.poisson(week[:, None] * np.geomspace(5, 500, series)).astype(float)


CASE = Case(
    make=SeasonalNaive,
    config=ForecastConfig(),
    data=weekly(90),
    strange=weekly(80, series=3, seed=2) * 50,
    fit=lambda model, data: model.fit(data),
    ask=lambda model, _: np.concatenate([model.predict().low, model.predict().mean, model.predict().high]),
)


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_the_forecast_keeps_the_laws_of_models(law):
    law(CASE)


def test_each_step_repeats_the_same_weekday_of_the_last_week():
    history = weekly(70)
    forecast = SeasonalNaive().fit(history).predict()
    assert forecast.mean.shape == (28, 3)
    np.testing.assert_allclose(forecast.mean, np.tile(history[-7:], (4, 1)))


def test_nine_in_ten_values_fall_inside_a_ninety_percent_interval():
    history = weekly(428, series=200)
    forecast = SeasonalNaive().fit(history[:400]).predict()
    inside = (history[400:] >= forecast.low) & (history[400:] <= forecast.high)
    assert 0.88 <= inside.mean() <= 0.94


def test_the_interval_is_never_below_zero_and_holds_its_mean():
    forecast = SeasonalNaive().fit(weekly(60)).predict()
    assert (forecast.low >= 0).all()
    assert (forecast.low <= forecast.mean).all()
    assert (forecast.mean <= forecast.high).all()


def test_the_shortest_history_is_enough_and_a_shorter_one_is_refused_with_the_number_needed():
    config = ForecastConfig()
    assert config.least_history == 37
    assert np.isfinite(SeasonalNaive(config).fit(weekly(37)).predict().high).all()
    with pytest.raises(ValueError, match="at least 37 steps"):
        SeasonalNaive(config).fit(weekly(36))


def test_missing_or_negative_values_are_refused():
    history = weekly(60)
    history[5, 1] = np.nan
    with pytest.raises(ValueError, match="negative or missing"):
        SeasonalNaive().fit(history)


def test_asking_before_a_fit_is_our_own_mistake():
    with pytest.raises(RuntimeError):
        SeasonalNaive().predict()


def test_steps_below_a_limit_end_where_the_upper_bound_reaches_it():
    high = np.array([[1.0, 1.0], [5.0, 1.0], [9.0, 1.0]])
    assert steps_below(Forecast(high, high, high), 5.0).tolist() == [1, 3]


@pytest.mark.parametrize("wrong", [{"season": 0}, {"horizon": 0}, {"level": 1.0}])
def test_a_config_that_cannot_forecast_is_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        ForecastConfig(**wrong)
