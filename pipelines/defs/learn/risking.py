"""Fitting the risk model on the years whose outcome is known, and scoring every plugin as of the data's own today."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import takewhile
from typing import Any

import numpy as np
import orjson
import polars as pl

from models.card import ModelCard, TrainedOn, data_hash
from models.risk import AdvisoryHazard, RiskModel, Sources, card, features_at, panel, score
from models.risk.advisories import AFFECTED
from models.risk.panel import HORIZON
from models.risk.papers import LIMITS, PUBLISHED
from models.risk.validate import Estimate, auc_gain, evaluate, skill_gain
from patchbay.core.clock import day_of, utcnow
from pipelines.defs.learn.keeping import moment
from pipelines.resources.insights import Measured
from warehouse import features
from warehouse.engines.duckdb import DuckDBEngine

QUARTER = timedelta(days=91)
WHOLE_MONTH = timedelta(days=62)
"""From a month's first day until its count is known whatever its length."""
LEAST_OUTCOMES = 20
"""Advisories a panel must hold to say anything of a model."""
RESAMPLES = 200
UNKNOWN = {"severity": pl.String, "exploited": pl.Boolean, "likelihood": pl.Float64, "reach": pl.Float64}
BANDS = {"insufficient evidence": "insufficient"}
NOT_EVALUATED = "Not evaluated: the data does not hold a year of outcomes after a year to learn from."


@dataclass(frozen=True, eq=False, slots=True)
class Known:
    """Dated facts of the registry, and what is only known of today."""

    sources: Sources
    today: date
    plugins: pl.DataFrame
    installed: pl.DataFrame


@dataclass(frozen=True, eq=False, slots=True)
class Trained:
    """The model to score with, whether its hazard is "published" or "fitted", its papers and figures."""

    model: RiskModel
    name: str
    card: ModelCard
    figures: tuple[Measured, ...] = ()


@dataclass(frozen=True, eq=False, slots=True)
class _Panels:
    """Features and outcomes at earlier origins, and at later ones whose every year lies after all that was learnt."""

    early: pl.DataFrame
    late: pl.DataFrame


def known(engine: DuckDBEngine) -> Known:
    """Everything the risk model needs, from the warehouse."""
    newest = features.newest_day(engine) or day_of(utcnow())
    advisories, releases = features.advisories(engine), features.releases(engine)
    missing = [pl.lit(None, dtype).alias(name) for name, dtype in UNKNOWN.items() if name not in advisories.columns]
    sources = Sources(
        advisories=advisories.with_columns(*missing, pl.col("ranges").cast(AFFECTED)),
        installs=features.installs_by_month(engine),
        releases=releases,
        advised_since=_advised_since(advisories, newest),
        released_since=_first(releases, "released", newest),
        until=newest,
    )
    return Known(sources, newest + timedelta(days=1), features.plugins(engine), features.installed(engine))


def train(facts: Known, standing: str | None) -> Trained:
    """Fit the hazard on the earlier years, and take it only if it surely beats the one that stands on the later ones.

    "Surely" is the 95 % cluster bootstrap interval of the Brier skill. Weights, floors and likelihoods are policy and stay.
    """
    base, panels = RiskModel(), _panels(facts.sources)
    if panels is None:
        return Trained(base, "published", _stamped(_unevaluated(base, facts), facts.today))
    fitted = replace(base, hazard=_fitted(panels.early))
    rivals = {"published": base, "fitted": fitted}
    champion = standing or "published"
    challenger = next(name for name in rivals if name != champion)
    gain = _gain(panels.late, rivals[challenger], rivals[champion])
    name = challenger if gain.low > 0 else champion
    made = _judged(rivals, name, panels, {f"Brier skill of {challenger} above {champion}": gain})
    return replace(made, card=_stamped(made.card, facts.today))


def scored(facts: Known, model: RiskModel) -> pl.DataFrame:
    """Every plugin for everybody, and for each tenant that has it with that tenant's own impact: the columns of the insight."""
    today = features_at(facts.sources, facts.today).drop("lifecycle", "targets", "dependents")
    named = facts.plugins.select(
        "lifecycle", plugin="plugin_id", dependents="dependant_count", everywhere="installed_targets"
    )
    whole = named.join(today, on="plugin", how="left").with_columns(
        pl.lit(facts.today).alias("as_of"),
        pl.coalesce("installs", pl.col("everywhere").cast(pl.Float64)).alias("targets"),
    )
    own = facts.installed.join(whole.drop("targets"), on="plugin")
    everybody = whole.with_columns(tenant_id=pl.lit(None, pl.String))
    rows = pl.concat([everybody.select(_COLUMNS), own.select(_COLUMNS)]).sort("tenant_id", "plugin", nulls_last=False)
    return _as_insight(score(rows, model), rows["tenant_id"])


_COLUMNS = [
    pl.col("tenant_id", "plugin", "as_of", "installs", "advisories", "years", "open_advisories"),
    pl.col("days_since_release", "lifecycle"),
    pl.col("targets").cast(pl.Float64),
    pl.col("dependents").cast(pl.Float64),
]


