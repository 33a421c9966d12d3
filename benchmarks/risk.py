"""The risk model on the real Jenkins registry: calibration in later years, and the plugins at the top.

`python -m benchmarks.risk [--quick]`

Trains on point-in-time panels of 2018 to 2020 and is tested on origins of 2021 and 2022, beside the published constants
and beside each single feature. The registry is read where PATCHBAY_SHARED says (default ../shared).
"""

import json
import os
from argparse import ArgumentParser
from collections.abc import Iterator
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from models.risk import AdvisoryHazard, RiskModel, Sources, Staleness, card, features_at, panel, score
from models.risk.advisories import AFFECTED
from models.risk.fitting import Array, fit_probability
from models.risk.model import ImpactScale
from models.risk.validate import Estimate, Evaluation, Labels, auc_gain, evaluate, faults, skill_gain
from patchbay.importers.jenkins.statistics import CountReader
from patchbay.importers.jenkins.update_center import Catalogue, parse_catalogue
from patchbay.importers.report import Report

CATALOGUE = "update-center-sample/update-center-2023-07-01.json"
LAST_DAY, TODAY = date(2023, 6, 30), date(2023, 7, 1)
ADVISED_SINCE = date(2017, 1, 1)
"""Before, a handful of warnings a year were published."""
RELEASED_SINCE = date(2020, 6, 1)
"""Catalogues are observed from March 2020 on; before, only releases that were still the latest."""
EARLY = [date(year, month, 1) for year in (2018, 2019) for month in (1, 4, 7, 10)] + [date(2020, 1, 1)]
LATE = [date(2021, month, 1) for month in (1, 4, 7, 10)] + [date(2022, 1, 1), date(2022, 4, 1)]
STALE_EARLY, STALE_LATE = [date(2021, 1, 1), date(2021, 4, 1), date(2021, 6, 30)], [date(2022, 6, 30)]
POLICY = RiskModel(impact=ImpactScale(targets=100_000, dependents=500))
"""Impact on the whole Jenkins community rather than on one tenant."""


def main() -> None:
    """Command line; the last line of output is one JSON object."""
    parser = ArgumentParser(prog="python -m benchmarks.risk", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="200 bootstrap resamples instead of 2,000")
    quick = parser.parse_args().quick
    folder = Path(os.environ.get("PATCHBAY_SHARED", "../shared")) / "data" / "jenkins"
    if not folder.is_dir():
        parser.error(f"no registry at {folder}; set PATCHBAY_SHARED to the folder that holds data/")
    print(json.dumps(measure(folder, 200 if quick else 2000)))


def measure(folder: Path, resamples: int) -> dict[str, Any]:
    """Both hazards against what came, and today's ranking by the model of published constants."""
    sources, catalogue = jenkins(folder)
    early, late = panel(sources, EARLY), panel(sources, LATE)
    fitted, alone = _fit(early), _installs_alone(early)
    found = {
        "published constants": _advisories(late, AdvisoryHazard(), alone, resamples),
        "fitted on 2018-2020": _advisories(late, fitted, alone, resamples),
    }
    for year in (2021, 2022):
        of_year = late.filter(pl.col("as_of").dt.year() == year)
        found[f"published constants, origins of {year}"] = _advisories(of_year, AdvisoryHazard(), alone, resamples)
    for name, figures in found.items():
        _show(f"new advisory within a year: {name}", figures)
    staleness, stale = _silence(panel(sources, STALE_EARLY), panel(sources, STALE_LATE), resamples)
    _show("no release within a year, by staleness", stale)
    served = found["published constants"]
    print(card(POLICY, served["evaluation"], late, gains=served["gains"]).to_markdown())
    return {
        "benchmark": "risk",
        "resamples": resamples,
        "fitted_hazard": asdict(fitted),
        "advisory": {name: _plain(figures) for name, figures in found.items()},
        "fitted_staleness": asdict(staleness),
        "staleness": _plain(stale),
        "top": _top(sources, catalogue, POLICY),
    }


