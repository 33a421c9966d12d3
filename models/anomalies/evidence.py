"""Evidence against the usual rate: sequential likelihood ratios of counts, for more, for less and for silence.

Page's CUSUM (1954) over a negative binomial, whose variance is `mean + dispersion * mean²`: a busy series varies by more
than Poisson, and a detector that does not know it raises false alarms. The ratio for a rate of zero is the run length of
silence measured in expected events, which is the only thing that finds an outage of a quiet series.
"""

import numpy as np

from models.anomalies.seasonal import Floats

SURGE, DROP, SILENCE, RANGE = 0, 1, 2, 3
COMPONENTS = ("surge", "drop", "silence", "range")
RUNNING = 3
"""The first three gather over minutes; the range looks at one minute alone."""

_NEVER = -1e12
_LEAST_NOISE, _MOST_NOISE = 1e-4, 2.0
_NOISE_PRIOR, _NOISE_WEIGHT = 0.02, 50.0


def dispersion(excess: Floats, square: Floats) -> Floats:
    """Moment estimate of the dispersion from sums of `(y - mean)² - mean` and `mean²`, shrunk to 0.02."""
    return np.clip((excess + _NOISE_PRIOR * _NOISE_WEIGHT) / (square + _NOISE_WEIGHT), _LEAST_NOISE, _MOST_NOISE)


def ratios(mean: Floats, noise: Floats, surge: float, drop: float) -> tuple[Floats, Floats]:
    """Slope and drift (3, 60, S) such that a count y is worth `y * slope - drift` nats for each running component."""
    usual = 1.0 + noise * mean
    slope, drift = np.empty((RUNNING, *mean.shape)), np.empty((RUNNING, *mean.shape))
    for place, factor in ((SURGE, surge), (DROP, drop)):
        other = 1.0 + noise * factor * mean
        slope[place] = np.log(factor * usual / other)
        drift[place] = np.log(other / usual) / noise
    slope[SILENCE] = _NEVER
    drift[SILENCE] = -np.log(usual) / noise
    return slope, drift


def band(mean: Floats, noise: Floats, width: float = 3.0) -> tuple[Floats, Floats]:
    """Low and high of the counts to expect in a minute, `width` standard deviations on Anscombe's (1948) root scale."""
    spread = width * np.sqrt(1.0 + noise * mean) / 2.0
    root = np.sqrt(mean + 0.375)
    return np.maximum(np.maximum(root - spread, 0.0) ** 2 - 0.375, 0.0), (root + spread) ** 2 - 0.375
