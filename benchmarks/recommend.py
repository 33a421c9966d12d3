"""Which plugin a real Jenkins controller adds next, by model: `python -m benchmarks.recommend [--quick]`.

The Eclipse Foundation's controllers (jiro), their 548 dated adoptions, and the Jenkins catalogue as it was at each cut.
Each year is predicted from all earlier ones; years are pooled, intervals draw whole controllers. Every plugin of the
catalogue that the controller never added is ranked; one that was published after the cut is a miss for every model. All
models have their defaults: nothing is tuned on this data. The image's base plugins are the same everywhere and undated,
so they are neither history nor hidden from the ranking; an adoption that was undone later still counts. The registries
are read where PATCHBAY_SHARED says (default ../shared).
"""

import io
import json
import os
import tarfile
import time
from argparse import ArgumentParser
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import zstandard

from models.recommend.blend import BlendConfig
from models.recommend.ease import EaseConfig
from models.recommend.evaluate import METRICS, Evaluation, Split, evaluate, pooled, segments, temporal_split
from models.recommend.interactions import Interactions
from models.recommend.intervals import Interval, interval, paired
from models.recommend.metadata import Metadata
from models.recommend.popularity import PopularityConfig
from models.recommend.recommender import Config, build
from models.recommend.segmented import SegmentedConfig
from models.recommend.select import choose
from models.recommend.warp import WarpConfig

Catalogues = Mapping[datetime, Mapping[str, Any]]
"""By the date of a catalogue its plugins by name, as Jenkins writes them."""

FLOOR, SERVED = "popularity", "served"
YEARS = range(2022, 2027)
THIN = (0, 1, 5)
MODELS: dict[str, Config] = {
    FLOOR: PopularityConfig(),
    "ease": EaseConfig(intercept=False),
    "ease with intercept": EaseConfig(),
    "warp": WarpConfig(),
    "warp, metadata only": WarpConfig(identity=False),
    "blend": BlendConfig(),
    "segmented": SegmentedConfig(),
}


@dataclass(frozen=True, eq=False, slots=True)
class Window:
    """One cut in time: what was known by then, of adoptions and of the catalogue, and what came in the year after."""

    cut: datetime
    until: datetime
    catalogue_of: datetime
    metadata: Metadata
    split: Split


def main() -> None:
    """Command line; the last line of output is one JSON object."""
    parser = ArgumentParser(prog="python -m benchmarks.recommend", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="the last two years instead of five")
    years = YEARS[-2:] if parser.parse_args().quick else YEARS
    print(json.dumps(measure(Path(os.environ.get("PATCHBAY_SHARED", "../shared")) / "data", years)))


def measure(data: Path, years: Sequence[int]) -> dict[str, object]:
    """Every model's metrics with intervals, its lead over popularity, and what would have been served each year."""
    started = time.perf_counter()
    events = adoptions(data)
    measured = [
        {
            name: evaluate(build(config).fit(window.split.train, window.metadata), window.split)
            for name, config in MODELS.items()
        }
        for window in windows(events, catalogues(data), years)
    ]
    served = _served(measured)
    together = {name: pooled([year[name] for year in measured]) for name in MODELS}
    together[SERVED] = pooled([year[name] for year, name in zip(measured, served, strict=True)])
    models = {name: _figures(one, together[FLOOR]) for name, one in together.items()}
    _show(models)
    return {
        "benchmark": "recommend",
        "years": list(years),
        "adoptions": events.height,
        "predicted": len(together[FLOOR].users),
        "controllers": len(set(together[FLOOR].users)),
        "served": dict(zip(map(str, years), served, strict=True)),
        "models": models,
        "seconds": round(time.perf_counter() - started, 2),
    }


def adoptions(data: Path) -> pl.DataFrame:
    """The first time each controller added each plugin: columns user, item and at (UTC)."""
    events = pl.read_csv(data / "jiro" / "derived" / "plugin-events.csv")
    at = pl.col("commit_time").str.to_datetime(time_zone="UTC")
    added = events.filter(pl.col("event") == "add")
    return added.group_by(user="instance", item="plugin").agg(at=at.min()).sort("at", "user", "item")


