"""What the detectors find of a world's planted truths: `python -m benchmarks.anomalies [--quick]`.

The world is made in process and counted per minute; its truths are read here and nowhere in the detectors. A delay runs
from the truth's start to the end of the minute whose count raised the alarm. An alert is false when it overlaps no planted
change of counts that its series shares events with. Beside the vectorised detector's speed stands that of the same
detector one row at a time. Without --quick the detector of values is also scored on the Numenta Anomaly Benchmark, read where
PATCHBAY_SHARED says (default ../shared), beside its baseline. The last line is one JSON object.
"""

import argparse
import json
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from models.anomalies.config import DetectorConfig
from models.anomalies.detector import SeriesDetector
from models.anomalies.episodes import Anomaly, Episodes, incidents
from models.anomalies.evaluate import Recording, standard_score, windowed_gaussian
from models.anomalies.hour import is_ready
from models.anomalies.many import Counts, ManyDetector
from models.anomalies.releases import compare
from models.anomalies.seasonal import Floats
from models.anomalies.series import SeriesKey, counts_per_minute, series_of
from models.anomalies.values import ValueDetector
from patchbay.world.config import WorldConfig
from patchbay.world.events import ERROR, USE
from patchbay.world.times import MINUTE
from patchbay.world.truths import Truth
from patchbay.world.world import World, build_world

COUNTED = ("surge", "outage", "credential_misuse")
"""The kinds of truths that change how much is used."""
REQUIRED = ("surge", "outage")
AFTERMATH = 60
"""Minutes after a truth in which an alert still belongs to it."""
ONLINE_ROWS = 60_000


@dataclass(frozen=True, slots=True)
class Found:
    """What came of a stretch of counts: all episodes, and for how many series-days alarms were possible."""

    anomalies: tuple[Anomaly, ...]
    series_days: float
    rows: int
    seconds: float


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--quick", action="store_true", help="one world, and no corpus of real series")
    quick = parser.parse_args().quick
    seeds = (7,) if quick else (7, 11, 23)
    worlds = {str(seed): measure(build_world(WorldConfig(seed=seed))) for seed in seeds}
    for seed, result in worlds.items():
        print(f"seed {seed}: {json.dumps(result)}")
    summary = {"benchmark": "anomalies", **worlds[str(seeds[0])], "seeds": worlds}
    if not quick:
        summary["nab"] = corpus_scores()
    print(json.dumps(summary))


def measure(world: World) -> dict[str, Any]:
    """Everything about one world."""
    uses = uses_of(world)
    keys, counts, start = counted(world, uses)
    found = detect(keys, counts, start)
    delays = [(t.kind, delay_of(world, t, found.anomalies)) for t in world.truths if t.kind in COUNTED]
    releases = [release_delay(world, uses, truth) for truth in world.truths if truth.kind == "bad_release"]
    false = [anomaly for anomaly in found.anomalies if not explained(world, anomaly)]
    required = [delay for kind, delay in delays if kind in REQUIRED]
    by_kind = {kind: [delay for other, delay in delays if other == kind] for kind in COUNTED}
    by_kind["bad_release"] = [delay for delay, _ in releases]
    return {
        "series": len(keys),
        "found": {kind: _tally(own) for kind, own in by_kind.items()},
        "found_share": round(float(np.mean([delay is not None for delay in required])), 3),
        "median_delay_minutes": _quantile(required, 0.5),
        "p95_delay_minutes": _quantile(required, 0.95),
        "false_alerts_per_series_day": round(len(false) / found.series_days, 5),
        "false_alerts": len(false),
        "false_incidents": len(incidents(false)),
        "series_days": round(found.series_days),
        "false_release_alerts": sum(wrong for _, wrong in releases),
        "vectorised_rows_per_s": round(found.rows / found.seconds),
        "online_rows_per_s": round(online_speed(counts, start)),
    }


