"""The hazards: a new security advisory within a year, and a plugin going silent."""

from dataclasses import dataclass
from statistics import NormalDist
from typing import Self

import numpy as np

from models.risk.fitting import Array, fit_probability


@dataclass(frozen=True, slots=True)
class AdvisoryHazard:
    """Gamma–Poisson (empirical Bayes) hazard of a new advisory, from installs and the advisories so far.

    Advisories come at a yearly rate that varies between plugins as Gamma(a, b) with mean μ = exp(intercept + slope ·
    ln(1 + installs)) and b = a/μ; k of them in T years make it Gamma(a + k, b + T). The defaults are published
    constants, estimated on Jenkins plugins. It knows nothing of a plugin's code, and disclosure follows
    exposure: compare with plugins of the same size. The level differs fourfold between calendar years, which two
    inputs cannot foresee.
    """

    intercept: float = -3.72
    slope: float = 0.174
    shape: float = 1.153

    @classmethod
    def fit(cls, installs: Array, advisories: Array, years: Array, outcome: Array) -> Self:
        """From panel columns (n,): outcome is 1 where an advisory came within a year. Raises `ValueError`."""

        def predict(parameters: Array) -> Array:
            return cls(parameters[0], parameters[1], np.exp(parameters[2])).probability(installs, advisories, years)

        start = np.array([np.log(max(outcome.mean(), 1e-6)), 0.0, 0.0])
        intercept, slope, log_shape = fit_probability(predict, start, outcome)
        return cls(float(intercept), float(slope), float(np.exp(log_shape)))

    def probability(self, installs: Array, advisories: Array, years: Array, horizon: float = 1.0) -> Array:
        """Chance (n,) of at least one advisory within `horizon` years."""
        shape, rate = self._posterior(installs, advisories, years)
        return 1 - (rate / (rate + horizon)) ** shape

    def of_size(self, installs: Array) -> Array:
        """Chance (n,) within a year for a plugin of that many installs of which nothing else is known."""
        nothing = np.zeros_like(installs)
        return self.probability(installs, nothing, nothing)

    def interval(self, installs: Array, advisories: Array, years: Array, coverage: float = 0.9) -> tuple[Array, Array]:
        """Central credible interval (n,), (n,) of the plugin's own yearly chance.

        Gamma quantiles by Wilson and Hilferty (1931): within 0.01 of the exact chance.
        """
        shape, rate = self._posterior(installs, advisories, years)
        low, high = (_gamma_quantile(shape, share) / rate for share in ((1 - coverage) / 2, (1 + coverage) / 2))
        return 1 - np.exp(-low), 1 - np.exp(-high)

    def _posterior(self, installs: Array, advisories: Array, years: Array) -> tuple[Array, Array]:
        mean = np.exp(self.intercept + self.slope * np.log1p(installs))
        return self.shape + advisories, self.shape / mean + years


@dataclass(frozen=True, slots=True)
class Staleness:
    """Share of plugins without a release for so many days that have none in the next year either: a logistic curve.

    The defaults are fitted on Jenkins plugins in the first half of 2021. It ranks well and is not calibrated (one
    independent test year, see `python -m benchmarks.risk`), so it enters the score as a level and is never shown as a
    probability.
    """

    intercept: float = -5.03
    slope: float = 0.994

    @classmethod
    def fit(cls, days: Array, outcome: Array) -> Self:
        """From panel columns (n,): outcome is 1 where no release came within a year. Raises `ValueError`."""
        found = fit_probability(lambda p: cls(p[0], p[1]).level(days), np.zeros(2), outcome)
        return cls(float(found[0]), float(found[1]))

    def level(self, days: Array) -> Array:
        """From 0 to 1 (n,), rising with days since the last release."""
        return 1 / (1 + np.exp(-(self.intercept + self.slope * np.log1p(days))))


def _gamma_quantile(shape: Array, share: float) -> Array:
    cube_root = 1 - 1 / (9 * shape) + NormalDist().inv_cdf(share) / (3 * np.sqrt(shape))
    quantile: Array = shape * np.maximum(cube_root, 0) ** 3
    return quantile
