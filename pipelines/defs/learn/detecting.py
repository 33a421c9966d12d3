"""Learning what is usual minute by minute, and the anomalies that the past held."""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import orjson
import polars as pl
import zstandard
from numpy.typing import NDArray

from models.anomalies.config import DetectorConfig
from models.anomalies.episodes import Anomaly, Contribution, Episodes, contributors, incidents
from models.anomalies.hour import is_ready
from models.anomalies.many import Counts, ManyDetector
from models.anomalies.reading import Readings
from models.anomalies.releases import Verdicts, judge
from models.anomalies.series import SeriesKey, counts_per_minute, series_of
from models.anomalies.state import State
from models.artefact import version_of
from models.card import ModelCard, TrainedOn, config_hash
from patchbay.core.ids import stable_id
from pipelines.resources.insights import Measured
from warehouse import features
from warehouse.engines.duckdb import DuckDBEngine

DAY = 1440
WEEK = 7 * DAY
HISTORY = 13 * WEEK
"""Minutes looked back: a quarter holds each hour of the week often enough, and bounds what a night's learning costs."""
RELEASES = 28 * DAY
"""Minutes of use that a release is judged by."""
REMEMBERED_HOURS = 12
"""How far back an anomaly's contributors are counted."""
USES, ERRORS = "uses_per_minute", "error_ratio"
KINDS = {"surge": "surge", "range": "novelty", "drop": "outage", "silence": "outage"}
SCHEMA: dict[str, Any] = {
    "tenant_id": pl.String, "anomaly_id": pl.String, "series": pl.String, "kind": pl.String, "plugin_id": pl.String,
    "release_id": pl.String, "started_at": pl.Datetime("us", "UTC"), "ended_at": pl.Datetime("us", "UTC"),
    "observed": pl.Float64, "expected_low": pl.Float64, "expected_high": pl.Float64, "score": pl.Float64,
    "contributors": pl.String,
}  # fmt: skip
PROTOCOL = "Each minute was scored by what lay before it alone. What was planted, if anything was, is not known here."
LIMITS = (
    "Silent for the first eight days of a series and for series below one use in fifty minutes: their tenant's and their "
    "plugin's series speak for them. A holiday is a surprise. Counts that come late by more than a minute are not scored again."
)


@dataclass(frozen=True, slots=True)
class Detected:
    """Everything that is remembered of the past: who is watched, what is usual, how releases did, what was found.

    `releases` has the columns release, plugin, uses and errors, and first and last, when it was used. `since` and `until` are
    the first and last minute learnt; what is counted over all tenants belongs to the `operator`.
    """

    keys: list[SeriesKey]
    detector: ManyDetector
    episodes: Episodes
    releases: pl.DataFrame
    found: list[tuple[Anomaly, list[Contribution]]] = field(default_factory=list)
    since: int = 0
    until: int = 0
    operator: str = ""

    @property
    def anomalies(self) -> list[Anomaly]:
        """What was found, in order of detection."""
        return [anomaly for anomaly, _ in self.found]


def detect(engine: DuckDBEngine) -> Detected:
    """Go through the warehouse's usage minute by minute, scoring before learning; without usage nothing is known.

    The newest minute may still be going on and is left to whoever watches.
    """
    span, operator = features.usage_span(engine), features.operator(engine) or ""
    if span is None:
        return nothing(operator)
    start = max(span[0], span[1] - HISTORY)
    config = DetectorConfig()
    least = max(1, int(config.least_rate / 2 * (span[1] - start)))
    keys = series_of(features.usage_totals(engine, start), least=least)
    made = Detected(
        keys,
        ManyDetector(len(keys), config),
        Episodes(config.threshold),
        features.release_totals(engine, span[1] - RELEASES, span[1]),
        since=start,
        until=span[1] - 1,
        operator=operator,
    )
    for first, counts in _weeks(engine, keys, start, span[1]):
        follow(made, made.detector.run(counts, first))
    made.found.sort(key=lambda each: (each[0].detected, -each[0].score, repr(each[0].key)))
    return made


def nothing(operator: str = "") -> Detected:
    """Nothing seen yet."""
    return Detected(
        [], ManyDetector(0), Episodes(DetectorConfig().threshold), pl.DataFrame(schema=_RELEASES), operator=operator
    )