def uses_of(world: World) -> pl.DataFrame:
    """Uses and failed uses by minute, tenant, plugin and release: counts `uses`, of which `errors` failed."""
    names, days = world.names, []
    for day in range(world.config.days):
        events = world.events_of_day(day)
        events = events.take((events["type"] == USE) | (events["type"] == ERROR))
        columns = {"minute": events["at"] // MINUTE, "errors": (events["type"] == ERROR).astype(np.int64)}
        rows = pl.DataFrame({**columns, **{name: events[name] for name in ("tenant", "plugin", "release")}})
        grouped = rows.group_by("minute", "tenant", "plugin", "release")
        days.append(grouped.agg(pl.len().cast(pl.Int64).alias("uses"), pl.col("errors").sum()))
    tenants, plugins = pl.Series(names.tenants), pl.Series(names.plugins)
    frame = pl.concat(days)
    named = {"tenant": tenants.gather(frame["tenant"]), "plugin": plugins.gather(frame["plugin"])}
    return frame.with_columns(**named).sort("minute")


def counted(world: World, uses: pl.DataFrame) -> tuple[list[SeriesKey], Counts, int]:
    """All series that may ever be busy enough for an alarm (half the least rate will do), their counts and the first minute."""
    minutes = world.config.days * 1440
    start = world.config.start_us // MINUTE
    keys = series_of(uses, least=int(DetectorConfig().least_rate / 2 * minutes))
    return keys, counts_per_minute(uses, keys, start, minutes), start


def detect(keys: Sequence[SeriesKey], counts: Counts, start: int, config: DetectorConfig | None = None) -> Found:
    """Run the vectorised detector and its episodes over all counts."""
    began = time.perf_counter()
    detector = ManyDetector(len(keys), config)
    episodes = Episodes(detector.config.threshold)
    closed: list[Anomaly] = []
    ready = 0.0
    for readings in detector.run(counts, start):
        closed += episodes.take(readings, keys).closed
        ready += float(is_ready(detector.config, detector.state).sum()) * len(readings.count)
    seconds = time.perf_counter() - began
    return Found((*closed, *episodes.open), ready / 1440, counts.size, seconds)


def delay_of(world: World, truth: Truth, anomalies: Sequence[Anomaly]) -> float | None:
    """Minutes from a truth's start to the first alarm of its own series and direction; None when there was none."""
    since, until = truth.starts_at / MINUTE, truth.ends_at / MINUTE
    key, direction = _place(world, truth), "less" if truth.kind == "outage" else "more"
    own = (anomaly for anomaly in anomalies if anomaly.direction == direction and _told(key, anomaly.key))
    seen = [anomaly.detected + 1 - since for anomaly in own if since <= anomaly.detected < until]
    return min(seen, default=None)


def explained(world: World, anomaly: Anomaly) -> bool:
    """Whether a planted change of counts, or the hour after it, overlaps an alert that shares events with it."""
    return any(
        truth.starts_at / MINUTE <= anomaly.until
        and anomaly.detected <= truth.ends_at / MINUTE + AFTERMATH
        and _place(world, truth).touches(anomaly.key)
        for truth in world.truths
        if truth.kind in COUNTED
    )


def release_delay(world: World, uses: pl.DataFrame, truth: Truth) -> tuple[float | None, int]:
    """Minutes from a bad release's day of issue to its alarm (None without one), and how many other releases alarmed."""
    total = pl.col("uses").sum(), pl.col("errors").sum()
    minutes = uses.group_by("minute", "plugin", "release").agg(*total).sort("minute")
    running = minutes.with_columns(
        *(pl.col(name).cum_sum().over("release").alias(f"own_{name}") for name in ("uses", "errors")),
        *(pl.col(name).cum_sum().over("plugin").alias(f"all_{name}") for name in ("uses", "errors")),
        overall=(pl.col("errors").cum_sum() + 0.5) / (pl.col("uses").cum_sum() + 50.0),
    )
    count = {name: running[name].to_numpy() for name in ("own_uses", "own_errors", "all_uses", "all_errors")}
    others = count["all_errors"] - count["own_errors"], count["all_uses"] - count["own_uses"]
    verdicts = compare(count["own_errors"], count["own_uses"], *others, running["overall"].to_numpy())
    alarms = running.filter(pl.Series(verdicts.alarm)).group_by("release").agg(pl.col("minute").min())
    first = dict(alarms.select("release", "minute").iter_rows())
    own = first.pop(truth.release, None)
    return (None if own is None else own + 1 - truth.starts_at / MINUTE), len(first)


def online_speed(counts: Counts, start: int) -> float:
    """Rows per second of the detector of one series, scored and learnt one by one: the busiest, a middle and a quiet one."""
    totals = np.maximum(counts, 0).sum(axis=0)
    order = np.argsort(totals)
    rows, seconds = 0, 0.0
    for place in (order[-1], order[len(order) // 2], order[0]):
        detector = SeriesDetector.warmed(counts[: -ONLINE_ROWS // 3, place], start)
        given = list(_rows(counts[-ONLINE_ROWS // 3 :, place], start + len(counts) - ONLINE_ROWS // 3))
        began = time.perf_counter()
        for row in given:
            detector.score_one(row)
            detector.learn_one(row)
        seconds += time.perf_counter() - began
        rows += len(given)
    return rows / seconds


def _rows(counts: Counts, start: int) -> Iterator[dict[str, int]]:
    return ({"minute": start + place, "count": int(count)} for place, count in enumerate(counts) if count >= 0)


def corpus_scores() -> dict[str, float | int]:
    """Standard scores of both detectors, and rows per second of ours. Raises FileNotFoundError without the corpus."""
    files = recordings(Path(os.environ.get("PATCHBAY_SHARED", "../shared")) / "data" / "nab")
    began = time.perf_counter()
    ours = [detected(file) for file in files]
    seconds = time.perf_counter() - began
    rows = sum(len(file.values) for file in files)
    return {
        "files": len(files),
        "windows": sum(len(file.windows) for file in files),
        "standard": round(standard_score(files, ours), 1),
        "windowed_gaussian": round(standard_score(files, [windowed_gaussian(file.values) for file in files]), 1),
        "rows_per_s": round(rows / seconds),
    }


def recordings(folder: Path) -> list[Recording]:
    """All files of the corpus with their windows."""
    labels = json.loads((folder / "labels" / "combined_windows.json").read_text(encoding="utf-8"))
    return [_recording(folder, name, windows) for name, windows in sorted(labels.items())]


def _recording(folder: Path, name: str, windows: list[list[str]]) -> Recording:
    frame = pl.read_csv(folder / "data" / name, schema_overrides={"value": pl.Float64})
    at = frame["timestamp"].str.to_datetime("%Y-%m-%d %H:%M:%S").dt.epoch("s").to_numpy()
    edges = [pl.Series(pair).str.slice(0, 19).str.to_datetime("%Y-%m-%d %H:%M:%S").dt.epoch("s") for pair in windows]
    rows = [(int(np.argmax(at == first)), int(np.argmax(at == last))) for first, last in edges]
    return Recording(name, frame["value"].to_numpy(), at / 60.0, rows)


def detected(file: Recording) -> Floats:
    """Scores of our detector, row by row."""
    detector, scores = ValueDetector(), np.zeros(len(file.values))
    for place, (minute, value) in enumerate(zip(file.minutes.tolist(), file.values.tolist(), strict=True)):
        row = {"minute": minute, "value": value}
        scores[place] = detector.score_one(row)
        detector.learn_one(row)
    return scores


def _place(world: World, truth: Truth) -> SeriesKey:
    names = world.names
    tenant = None if truth.tenant is None else names.tenants[truth.tenant]
    return SeriesKey(tenant, None if truth.plugin is None else names.plugins[truth.plugin])


def _told(truth: SeriesKey, series: SeriesKey) -> bool:
    """Whether an alert of a series names the truth: its very place, a part of it, or the tenant or plugin it is part of."""
    return series != SeriesKey() and (truth.covers(series) or series.covers(truth))


def _tally(delays: Sequence[float | None]) -> dict[str, Any]:
    found = [delay for delay in delays if delay is not None]
    slowest = round(max(found), 1) if found else None
    return {
        "planted": len(delays),
        "found": len(found),
        "median_delay_minutes": _quantile(delays, 0.5),
        "slowest_minutes": slowest,
    }


def _quantile(delays: Sequence[float | None], share: float) -> float | None:
    """Quantile of delays where what was not found took for ever; None when that is the answer."""
    value = float(np.quantile([np.inf if delay is None else delay for delay in delays], share, method="higher"))
    return round(value, 1) if np.isfinite(value) else None


if __name__ == "__main__":
    main()