def jenkins(folder: Path) -> tuple[Sources, Catalogue]:
    """The registry's dated facts, and its last catalogue."""
    report = Report("jenkins", str(folder))
    catalogue = parse_catalogue((folder / CATALOGUE).read_bytes(), CATALOGUE, report, {})
    releases = pl.read_csv(folder / "derived" / "releases-observed.csv", infer_schema=False).select(
        "plugin",
        "version",
        version_scheme=pl.lit("jenkins"),
        released=pl.col("release_timestamp").str.slice(0, 10).str.to_date(),
    )
    sources = Sources(
        advisories=_warnings(catalogue),
        installs=_installs(folder, report),
        releases=releases,
        advised_since=ADVISED_SINCE,
        released_since=RELEASED_SINCE,
        until=LAST_DAY,
    )
    return sources, catalogue


def current(sources: Sources, catalogue: Catalogue) -> pl.DataFrame:
    """Features of today, of every plugin that is in the catalogue or still installed somewhere."""
    lifecycles = {row.name: row.document["lifecycle"] for row in catalogue.plugins}
    needed = [d["ref"].partition(":")[2] for row in catalogue.plugins for d in row.release["dependencies"]]
    dependents = pl.Series("plugin", needed, dtype=pl.String).value_counts(name="dependents")
    known = features_at(sources, TODAY).drop("lifecycle", "targets", "dependents")
    known = known.filter(pl.col("plugin").is_in(list(lifecycles)) | (pl.col("installs") > 0))
    return known.join(dependents, on="plugin", how="left").with_columns(
        pl.col("plugin").replace_strict(lifecycles, default="withdrawn").alias("lifecycle"),
        pl.col("dependents").fill_null(0),
        targets="installs",
    )


def _warnings(catalogue: Catalogue) -> pl.DataFrame:
    rows = [
        {
            "plugin": advisory["subject_ref"].partition(":")[2],
            "published": date.fromisoformat(advisory["published_at"][:10]),
            "id": advisory["external_id"],
            "ranges": advisory["ranges"],
        }
        for _, advisory in catalogue.advisories
        if advisory["subject_kind"] == "plugin"
    ]
    frame = pl.DataFrame(rows, schema={"plugin": pl.String, "published": pl.Date, "id": pl.String, "ranges": AFFECTED})
    # Jenkins publishes neither severity nor exploitation with its warnings.
    unknown = {"severity": pl.String, "exploited": pl.Boolean, "likelihood": pl.Float64, "reach": pl.Float64}
    return frame.with_columns(pl.lit(None, dtype).alias(name) for name, dtype in unknown.items())


def _installs(folder: Path, report: Report) -> pl.DataFrame:
    reader = CountReader(report)

    def rows() -> Iterator[tuple[str, date, int]]:
        for path in sorted((folder / "installs-to-2023-06").glob("*.stats.json")):
            for (plugin, version, month), count, _ in reader.read(path.read_bytes(), path.name):
                if version is None:
                    yield plugin.partition(":")[2], month, count

    return pl.DataFrame(
        list(rows()), schema={"plugin": pl.String, "month": pl.Date, "installs": pl.Int64}, orient="row"
    )


def _columns(rows: pl.DataFrame, *names: str) -> list[Any]:
    return [rows[name].cast(pl.Float64).to_numpy() for name in names]


def _fit(early: pl.DataFrame) -> AdvisoryHazard:
    return AdvisoryHazard.fit(*_columns(early, "installs", "advisories", "years", "advised"))


def _installs_alone(early: pl.DataFrame) -> Array:
    """A logistic curve over ln(1 + installs): what the history must beat."""
    installs, advised = _columns(early, "installs", "advised")
    return fit_probability(lambda line: _logistic(line, installs), np.zeros(2), advised)


def _logistic(line: Array, installs: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-(line[0] + line[1] * np.log1p(installs)))))