def catalogues(data: Path) -> Catalogues:
    """The monthly catalogues of plugins by their date, oldest first."""
    packed = (data / "jenkins" / "update-center-monthly.tar.zst").read_bytes()
    unpacked = zstandard.ZstdDecompressor(max_window_size=2**27).decompressobj().decompress(packed)
    with tarfile.open(fileobj=io.BytesIO(unpacked)) as archive:
        files = {member.name: archive.extractfile(member) for member in archive if member.isfile()}
        texts = {_day(name): file.read() for name, file in sorted(files.items()) if file}
    return {day: json.loads(text[text.index(b"(") + 1 : text.rindex(b")")])["plugins"] for day, text in texts.items()}


def windows(events: pl.DataFrame, dated: Catalogues, years: Sequence[int]) -> Iterator[Window]:
    """A window for each year; the catalogue is the newest before it."""
    for year in years:
        cut, until = datetime(year, 1, 1, tzinfo=UTC), datetime(year + 1, 1, 1, tzinfo=UTC)
        day = max(day for day in dated if day <= cut)
        known = dated[day]
        pairs = Interactions.from_frame(events.filter(pl.col("at") < until), items=known)
        metadata = Metadata.from_frame(features(known))
        yield Window(cut, until, day, metadata, temporal_split(pairs, cut, until, catalogue=known))


def features(plugins: Mapping[str, Any]) -> pl.DataFrame:
    """Labels, maintainers and dependencies of the plugins of a catalogue: columns item and feature."""
    rows = [(name, feature) for name, plugin in plugins.items() for feature in _features(plugin)]
    return pl.DataFrame(rows, schema={"item": pl.String, "feature": pl.String}, orient="row")


def _features(plugin: Mapping[str, Any]) -> Iterator[str]:
    yield "plugin"
    yield from (f"label:{label}" for label in plugin.get("labels", ()))
    yield from (
        f"maintainer:{person.get('developerId') or person.get('name')}" for person in plugin.get("developers", ())
    )
    yield from (f"needs:{needed['name']}" for needed in plugin.get("dependencies", ()))


def _served(measured: Sequence[Mapping[str, Evaluation]]) -> list[str]:
    """What would have been served each year, chosen by the years before it; popularity in the first."""
    served = [FLOOR]
    for number in range(1, len(measured)):
        before = {name: pooled([year[name] for year in measured[:number]]) for name in MODELS}
        served.append(choose(before, FLOOR, champion=served[-1]).name)
    return served


def _figures(one: Evaluation, floor: Evaluation) -> dict[str, object]:
    ranges = {metric: _rounded(interval(one, metric)) for metric in METRICS}
    leads = {metric: _rounded(paired(one, floor, metric)) for metric in ("ndcg", "auc")}
    parts = {label: round(part.means["ndcg"], 3) for label, part in segments(one, THIN).items()}
    coverage = round(one.means["coverage"], 3)
    return {**ranges, "coverage": coverage, "lead_over_popularity": leads, "ndcg_by_history": parts}


def _rounded(found: Interval) -> list[float]:
    return [round(value, 3) for value in (found.mean, found.low, found.high)]


def _show(models: Mapping[str, Any]) -> None:
    print("mean over controllers and years [95 % interval]; lists of 10, every plugin never added ranked")
    for name, figures in models.items():
        ranges = "  ".join(f"{metric} {_spelled(figures[metric])}" for metric in ("recall", "ndcg", "hit", "auc"))
        lead = _spelled(figures["lead_over_popularity"]["ndcg"])
        print(f"{name:20} {ranges}  coverage {figures['coverage']:.3f}  NDCG over popularity {lead}", flush=True)


def _spelled(figures: Sequence[float]) -> str:
    return str(Interval(*figures))


def _day(name: str) -> datetime:
    return datetime.fromisoformat(name[-len("2021-04-01.json") : -len(".json")]).replace(tzinfo=UTC)


if __name__ == "__main__":
    main()
