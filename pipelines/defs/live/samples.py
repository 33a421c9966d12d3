"""What the rules are told at a tick: values of series, and how far out of the ordinary they are."""

import math
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import polars as pl

from models.anomalies.releases import ReleaseConfig
from models.anomalies.series import SeriesKey
from pipelines.defs.learn.detecting import judged
from pipelines.defs.live.counting import moment, name_of

Sample = dict[str, Any]
USES, ERRORS, RATIO = "uses_per_minute", "errors_per_minute", "error_ratio"
ALARM = 0.99
"""The score, of 1, that a decimal surprise at the model's threshold is told as. The rules' scores mean "as the model alarms"."""
RECENT = timedelta(days=1)
"""A release that was not used for so long is no longer spoken of."""


def score_of(surprise: float, threshold: float) -> float:
    """A decimal surprise as a score from 0 to 1: `1 - 10^(-2·surprise/threshold)`, which is `ALARM` at the threshold."""
    return 1.0 - math.pow(10.0, -2.0 * surprise / threshold)


def of_series(
    keys: list[SeriesKey], last: dict[str, Any], scores: list[float], traces: dict[str, str], wanted: list[bool]
) -> Iterator[Sample]:
    """Counts of the last complete minute and the signed score of every series that has a detector which may speak."""
    at = moment(last["minute"] + 1).isoformat()
    columns = zip(keys, last["uses"], last["errors"], scores, wanted, strict=True)
    for key, uses, errors, score, is_wanted in columns:
        if not is_wanted:
            continue
        labels, trace = labels_of(key), traces.get(name_of(key))
        yield sample(USES, uses, at, labels, trace)
        yield sample(ERRORS, errors, at, labels, trace)
        yield sample(RATIO, errors / uses if uses else None, at, labels, trace)
        yield sample(USES, score, at, labels, trace, source="anomaly")


def of_releases(releases: pl.DataFrame, traces: dict[str, str], now: datetime) -> Iterator[Sample]:
    """The score of the share of errors of every release in use."""
    ordered, verdicts = judged(releases)
    threshold = ReleaseConfig().threshold
    rows = zip(ordered.select("release", "plugin", "last").iter_rows(), verdicts.surprise.tolist(), strict=True)
    for (release, plugin, last), surprise in rows:
        if now - last <= RECENT:
            labels = {"plugin": plugin, "release": release}
            yield sample(RATIO, score_of(surprise, threshold), now.isoformat(), labels, traces.get(release), "anomaly")


def of_risk(risk: dict[str, Any]) -> Iterator[Sample]:
    """Every plugin's risk by the set in force, from 0 to 1, of the time it came into force."""
    for plugin, points in risk.get("scores", {}).items():
        yield sample("plugin_risk", points / 100.0, risk["at"], {"plugin": plugin})


def of_data(published_at: datetime | None, now: datetime) -> Sample:
    """Seconds since people's data was published; absent before the first publication."""
    age = None if published_at is None else (now - published_at).total_seconds()
    return sample("data_age_seconds", age, now.isoformat(), {})


def labels_of(key: SeriesKey) -> dict[str, str]:
    """Which tenant and plugin a series counts; what it sums over is no label."""
    named = {"tenant": key.tenant, "plugin": key.plugin}
    return {name: value for name, value in named.items() if value is not None}


def sample(
    metric: str, value: float | None, at: str, labels: dict[str, str], trace: str | None = None, source: str = "metric"
) -> Sample:
    """One value; None is absent, which is no zero."""
    made: Sample = {"metric": metric, "source": source, "value": value, "at": at, "labels": labels}
    made |= {"quality": "ok" if value is not None else "absent", "missing": 0}
    return made | ({"trace_id": trace} if trace else {})
