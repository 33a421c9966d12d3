"""What a rule is told about the world, and what each of it means: a good value, an error, nothing, or something old."""

import math
import operator
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal

from patchbay.automation.digests import digest
from patchbay.core.clock import FUTURE_SKEW

Source = Literal["metric", "anomaly"]
Comparator = Literal[">", ">=", "<", "<="]
Aggregate = Literal["last", "avg", "min", "max", "sum"]
OPERATOR = "operator"
"""Whose a series or a target is that names no tenant."""

_COMPARE: dict[Comparator, Callable[[float, float], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}
_AGGREGATE: dict[Aggregate, Callable[[list[float]], float]] = {
    "last": lambda values: values[-1],
    "avg": lambda values: math.fsum(values) / len(values),
    "min": min,
    "max": max,
    "sum": math.fsum,
}


class Quality(StrEnum):
    """Four different things, and a value of zero is none of the last three (KEDA #8036)."""

    OK = "ok"
    ERROR = "error"
    ABSENT = "absent"
    STALE = "stale"


class DuplicateSeries(ValueError):
    """Two samples of one tick have the same metric and labels, so that nobody could say which is true."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One series' newest value.

    `at` is when the value was true. A score of an anomaly has the sign of its direction: above the expected band
    is positive, below negative. `missing` is how many replicas did not report into an average.
    """

    metric: str
    value: float | None
    at: datetime
    labels: Mapping[str, str] = field(default_factory=dict)
    quality: Quality = Quality.OK
    source: Source = "metric"
    missing: int = 0

    @property
    def tenant(self) -> str:
        """Whose series it is."""
        return self.labels.get("tenant", OPERATOR)


def fingerprint(rule: str, sample: Sample) -> str:
    """Stable name of a series within a rule: sixteen digits; another label, another series."""
    return digest([rule, sample.source, sample.metric, dict(sample.labels)], 16)


def judge(sample: Sample, now: datetime, stale_after: timedelta) -> Quality:
    """What a sample is worth now.

    NaN, infinity and a time further ahead than clocks may differ are errors, whatever the sender called them.
    """
    if sample.quality is not Quality.OK:
        return sample.quality
    if sample.value is None:
        return Quality.ABSENT
    if not math.isfinite(sample.value) or sample.at - now > FUTURE_SKEW:
        return Quality.ERROR
    return Quality.STALE if now - sample.at > stale_after else Quality.OK


def holds(value: float, comparator: Comparator, threshold: float) -> bool:
    """Whether the comparison is true of a finite value."""
    return _COMPARE[comparator](value, threshold)


def matches(labels: Mapping[str, str], wanted: Mapping[str, str]) -> bool:
    """Whether a series has every wanted label with that value; nothing wanted is true of every series."""
    return all(labels.get(name) == value for name, value in wanted.items())


def aggregate(samples: Iterable[Sample], how: Aggregate, now: datetime, window: timedelta) -> Sample:
    """One series' samples of the last window as one sample, of the time of the newest.

    Bad samples do not count, but where nothing else is left the newest one's quality is the answer. ValueError for
    no samples at all: an absent series has no labels to answer with.
    """
    ordered = sorted(samples, key=lambda sample: sample.at)
    if not ordered:
        raise ValueError("no samples to aggregate")
    newest = ordered[-1]
    good = [(s.at, s.value) for s in ordered if judge(s, now, window) is Quality.OK and s.value is not None]
    if not good:
        return Sample(newest.metric, None, newest.at, newest.labels, judge(newest, now, window), newest.source)
    value = _AGGREGATE[how]([value for _, value in good])
    return Sample(newest.metric, value, good[-1][0], newest.labels, Quality.OK, newest.source, newest.missing)


def by_metric(samples: Iterable[Sample]) -> dict[tuple[Source, str], list[Sample]]:
    """Samples by source and metric; DuplicateSeries where two have the same labels (as Prometheus refuses)."""
    grouped: dict[tuple[Source, str], list[Sample]] = {}
    seen: set[tuple[Source, str, frozenset[tuple[str, str]]]] = set()
    for sample in samples:
        key = (sample.source, sample.metric, frozenset(sample.labels.items()))
        if key in seen:
            raise DuplicateSeries(f"{sample.source} {sample.metric} {dict(sample.labels)} comes twice")
        seen.add(key)
        grouped.setdefault(key[:2], []).append(sample)
    return grouped
