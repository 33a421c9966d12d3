"""A release that fails more often than its plugin's other releases do: a sequential beta-binomial test.

The Bayes factor of "its share of errors is anything" against "it is what the other releases of the plugin show" is a
test martingale: under the second it exceeds 10^k with a probability of at most 10^-k however often one looks (Ville),
so it may be asked every minute of a release's life.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaln

from models.anomalies.seasonal import Floats
from models.anomalies.tail import LN10

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class ReleaseConfig:
    """`threshold` is the decimal Bayes factor of an alarm. What differs little is no alarm, however certain.

    The other releases weigh `weight` uses at most, as releases differ among themselves; a plugin without others is held
    to all plugins with the weight `prior`.
    """

    threshold: float = 4.0
    factor: float = 2.0
    difference: float = 0.03
    weight: float = 400.0
    prior: float = 40.0


@dataclass(frozen=True, slots=True)
class Verdicts:
    """One per release: its share of errors, the usual one, the decimal Bayes factor, and whether that is an alarm."""

    share: Floats
    usual: Floats
    surprise: Floats
    alarm: NDArray[np.bool_]


def judge(plugin: Ints, errors: Ints, uses: Ints, config: ReleaseConfig | None = None) -> Verdicts:
    """Verdicts on R releases from the plugin of each, its errors and all its uses, failed ones included, so far.

    A release without uses gets a share of 0 and no surprise. Raises ValueError when errors exceed uses.
    """
    total = int(plugin.max(initial=-1)) + 1
    others = [np.bincount(plugin, values, minlength=total)[plugin] - values for values in (errors, uses)]
    overall = (errors.sum() + 0.5) / (uses.sum() + 50.0)
    return compare(errors, uses, others[0], others[1], overall, config)


def compare(
    errors: NDArray[np.number],
    uses: NDArray[np.number],
    other_errors: NDArray[np.number],
    other_uses: NDArray[np.number],
    overall: Floats | float,
    config: ReleaseConfig | None = None,
) -> Verdicts:
    """Verdicts on counts against those of the other releases, `overall` being the share over all plugins."""
    if (errors > uses).any() or (other_errors > other_uses).any():
        raise ValueError("there cannot be more errors than uses")
    made = config or ReleaseConfig()
    usual = np.asarray((other_errors + made.prior * overall) / (other_uses + made.prior), dtype=np.float64)
    weight = np.minimum(other_uses + made.prior, made.weight)
    before, after = usual * weight, (1.0 - usual) * weight
    fine = uses - errors
    as_usual = betaln(before + errors, after + fine) - betaln(before, after)
    anything = betaln(1.0 + errors, 1.0 + fine)
    surprise = np.maximum(anything - as_usual, 0.0) / LN10
    share = np.asarray(errors / np.maximum(uses, 1), dtype=np.float64)
    worse = (share >= made.factor * usual) & (share - usual >= made.difference)
    return Verdicts(share, usual, np.where(worse, surprise, 0.0), worse & (surprise >= made.threshold))
