"""Bootstrap intervals over users: how much a mean, or a difference of two, would move with other users."""

from dataclasses import dataclass

import numpy as np

from models.recommend.evaluate import Evaluation, Floats
from models.recommend.interactions import Codes

DRAWS = 2000
DRAWN_AT_ONCE = 1 << 20


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean and the bounds of its interval."""

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.mean:.3f} [{self.low:.3f}, {self.high:.3f}]"


def interval(evaluation: Evaluation, metric: str, level: float = 0.95, seed: int = 1) -> Interval:
    """Percentile interval of a metric's mean. A user in several splits is drawn whole, as their days are alike."""
    return _interval(evaluation.values[metric], _clusters(evaluation), level, seed)


def paired(one: Evaluation, other: Evaluation, metric: str, level: float = 0.95, seed: int = 1) -> Interval:
    """Interval of the mean difference `one` - `other` over the same users; raises `ValueError` when they are not."""
    if not np.array_equal(one.users, other.users):
        raise ValueError("only evaluations of the same users can be paired")
    return _interval(one.values[metric] - other.values[metric], _clusters(one), level, seed)


def _clusters(evaluation: Evaluation) -> Codes:
    codes: Codes = np.unique(evaluation.users, return_inverse=True)[1]
    return codes


def _interval(values: Floats, clusters: Codes, level: float, seed: int) -> Interval:
    sizes = np.bincount(clusters).astype(float)
    sums = np.bincount(clusters, values)
    rng = np.random.default_rng(seed)
    block = max(1, DRAWN_AT_ONCE // len(sizes))
    drawn = (rng.integers(0, len(sizes), (min(block, DRAWS - start), len(sizes))) for start in range(0, DRAWS, block))
    means = np.concatenate([sums[codes].sum(axis=1) / sizes[codes].sum(axis=1) for codes in drawn])
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(values.mean()), float(low), float(high))
