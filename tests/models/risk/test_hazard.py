"""The advisory hazard and staleness: published values, monotony, intervals and fits that find what was planted."""

import numpy as np
import pytest
from scipy.stats import gamma

from models.risk import AdvisoryHazard, Staleness


def column(*values: float) -> np.ndarray:
    return np.array(values, dtype=float)


def test_the_published_constants_give_the_published_probabilities() -> None:
    chances = AdvisoryHazard().probability(column(100, 50_000), column(0, 5), column(4, 6))
    assert chances.round(3).tolist() == [0.044, 0.361]


def test_more_installs_and_more_advisories_raise_the_chance_and_quiet_years_lower_it() -> None:
    hazard = AdvisoryHazard()
    assert (np.diff(hazard.probability(column(0, 10, 1e3, 1e6), column(1, 1, 1, 1), column(3, 3, 3, 3))) > 0).all()
    assert (np.diff(hazard.probability(column(9, 9, 9), column(0, 1, 5), column(3, 3, 3))) > 0).all()
    assert (np.diff(hazard.probability(column(9, 9, 9), column(1, 1, 1), column(0, 2, 9))) < 0).all()


def test_a_plugin_as_eventful_as_its_size_has_the_chance_of_its_size() -> None:
    hazard, installs = AdvisoryHazard(), column(1000)
    expected = np.exp(hazard.intercept + hazard.slope * np.log1p(installs)) * 5
    usual = hazard.probability(installs, expected, column(5))
    assert usual == pytest.approx(hazard.of_size(installs), abs=0.003)


def test_the_interval_is_that_of_the_gamma_posterior() -> None:
    hazard = AdvisoryHazard()
    installs, advisories, years = column(0, 370, 1e5, 1e6), column(0, 0, 3, 20), column(0, 4, 6, 6)
    rate = hazard.shape / np.exp(hazard.intercept + hazard.slope * np.log1p(installs)) + years
    for found, share in zip(hazard.interval(installs, advisories, years), (0.05, 0.95), strict=True):
        exact = 1 - np.exp(-gamma.ppf(share, hazard.shape + advisories) / rate)
        assert np.abs(found - exact).max() < 0.01


def test_a_fit_finds_the_constants_that_made_the_data() -> None:
    rng, rows = np.random.default_rng(7), 40_000
    installs, years, planted = np.exp(rng.uniform(0, 11, rows)), rng.uniform(0.5, 6, rows), AdvisoryHazard()
    mean = np.exp(planted.intercept + planted.slope * np.log1p(installs))
    rates = rng.gamma(planted.shape, mean / planted.shape)
    advisories, outcome = rng.poisson(rates * years).astype(float), (rng.poisson(rates) > 0).astype(float)
    found = AdvisoryHazard.fit(installs, advisories, years, outcome)
    assert (found.intercept, found.slope, found.shape) == pytest.approx((-3.72, 0.174, 1.153), rel=0.15)
    assert found == AdvisoryHazard.fit(installs, advisories, years, outcome)


def test_a_fit_without_any_advisory_is_refused() -> None:
    nothing = np.zeros(20)
    with pytest.raises(ValueError, match="same in every row"):
        AdvisoryHazard.fit(np.arange(20.0), nothing, np.ones(20), nothing)


def test_a_fit_that_the_data_cannot_decide_is_refused() -> None:
    days = np.full(20, 30.0)
    with pytest.raises(ValueError, match="cannot tell the parameters apart"):
        Staleness.fit(days, np.arange(20.0) % 2)


def test_staleness_rises_with_days_and_its_fit_finds_the_curve() -> None:
    rng, planted = np.random.default_rng(3), Staleness(-4.0, 0.8)
    days = np.exp(rng.uniform(0, 8, 20_000))
    found = Staleness.fit(days, (rng.random(20_000) < planted.level(days)).astype(float))
    assert (found.intercept, found.slope) == pytest.approx((-4.0, 0.8), rel=0.05)
    assert (np.diff(planted.level(column(0, 30, 365, 4000))) > 0).all()