def _weeks(engine: DuckDBEngine, keys: Sequence[SeriesKey], start: int, end: int) -> Iterator[tuple[int, Counts]]:
    """Counts a week at a time, -1 before a series' first use: a quarter of all series at once would take a gigabyte."""
    begun = np.zeros(len(keys), dtype=bool)
    for first in range(start, end, WEEK):
        minutes = min(WEEK, end - first)
        counts = counts_per_minute(features.usage_by_minute(engine, first, minutes), keys, first, minutes, begun=True)
        used = counts > 0
        began = np.where(begun, 0, np.where(used.any(axis=0), np.argmax(used, axis=0), minutes))
        counts[np.arange(minutes)[:, None] < began] = -1
        begun |= used.any(axis=0)
        yield first, counts


def follow(made: Detected, blocks: Iterator[Readings]) -> None:
    """Collect the episodes of a stretch with who contributed to each when it was seen."""
    recent: deque[Readings] = deque(maxlen=REMEMBERED_HOURS)
    for readings in blocks:
        recent.append(readings)
        changes = made.episodes.take(readings, made.keys)
        told = {(opened.key, opened.detected): _contributors(opened, made.keys, recent) for opened in changes.opened}
        made.found.extend((anomaly, told[anomaly.key, anomaly.detected]) for anomaly in changes.opened)
        later = {(one.key, one.detected): one for one in (*changes.updated, *changes.closed)}
        if later:
            made.found[:] = [(later.get((one.key, one.detected), one), parts) for one, parts in made.found]


def _contributors(anomaly: Anomaly, keys: Sequence[SeriesKey], recent: Sequence[Readings]) -> list[Contribution]:
    """Who made up the difference between its first minute and its detection, as far as is remembered."""
    observed, expected = np.zeros(len(keys)), np.zeros(len(keys))
    for block in recent:
        minutes = block.start + np.arange(len(block.count))
        within = ((minutes >= anomaly.since) & (minutes <= anomaly.detected))[:, None] & (block.count >= 0)
        observed += np.where(within, block.count, 0.0).sum(axis=0)
        expected += np.where(within, block.mean, 0.0).sum(axis=0)
    return contributors(anomaly.key, keys, observed, expected)


def judged(releases: pl.DataFrame) -> tuple[pl.DataFrame, Verdicts]:
    """Releases with their verdicts, in the same order."""
    ordered = releases.sort("release")
    plugin = ordered["plugin"].rank("dense").cast(pl.Int64).to_numpy() - 1
    errors, uses = (ordered[name].cast(pl.Int64).to_numpy() for name in ("errors", "uses"))
    return ordered, judge(plugin, errors, uses)


def insight(made: Detected) -> pl.DataFrame:
    """Everything found, in the columns of the insight, oldest first."""
    return pl.concat([rows(made.found, made.operator), release_rows(made.releases)]).sort("started_at", "anomaly_id")


def rows(found: Sequence[tuple[Anomaly, list[Contribution]]], operator: str) -> pl.DataFrame:
    """Anomalies of series in the columns of the insight; what is counted over all tenants is the operator's."""
    told = [
        {
            "tenant_id": anomaly.key.tenant or operator,
            "anomaly_id": str(stable_id("anomaly", repr(anomaly.key), str(anomaly.detected))),
            "series": USES,
            "kind": KINDS[anomaly.component],
            "plugin_id": anomaly.key.plugin,
            "release_id": None,
            "started_at": _at(anomaly.since),
            "ended_at": None if anomaly.open else _at(anomaly.until + 1),
            "observed": anomaly.observed,
            "expected_low": anomaly.low,
            "expected_high": anomaly.high,
            "score": anomaly.score,
            "contributors": orjson.dumps([_plain(part) for part in parts]).decode(),
        }
        for anomaly, parts in found
    ]
    return pl.DataFrame(told, schema=SCHEMA)


def with_releases(made: Detected, releases: pl.DataFrame) -> Detected:
    """The same with other totals of releases."""
    return replace(made, releases=releases)


def release_rows(releases: pl.DataFrame, beside: pl.DataFrame | None = None) -> pl.DataFrame:
    """Releases that fail too often, in the columns of the insight; for everybody who sees the plugin.

    They are held against all of `beside`, which holds them too; by default only against each other.
    """
    ordered, verdicts = judged(releases if beside is None else beside)
    columns = {"share": verdicts.share, "usual": verdicts.usual, "score": verdicts.surprise, "alarm": verdicts.alarm}
    alarming = ordered.with_columns(pl.Series(name, values) for name, values in columns.items()).filter("alarm")
    alarming = alarming.join(releases.select("release"), on="release", how="semi", maintain_order="left")
    ids = [str(stable_id("anomaly", "release", release)) for release in alarming["release"]]
    return alarming.select(
        tenant_id=pl.lit(None, pl.String),
        anomaly_id=pl.Series(ids, dtype=pl.String),
        series=pl.lit(ERRORS),
        kind=pl.lit("errors"),
        plugin_id="plugin",
        release_id="release",
        started_at=pl.col("first").cast(SCHEMA["started_at"]),
        ended_at=pl.lit(None, SCHEMA["ended_at"]),
        observed="share",
        expected_low=pl.lit(0.0),
        expected_high=pl.col("usual") * 2,
        score="score",
        contributors=pl.lit("[]"),
    )


