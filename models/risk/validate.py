"""How well probabilities did: discrimination, calibration and skill, with intervals that respect clusters."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.risk.fitting import Array

LARGEST_ECE = 0.03
Labels = NDArray[np.generic]
Statistic = Callable[[Array], float]
"""Of a weight per row."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value with its central 95 % bootstrap interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Bin:
    """Rows of similar probability: how many, the mean predicted, the share observed."""

    rows: int
    predicted: float
    observed: float


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One set of probabilities against what came.

    `constant_brier` is that of the best constant in hindsight, a bar that no forecaster could have set; `skill` is
    1 − brier / constant_brier. `ece` is over `deciles`, ten bins of equal mass. `lift` is the top tenth's rate over all's.
    """

    rows: int
    clusters: int
    base_rate: float
    auc: Estimate
    brier: float
    constant_brier: float
    skill: Estimate
    ece: float
    lift: float
    deciles: tuple[Bin, ...]


def evaluate(outcome: Array, predicted: Array, clusters: Labels, *, resamples: int = 1000, seed: int = 0) -> Evaluation:
    """Of n rows; the bootstrap draws whole clusters (n,), as rows of one plugin are not independent.

    Raises `ValueError` when the outcome is the same in every row: there is nothing to tell apart.
    """
    _refuse_constant(outcome)
    auc_, skill = _Ranked(outcome, predicted).auc, _skill(outcome, predicted)
    bins = deciles(outcome, predicted)
    base = float(outcome.mean())
    return Evaluation(
        rows=len(outcome),
        clusters=len(np.unique(clusters)),
        base_rate=base,
        auc=_estimate(auc_, clusters, resamples, seed),
        brier=float(np.mean((predicted - outcome) ** 2)),
        constant_brier=base * (1 - base),
        skill=_estimate(skill, clusters, resamples, seed),
        ece=sum(b.rows * abs(b.predicted - b.observed) for b in bins) / len(outcome),
        lift=bins[-1].observed / base,
        deciles=bins,
    )


def auc(outcome: Array, predicted: Array) -> float:
    """Chance that a row that came true was ranked above one that did not; ties count one half. Raises `ValueError`."""
    _refuse_constant(outcome)
    return _Ranked(outcome, predicted).auc(np.ones(len(outcome)))


def auc_gain(
    outcome: Array, predicted: Array, rival: Array, clusters: Labels, *, resamples: int = 1000, seed: int = 0
) -> Estimate:
    """How much higher the AUC is than the rival's, on the same resamples."""
    _refuse_constant(outcome)
    ours, theirs = _Ranked(outcome, predicted), _Ranked(outcome, rival)
    return _estimate(lambda weights: ours.auc(weights) - theirs.auc(weights), clusters, resamples, seed)


def skill_gain(
    outcome: Array, predicted: Array, rival: Array, clusters: Labels, *, resamples: int = 1000, seed: int = 0
) -> Estimate:
    """How much higher the Brier skill is than that of a rival's probabilities, on the same resamples."""
    _refuse_constant(outcome)
    ours, theirs = _skill(outcome, predicted), _skill(outcome, rival)
    return _estimate(lambda weights: ours(weights) - theirs(weights), clusters, resamples, seed)


def deciles(outcome: Array, predicted: Array, bins: int = 10) -> tuple[Bin, ...]:
    """Bins of equal mass from the least to the most probable; fewer where there are fewer rows."""
    order = np.argsort(predicted, kind="stable")
    parts = [part for part in np.array_split(order, bins) if len(part)]
    return tuple(Bin(len(p), float(predicted[p].mean()), float(outcome[p].mean())) for p in parts)


def faults(found: Evaluation, gains: dict[str, Estimate]) -> list[str]:
    """Why these may not be shown as probabilities; empty when they may. `gains` are AUCs above each single feature's."""
    checks = [
        (found.skill.low > 0, f"Brier skill {found.skill.value:.3f} is not above 0 for sure ({found.skill.low:.3f})"),
        (found.ece <= LARGEST_ECE, f"ECE {found.ece:.3f} is above {LARGEST_ECE}"),
    ]
    checks += [
        (gain.low > 0, f"{name}: {gain.value:.3f} is not above 0 for sure ({gain.low:.3f})")
        for name, gain in gains.items()
    ]
    return [fault for passed, fault in checks if not passed]


class _Ranked:
    """Rows in order of their prediction, so that each resample's AUC costs one pass."""

    def __init__(self, outcome: Array, predicted: Array) -> None:
        self._order = np.argsort(predicted, kind="stable")
        self._outcome = outcome[self._order]
        ranked = predicted[self._order]
        self._ties = np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1]])

    def auc(self, weights: Array) -> float:
        """NaN when only one outcome has weight."""
        weighted = weights[self._order]
        came = np.add.reduceat(weighted * self._outcome, self._ties)
        stayed = np.add.reduceat(weighted * (1 - self._outcome), self._ties)
        below = np.cumsum(stayed) - stayed / 2
        pairs = came.sum() * stayed.sum()
        return float((came * below).sum() / pairs) if pairs else float("nan")


def _skill(outcome: Array, predicted: Array) -> Statistic:
    def skill(weights: Array) -> float:
        mean = np.average(outcome, weights=weights)
        spread = mean * (1 - mean)
        return 1 - float(np.average((predicted - outcome) ** 2, weights=weights) / spread) if spread else float("nan")

    return skill


def _estimate(statistic: Statistic, clusters: Labels, resamples: int, seed: int) -> Estimate:
    drawn = np.array([statistic(weights) for weights in _resamples(clusters, resamples, seed)])
    low, high = np.nanquantile(drawn, [0.025, 0.975])
    return Estimate(float(statistic(np.ones(len(clusters)))), float(low), float(high))


def _resamples(clusters: Labels, resamples: int, seed: int) -> Iterator[Array]:
    """How often each row is drawn, when as many clusters as there are are drawn with replacement."""
    rng = np.random.default_rng(seed)
    names, of_row = np.unique(clusters, return_inverse=True)
    for _ in range(resamples):
        counts = np.bincount(rng.integers(0, len(names), len(names)), minlength=len(names))
        yield counts[of_row].astype(np.float64)


def _refuse_constant(outcome: Array) -> None:
    if len(outcome) == 0 or outcome.min() == outcome.max():
        raise ValueError("cannot be evaluated: the outcome is the same in every row")
