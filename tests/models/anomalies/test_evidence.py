"""Evidence in nats, the range, and how both become surprise."""

import numpy as np
import pytest
from scipy.stats import nbinom, poisson

from models.anomalies.evidence import DROP, SILENCE, SURGE, band, dispersion, ratios
from models.anomalies.novelty import novelty
from models.anomalies.tail import LN10, surprise_line


def worth(mean: float, noise: float, count: int, component: int) -> float:
    slope, drift = ratios(np.full((60, 1), mean), np.array([noise]), 2.0, 0.4)
    return float(count * slope[component, 0, 0] - drift[component, 0, 0])


@pytest.mark.parametrize(("component", "factor"), [(SURGE, 2.0), (DROP, 0.4)])
@pytest.mark.parametrize("count", [0, 3, 40])
def test_a_count_is_worth_its_negative_binomial_likelihood_ratio(component, factor, count):
    size = 1 / 0.2
    expected = nbinom.logpmf(count, size, size / (size + 7 * factor)) - nbinom.logpmf(count, size, size / (size + 7))
    assert worth(7.0, 0.2, count, component) == pytest.approx(expected)


def test_silence_is_worth_the_log_probability_of_no_event_and_any_event_ends_it():
    assert worth(7.0, 1e-4, 0, SILENCE) == pytest.approx(-poisson.logpmf(0, 7.0), rel=1e-3)
    assert worth(7.0, 1e-4, 1, SILENCE) < -1e9


def test_noise_makes_the_same_count_worth_less():
    assert worth(100.0, 0.1, 200, SURGE) < worth(100.0, 1e-4, 200, SURGE) / 5


def test_dispersion_is_found_and_shrunk_while_little_is_known():
    rng = np.random.default_rng(1)
    mean, noise = 50.0, 0.3
    counts = rng.poisson(mean * rng.gamma(1 / noise, noise, 20_000))
    found = dispersion(np.array(((counts - mean) ** 2 - mean).sum()), np.array(len(counts) * mean**2))
    assert found == pytest.approx(noise, rel=0.05)
    assert dispersion(np.zeros(1), np.zeros(1)) == pytest.approx(0.02)


@pytest.mark.parametrize("mean", [0.5, 5.0, 500.0])
def test_the_band_holds_nearly_all_poisson_counts(mean):
    low, high = band(np.array(mean), np.array(1e-4))
    counts = np.random.default_rng(2).poisson(mean, 50_000)
    assert ((counts >= low) & (counts <= high)).mean() > 0.99
    assert low >= 0


def test_breaking_the_record_by_little_says_little_and_bursts_make_it_say_less():
    quiet, ten = np.array(1e-4), np.array(10.0)
    assert novelty(ten, ten, quiet) == 0.0
    assert novelty(np.array(11.0), ten, quiet) < 0.1
    assert novelty(np.array(40.0), ten, quiet) > 15.0
    assert novelty(np.array(40.0), ten, np.array(0.5)) < 5.0


def test_surprise_counts_the_share_of_past_peaks_and_falls_as_their_tail_does():
    offset, scale = surprise_line(np.array(10_000.0), np.array(1_000.0), np.array(3_000.0), 4.0)
    assert offset + scale * 4.0 == pytest.approx(1.0, abs=0.01)
    assert scale == pytest.approx(1 / (3.0 * LN10), rel=0.02)


def test_the_tail_is_never_thinner_than_theory():
    _, scale = surprise_line(np.array(10_000.0), np.array(1_000.0), np.array(10.0), 4.0)
    assert scale == pytest.approx(1 / LN10)