def papers(made: Detected) -> ModelCard:
    """The card of all detectors; its version is the last minute's and that of what was learnt."""
    config = asdict(made.detector.config)
    hashed = config_hash(made.detector.state.to_document())
    until = _at(made.until)
    leads = incidents(made.anomalies)
    metrics = {
        "series": float(len(made.keys)),
        "series ready": float(ready(made.detector).sum()),
        "anomalies": float(len(made.found)),
        "incidents": float(len(leads)),
        "incidents a day": len(leads) / max((made.until - made.since) / DAY, 1.0),
    }
    seen = TrainedOn(int(np.maximum(made.until - made.since, 0)), _at(made.since), until)
    return ModelCard("detectors", version_of(config, hashed, until), config, hashed, seen, metrics, PROTOCOL, LIMITS)


def figures(made: Detected) -> tuple[Measured, ...]:
    """How much was found."""
    days = max((made.until - made.since) / DAY, 1.0)
    return (Measured("detectors", "incidents per day, all series", len(incidents(made.anomalies)) / days),)


def to_document(made: Detected) -> dict[str, Any]:
    """Everything as plain values, equal for equal contents; moments stay moments."""
    return {
        "keys": [[key.tenant, key.plugin] for key in made.keys],
        "config": asdict(made.detector.config),
        "state": made.detector.state.to_document(),
        "episodes": made.episodes.to_document(),
        "releases": made.releases.sort("release").to_dicts(),
        "found": [[asdict(anomaly), [asdict(part) for part in parts]] for anomaly, parts in made.found],
        "since": made.since,
        "until": made.until,
        "operator": made.operator,
    }


def from_document(document: dict[str, Any]) -> Detected:
    """What `to_document` wrote, moments as ISO texts."""
    keys = [SeriesKey(*key) for key in document["keys"]]
    state = State.from_document(document["state"])
    return Detected(
        keys,
        ManyDetector(len(keys), DetectorConfig(**document["config"]), state),
        Episodes.from_document(document["episodes"]),
        _releases(document["releases"]),
        [(anomaly_of(one), [_contribution(part) for part in parts]) for one, parts in document["found"]],
        document["since"],
        document["until"],
        document["operator"],
    )


def dump(document: Any) -> bytes:
    """Plain values as bytes, equal for equal ones."""
    return zstandard.compress(orjson.dumps(document, option=orjson.OPT_SORT_KEYS), 3)


def restore(data: bytes) -> Any:
    """What `dump` wrote."""
    return orjson.loads(zstandard.decompress(data))


def anomaly_of(document: dict[str, Any]) -> Anomaly:
    """An anomaly from its plain form."""
    return Anomaly(**{**document, "key": SeriesKey(**document["key"])})


def ready(detector: ManyDetector) -> NDArray[np.bool_]:
    """Which series may raise alarms."""
    return is_ready(detector.config, detector.state)


def _contribution(document: dict[str, Any]) -> Contribution:
    return Contribution(**{**document, "key": SeriesKey(**document["key"])})


def _releases(rows: list[dict[str, Any]]) -> pl.DataFrame:
    moment = pl.Datetime("us", "UTC")
    read = [pl.col(name).str.to_datetime(time_zone="UTC", time_unit="us").cast(moment) for name in ("first", "last")]
    return pl.DataFrame(rows, schema=_RELEASES | {"first": pl.String, "last": pl.String}).with_columns(read)


_RELEASES: dict[str, Any] = {
    "release": pl.String, "plugin": pl.String, "uses": pl.Int64, "errors": pl.Int64,
    "first": pl.Datetime("us", "UTC"), "last": pl.Datetime("us", "UTC"),
}  # fmt: skip


def _plain(part: Contribution) -> dict[str, Any]:
    return {
        "tenant_id": part.key.tenant,
        "plugin_id": part.key.plugin,
        "difference": round(part.difference, 3),
        "share": round(part.share, 4),
    }


def _at(minute: int) -> datetime:
    return datetime.fromtimestamp(minute * 60, UTC)