def _as_insight(made: pl.DataFrame, tenants: pl.Series) -> pl.DataFrame:
    field = pl.element().struct.field
    told = pl.struct(
        field("name"), field("level").round(6).alias("probability"), field("weight"), field("reason"), field("fix")
    )
    factors = made.select(pl.col("factors").list.eval(told))["factors"]
    return made.select(
        tenants,
        pl.col("score"),
        pl.col("band").replace(BANDS),
        pl.col("advisory_probability").alias("probability"),
        pl.col("impact", "confidence"),
        pl.when(pl.col("compliance") != "unknown").then(pl.col("compliance")).alias("compliance"),
        pl.col("floors").list.first().alias("floor"),
        pl.Series("factors", [_json(row) for row in factors], dtype=pl.String),
        plugin_id="plugin",
    )


def dump(model: RiskModel) -> bytes:
    """A model as bytes."""
    return orjson.dumps(model.config(), option=orjson.OPT_SORT_KEYS)


def restored(data: bytes) -> RiskModel:
    """The model that `dump` wrote. Raises `ValueError` for one of another formula."""
    return RiskModel.from_config(orjson.loads(data))


def _json(row: pl.Series) -> str:
    return orjson.dumps(row.to_list()).decode()


def _panels(sources: Sources) -> _Panels | None:
    """Panels at quarterly origins; None where too few advisories came in either for a verdict."""
    since = max(sources.advised_since, _first(sources.installs, "month", sources.until) + WHOLE_MONTH)
    until = _outcomes_until(sources)
    origins = list(takewhile(lambda day: day + HORIZON <= until, (since + n * QUARTER for n in range(400))))
    late = [day for day in origins if day >= since + HORIZON][len(origins) // 3 :]
    early = [day for day in origins if late and day + HORIZON <= late[0]]
    if not early or not late:
        return None
    made = _Panels(panel(sources, early), panel(sources, late))
    outcomes = [part["advised"].sum() for part in (made.early, made.late)]
    return made if min(outcomes) >= LEAST_OUTCOMES else None


def _outcomes_until(sources: Sources) -> date:
    """Until when it is known whether an advisory came: that of the newest one, however long other facts go on."""
    newest = sources.advisories["published"].max()
    return newest if isinstance(newest, date) else date.min


def _columns(rows: pl.DataFrame, *names: str) -> list[Any]:
    return [rows[name].cast(pl.Float64).to_numpy() for name in names]


def _fitted(early: pl.DataFrame) -> AdvisoryHazard:
    return AdvisoryHazard.fit(*_columns(early, "installs", "advisories", "years", "advised"))


def _predicted(rows: pl.DataFrame, model: RiskModel) -> Any:
    return model.hazard.probability(*_columns(rows, "installs", "advisories", "years"))


def _clusters(rows: pl.DataFrame) -> Any:
    return rows["plugin"].to_numpy().astype(np.str_)


def _gain(late: pl.DataFrame, challenger: RiskModel, champion: RiskModel) -> Estimate:
    """How much more Brier skill the challenger has on the later panel."""
    [advised] = _columns(late, "advised")
    return skill_gain(
        advised, _predicted(late, challenger), _predicted(late, champion), _clusters(late), resamples=RESAMPLES
    )


def _judged(rivals: Mapping[str, RiskModel], name: str, panels: _Panels, gains: dict[str, Estimate]) -> Trained:
    """The chosen model with its papers: the decile table, and its lead over installs alone."""
    late, model = panels.late, rivals[name]
    advised, installs = _columns(late, "advised", "installs")
    predicted, clusters = _predicted(late, model), _clusters(late)
    found = evaluate(advised, predicted, clusters, resamples=RESAMPLES)
    above = auc_gain(advised, predicted, installs, clusters, resamples=RESAMPLES)
    gains = gains | {"AUC above installs alone": above}
    papers = card(model, found, late, trained_on=panels.early if name == "fitted" else None, gains=gains)
    figures = (
        Measured(f"advisory hazard ({name})", "AUC", found.auc.value, found.auc.low, found.auc.high, "installs alone",
                 found.auc.value - above.value),
        Measured(f"advisory hazard ({name})", "Brier", found.brier, None, None, "constant", found.constant_brier),
    )  # fmt: skip
    return Trained(model, name, papers, figures)


def _unevaluated(model: RiskModel, facts: Known) -> ModelCard:
    return ModelCard(
        name="risk",
        version=model.version,
        config=model.config(),
        data_hash=data_hash(facts.sources.advisories.drop("ranges")),
        trained_on=TrainedOn(0, None, None),
        metrics={},
        protocol=f"{NOT_EVALUATED} {PUBLISHED}",
        limits=LIMITS,
    )


def _stamped(papers: ModelCard, today: date) -> ModelCard:
    """The card with a version that sorts by time, as artefacts have them; equal data and numbers give an equal one."""
    return replace(papers, version=f"{moment(today):%Y%m%dT%H%M%SZ}-{papers.version[:8]}-{papers.data_hash[:8]}")


def _advised_since(advisories: pl.DataFrame, otherwise: date) -> date:
    """Since when advisories are published in earnest; the first hundredth came while hardly anybody did."""
    ordered = advisories["published"].sort()
    found = ordered[len(ordered) // 100] if len(ordered) else None
    return found if isinstance(found, date) else otherwise


def _first(facts: pl.DataFrame, column: str, otherwise: date) -> date:
    found = facts[column].min()
    return found if isinstance(found, date) else otherwise
