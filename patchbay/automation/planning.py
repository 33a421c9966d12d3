"""How many replicas: the arithmetic of scaling, after the Horizontal Pod Autoscaler's algorithm.

Source: kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale, "Algorithm details".
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

TINY = 9
"""Decimals that count: 10 × 1.1 is 11 replicas, not 12 because a float says 11.000000000000002."""


class Unplannable(ValueError):
    """Numbers that no plan can be made from; the sentence says which."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Limits of a number of replicas, both included, and of how many one step may add or take away."""

    minimum: int
    maximum: int
    step: int | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.minimum <= self.maximum or (self.step is not None and self.step < 1):
            raise Unplannable(f"{self.minimum} to {self.maximum} by {self.step} are no bounds")

    def clamp(self, desired: int, current: int) -> int:
        """The nearest allowed number. Where the current one is outside, the step limit yields to the bounds."""
        if self.step is not None:
            desired = max(current - self.step, min(current + self.step, desired))
        return max(self.minimum, min(self.maximum, desired))


def times_factor(current: int, factor: float, bounds: Bounds) -> int:
    """`clamp(ceil(current * factor))`. Unplannable for no replicas (somebody turned it off) and for a factor of zero or less."""
    _refuse(current)
    return bounds.clamp(math.ceil(Fraction(str(_positive(factor, "factor"))) * current), current)


def for_metric(
    current: int, metric: float, target: float, bounds: Bounds, *, tolerance: float = 0.1, missing: int = 0
) -> int:
    """Replicas that bring the average per replica to its target; the current number where it is near enough.

    `metric` is the average over the replicas that reported. Those that did not are taken to use nothing when scaling
    up and their full target when scaling down, and where that would turn the direction nothing changes.
    """
    _refuse(current)
    ratio = _ratio(metric, target)
    reporting = current - missing
    if missing < 0 or reporting < 1:
        raise Unplannable(f"{missing} of {current} replicas did not report")
    if missing and ratio != 1:
        assumed = missing if ratio < 1 else 0
        ratio = _towards(ratio, (ratio * reporting + assumed) / current)
    if round(abs(ratio - 1), TINY) <= tolerance:
        return bounds.clamp(current, current)
    needed = min(ratio * current, float(bounds.maximum))
    return bounds.clamp(math.ceil(round(needed, TINY)), current)


def for_metric_lately(
    current: int, metrics: Iterable[float], target: float, bounds: Bounds, *, tolerance: float = 0.1, missing: int = 0
) -> int:
    """The most replicas that any of the recent metrics asks for: one quiet minute does not take capacity away."""
    return max(for_metric(current, metric, target, bounds, tolerance=tolerance, missing=missing) for metric in metrics)


def _refuse(current: int) -> None:
    if current < 1:
        raise Unplannable(f"{current} replicas: it is turned off, and a rule does not turn it on")


def _positive(value: float, name: str) -> float:
    if not math.isfinite(value) or value <= 0:
        raise Unplannable(f"a {name} of {value:g} is not above zero")
    return value


def _ratio(metric: float, target: float) -> float:
    _positive(target, "target")
    if not math.isfinite(metric) or metric < 0 or not math.isfinite(metric / target):
        raise Unplannable(f"a metric of {metric:g} is no use per replica")
    return metric / target


def _towards(before: float, after: float) -> float:
    """The ratio with assumptions, or no change (1) where it turned around."""
    return after if (before > 1) == (after > 1) else 1.0
