"""Maximum likelihood for the probability of a yes or no, by Fisher scoring."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Predict = Callable[[Array], Array]
_STEP, _LONGEST_STEP, _TOLERANCE, _MOST_ROUNDS, _MOST_HALVINGS = 1e-5, 2.0, 1e-9, 200, 30


def fit_probability(predict: Predict, start: Array, outcome: Array) -> Array:
    """Parameters (p,) under which `predict` (parameters -> n probabilities) makes the outcome (n, of 0 and 1) likeliest.

    The gradient is numerical, so any smooth form will do. Raises `ValueError` when the outcome never varies, when the
    data cannot tell the parameters apart, or when no optimum is reached.
    """
    if len(outcome) == 0 or outcome.min() == outcome.max():
        raise ValueError("cannot be fitted: the outcome is the same in every row")
    parameters: Array = start.astype(np.float64)
    best = _log_likelihood(predict(start), outcome)
    for _ in range(_MOST_ROUNDS):
        step = _fisher_step(predict, parameters, outcome)
        parameters, gained = _climb(predict, parameters, step, outcome, best)
        best += gained
        if gained < _TOLERANCE:
            return parameters
    raise ValueError(f"cannot be fitted: no optimum after {_MOST_ROUNDS} rounds")


def _fisher_step(predict: Predict, parameters: Array, outcome: Array) -> Array:
    probability = _inside(predict(parameters))
    moves = np.eye(len(parameters)) * _STEP
    slopes = np.stack([(predict(parameters + m) - predict(parameters - m)) / (2 * _STEP) for m in moves], axis=1)
    weighted = slopes / (probability * (1 - probability))[:, None]
    try:
        step = np.linalg.solve(slopes.T @ weighted, weighted.T @ (outcome - probability)).astype(np.float64)
    except np.linalg.LinAlgError as error:
        raise ValueError("cannot be fitted: the data cannot tell the parameters apart") from error
    # Where a parameter hardly matters the step is far too long, and an exponential of it overflows.
    return step * min(1.0, _LONGEST_STEP / max(float(np.abs(step).max()), _LONGEST_STEP))


def _climb(predict: Predict, at: Array, step: Array, outcome: Array, best: float) -> tuple[Array, float]:
    """The longest halving of the step that makes the outcome likelier, and by how much a row; none at the optimum."""
    for _ in range(_MOST_HALVINGS):
        reached = at + step
        gained = _log_likelihood(predict(reached), outcome) - best
        if gained > 0:
            return reached, gained
        step = step / 2
    return at, 0.0


def _log_likelihood(probability: Array, outcome: Array) -> float:
    inside = _inside(probability)
    return float(np.mean(outcome * np.log(inside) + (1 - outcome) * np.log1p(-inside)))


def _inside(probability: Array) -> Array:
    return np.clip(probability, 1e-12, 1 - 1e-12)
