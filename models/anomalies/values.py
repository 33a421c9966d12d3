"""Values that are no counts, such as memory or durations: residual and range novelty, each against its own past."""

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from math import log, log10
from typing import Any, Self

from river.base import AnomalyDetector


@dataclass(frozen=True, slots=True)
class ValueConfig:
    """`span` rows make the moving mean; `memory` rows are what surprise is measured against; `warm` only teach.

    The most surprising share `tail` of the past has an exponential tail. For `hold_off` minutes after a surprise only a
    greater one has a score, so that one trouble is told once.
    """

    span: float = 72.0
    memory: int = 4000
    hold_off: float = 1440.0
    warm: int = 50
    tail: float = 0.02

    def __post_init__(self) -> None:
        """Refuse what no detector can be made from, naming the field."""
        if not 0 < self.tail < 1:
            raise ValueError(f"tail must lie in (0, 1), not {self.tail}")
        for name, least in (("span", 1), ("memory", 10), ("warm", 10), ("hold_off", 0)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} must be at least {least}, not {getattr(self, name)}")


class ValueDetector(AnomalyDetector):
    """Scores values, `{"minute": minutes, "value": number}`, by how rarely the past was as far off: 2 is one in a hundred.

    The score is the mean of two decimal surprises: distance from a moving mean, and distance beyond the range so far.
    Score first, then learn. A good choice for a metric of one machine without much of a season; a bad one for counts,
    which `SeriesDetector` knows the variance and the week of, and for slow leaks, which move the mean along.
    """

    def __init__(self, config: ValueConfig | None = None) -> None:
        self.config = config or ValueConfig()
        self._rows = 0
        self._mean = self._low = self._high = 0.0
        self._residuals = _Past(self.config.memory, self.config.tail)
        self._ranges = _Past(self.config.memory, self.config.tail)
        self._recent: deque[tuple[float, float]] = deque()

    def score_one(self, x: dict[Any, Any]) -> float:
        """Decimal surprise of a value; 0 while warming up and while a greater surprise is held. Changes nothing."""
        surprise = self._surprise(float(x["value"]))
        since = float(x["minute"]) - self.config.hold_off
        held = next((old for minute, old in self._recent if minute > since), 0.0)
        return surprise if surprise > held else 0.0

    def learn_one(self, x: dict[Any, Any]) -> None:
        """Take a value in."""
        value = float(x["value"])
        if self._rows == 0:
            self._mean = self._low = self._high = value
        residual, beyond = self._distances(value)
        self._hold(float(x["minute"]), self._surprise(value))
        self._residuals.add(residual)
        self._ranges.add(beyond)
        self._mean += (value - self._mean) * 2.0 / (self.config.span + 1.0)
        self._low, self._high = min(self._low, value), max(self._high, value)
        self._rows += 1

    def to_document(self) -> dict[str, Any]:
        """Config and memory as plain JSON values."""
        return {
            "config": asdict(self.config),
            "rows": self._rows,
            "mean": self._mean,
            "range": [self._low, self._high],
            "residuals": list(self._residuals.order),
            "ranges": list(self._ranges.order),
            "recent": [list(pair) for pair in self._recent],
        }

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> Self:
        """Go on exactly where the document was written."""
        detector = cls(ValueConfig(**document["config"]))
        detector._rows, detector._mean = document["rows"], document["mean"]
        detector._low, detector._high = document["range"]
        detector._residuals.fill(document["residuals"])
        detector._ranges.fill(document["ranges"])
        detector._recent.extend((minute, surprise) for minute, surprise in document["recent"])
        return detector

    def _distances(self, value: float) -> tuple[float, float]:
        """From the moving mean, and beyond the range in widths of it."""
        beyond = max(value - self._high, self._low - value, 0.0)
        return abs(value - self._mean), beyond / ((self._high - self._low) or 1.0)

    def _surprise(self, value: float) -> float:
        if self._rows < self.config.warm:
            return 0.0
        residual, beyond = self._distances(value)
        return (self._residuals.surprise(residual) + self._ranges.surprise(beyond)) / 2.0

    def _hold(self, minute: float, surprise: float) -> None:
        """Keep only surprises that a later one has not exceeded: the first is then the greatest."""
        while self._recent and self._recent[-1][1] <= surprise:
            self._recent.pop()
        while self._recent and self._recent[0][0] <= minute - self.config.hold_off:
            self._recent.popleft()
        self._recent.append((minute, surprise))


class _Past:
    """The last values of a statistic, in order of time and of size."""

    def __init__(self, memory: int, tail: float) -> None:
        self.memory, self.tail = memory, tail
        self.order: deque[float] = deque()
        self.ranked: list[float] = []

    def surprise(self, value: float) -> float:
        """-log10 of the share of the past that reached the value; beyond the tail's start it falls exponentially."""
        count = len(self.ranked)
        start = int((1.0 - self.tail) * count)
        edge = self.ranked[start]
        if value <= edge:
            return log10((count + 1.0) / (count - bisect_left(self.ranked, value) + 1.0))
        excess = sum(self.ranked[start:]) / (count - start) - edge
        scale = max(excess, 1e-9 * abs(edge), 1e-18)
        return log10((count + 1.0) / (count - start + 1.0)) + (value - edge) / scale / log(10.0)

    def add(self, value: float) -> None:
        """Take one in; the oldest goes when memory is full."""
        insort(self.ranked, value)
        self.order.append(value)
        if len(self.order) > self.memory:
            del self.ranked[bisect_left(self.ranked, self.order.popleft())]

    def fill(self, values: Iterable[float]) -> None:
        """Start from values in order of time."""
        self.order = deque(values)
        self.ranked = sorted(self.order)