def _advisories(late: pl.DataFrame, hazard: AdvisoryHazard, alone: Array, resamples: int) -> dict[str, Any]:
    """The hazard's probabilities of advisories against those that came, beside each input alone."""
    installs, advisories, years, advised = _columns(late, "installs", "advisories", "years", "advised")
    predicted, clusters = hazard.probability(installs, advisories, years), _plugins(late)
    gains = {
        f"AUC above {name} alone": auc_gain(advised, predicted, by, clusters, resamples=resamples)
        for name, by in (("installs", installs), ("advisories so far", advisories))
    }
    found = evaluate(advised, predicted, clusters, resamples=resamples)
    gate = faults(found, gains)
    rival = _logistic(alone, installs)
    gains["Brier skill above installs alone"] = skill_gain(advised, predicted, rival, clusters, resamples=resamples)
    return {"evaluation": found, "gains": gains, "faults": gate}


def _silence(early: pl.DataFrame, late: pl.DataFrame, resamples: int) -> tuple[Staleness, dict[str, Any]]:
    """Staleness fitted on the earlier panel, and how it does on the later one."""
    (known_days, known_silent), (days, silent) = (
        _columns(part.drop_nulls(["days_since_release", "silent"]), "days_since_release", "silent")
        for part in (early, late)
    )
    fitted = Staleness.fit(known_days, known_silent)
    clusters = _plugins(late.drop_nulls(["days_since_release", "silent"]))
    found = evaluate(silent, fitted.level(days), clusters, resamples=resamples)
    return fitted, {"evaluation": found, "gains": {}, "faults": faults(found, {})}


def _plugins(rows: pl.DataFrame) -> Labels:
    return rows["plugin"].to_numpy().astype(np.str_)


def _show(title: str, figures: dict[str, Any]) -> None:
    found: Evaluation = figures["evaluation"]
    print(f"{title}: {found.rows:,} rows, {found.clusters:,} plugins, base rate {found.base_rate:.3f}")
    print(f"  AUC {_text(found.auc)}, top tenth {found.lift:.1f} times the base rate")
    print(
        f"  Brier {found.brier:.4f} (constant {found.constant_brier:.4f}), skill {_text(found.skill)}, ECE {found.ece:.4f}"
    )
    for name, gain in figures["gains"].items():
        print(f"  {name}: {_text(gain)}")
    print("  predicted " + " ".join(f"{tenth.predicted:.3f}" for tenth in found.deciles))
    print("  observed  " + " ".join(f"{tenth.observed:.3f}" for tenth in found.deciles))
    print("  gate: " + ("; ".join(figures["faults"]) or "passed"), flush=True)


def _text(estimate: Estimate) -> str:
    return f"{estimate.value:.3f} [{estimate.low:.3f}, {estimate.high:.3f}]"


def _plain(figures: dict[str, Any]) -> dict[str, Any]:
    gains = {name: asdict(gain) for name, gain in figures["gains"].items()}
    return {**asdict(figures["evaluation"]), "gains": gains, "faults": figures["faults"]}


def _top(sources: Sources, catalogue: Catalogue, model: RiskModel) -> dict[str, Any]:
    """The ranking of today: whether the plugins with an unfixed warning are the top of it, and the first of them."""
    features = current(sources, catalogue)
    ranked = score(features, model).sort("score", "plugin", descending=[True, False])
    unfixed = ranked["floors"].list.contains("unfixed advisory")
    count = int(unfixed.sum())
    first = ranked.head(15).rows(named=True)
    print(f"{len(ranked):,} plugins, {count} with an unfixed warning, {int(unfixed.head(count).sum())} of them on top")
    for row in first:
        reasons = "; ".join(factor["reason"] for factor in row["factors"][:3])
        print(f"  {row['score']:5.1f} {row['band']} {row['plugin']}: {reasons}")
    bands = dict(ranked["band"].value_counts().iter_rows())
    return {
        "plugins": len(ranked),
        "unfixed": count,
        "unfixed_on_top": int(unfixed.head(count).sum()),
        "unknown_whether_unfixed": features["open_advisories"].null_count(),
        "bands": bands,
        "first": [row["plugin"] for row in first],
    }


if __name__ == "__main__":
    main()
