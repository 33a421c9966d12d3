"""What drives a score: each factor has a level, a reason in words and what would mend it."""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.risk.fitting import Array
from models.risk.model import Likelihoods, RiskModel

FRESH_DAYS = 90
RETIRED = ("deprecated", "archived", "withdrawn", "quarantined")
_NOTHING = "Nothing to do."


@dataclass(frozen=True, slots=True)
class Factor:
    """One factor over n plugins.

    `level` from 0 to 1 is a probability where `calibrated`, else a judged level; `fixed` is what the fix leaves of it;
    `observed` says where it was known rather than taken from the population.
    """

    name: str
    calibrated: bool
    weight: float
    level: Array
    fixed: Array
    observed: NDArray[np.bool_]
    reason: pl.Series
    fix: pl.Series


@dataclass(frozen=True, slots=True)
class Floor:
    """A fact that lifts the score to `height` where it `applies` (n,), until the factor it comes from is mended."""

    name: str
    height: float
    factor: str
    applies: NDArray[np.bool_]


def factors(features: pl.DataFrame, model: RiskModel) -> tuple[Factor, ...]:
    """All factors of conformed features."""
    made = (_advisory_history, _open_advisories, _staleness, _lifecycle)
    return tuple(make(features, model) for make in made)


def floors(features: pl.DataFrame, model: RiskModel) -> tuple[Floor, ...]:
    """All floors, highest first."""
    heights, lifecycle = model.floors, pl.col("lifecycle")
    advisories = pl.col("open_advisories").list
    exploited = advisories.eval(pl.element().struct.field("exploited").fill_null(False)).list.any()
    facts = (
        ("quarantined", heights.quarantined, "lifecycle", lifecycle == "quarantined"),
        ("exploited advisory", heights.exploited_advisory, "open_advisories", exploited),
        ("unfixed advisory", heights.unfixed_advisory, "open_advisories", advisories.len() > 0),
        ("withdrawn", heights.withdrawn, "lifecycle", lifecycle.is_in(["archived", "withdrawn"])),
    )
    made = [Floor(name, height, factor, _flags(features, fact)) for name, height, factor, fact in facts]
    return tuple(sorted(made, key=lambda floor: -floor.height))


def advisory_inputs(features: pl.DataFrame, model: RiskModel) -> tuple[Array, Array, Array]:
    """Installs, advisories and years (n,) each; the unknown as a plugin of usual size of which nothing is known."""
    history = pl.all_horizontal(pl.col("advisories", "years").is_not_null())
    known = features.select(
        pl.col("installs").fill_null(model.population.installs),
        pl.when(history).then(pl.col("advisories").cast(pl.Float64)).otherwise(0.0).alias("advisories"),
        pl.when(history).then("years").otherwise(0.0).alias("years"),
    )
    return known["installs"].to_numpy(), known["advisories"].to_numpy(), known["years"].to_numpy()


def _advisory_history(features: pl.DataFrame, model: RiskModel) -> Factor:
    inputs = advisory_inputs(features, model)
    chance = model.hazard.probability(*inputs)
    beside = chance / model.hazard.of_size(inputs[0])
    words = features.with_columns(chance=pl.Series(100 * chance).round(1), beside=pl.Series(beside).round(1))
    observed = pl.all_horizontal(pl.col("installs", "advisories", "years").is_not_null())
    known = pl.format(
        "{} in {} years at {} installs: {} % chance of another within a year, {} times that of plugins this size",
        _counted("advisories", "advisory", "advisories"),
        pl.col("years").round(1),
        pl.col("installs").cast(pl.Int64),
        "chance",
        "beside",
    )
    unknown = pl.format("Installs or history not known: {} % chance assumed", "chance")
    fix = pl.lit(
        "History cannot be mended: keep able to update within days, or choose one of this size with less of it."
    )
    return Factor(
        "advisory_history",
        True,
        model.weights.advisory_history,
        chance,
        chance,
        _flags(features, observed),
        words.select(pl.when(observed).then(known).otherwise(unknown)).to_series(),
        features.select(pl.when(pl.col("plugin").is_not_null()).then(fix)).to_series(),
    )


def _open_advisories(features: pl.DataFrame, model: RiskModel) -> Factor:
    listed, advisories = pl.col("open_advisories"), pl.col("open_advisories").list
    spared = advisories.eval(_spared(model.likelihoods).product()).list.first()
    some = advisories.len() > 0
    ids = advisories.eval(pl.element().struct.field("id")).list.join(", ")
    count = (
        pl.when(advisories.len() == 1)
        .then(pl.lit("1 advisory is"))
        .otherwise(pl.format("{} advisories are", advisories.len()))
    )
    reason = (
        pl.when(some)
        .then(pl.format("{} not fixed in the latest release: {}", count, ids))
        .when(listed.is_not_null())
        .then(pl.lit("No published advisory hits the latest release"))
        .otherwise(pl.lit("Not known whether an advisory hits the latest release"))
    )
    fix = pl.when(some).then(pl.lit("Remove or disable it until a release mends them.")).otherwise(pl.lit(_NOTHING))
    level = features.select(pl.when(some).then(1 - spared).otherwise(0.0)).to_series().to_numpy()
    return Factor(
        "open_advisories",
        False,
        model.weights.open_advisories,
        level,
        np.zeros_like(level),
        _flags(features, listed.is_not_null()),
        features.select(reason).to_series(),
        features.select(fix).to_series(),
    )


def _spared(likelihoods: Likelihoods) -> pl.Expr:
    """Chance that an open advisory comes to nothing: 1 − likelihood · reach."""
    by_severity = {name: getattr(likelihoods, name) for name in ("critical", "high", "medium", "low")}
    field = pl.element().struct.field
    guessed = field("severity").replace_strict(by_severity, default=likelihoods.unknown, return_dtype=pl.Float64)
    chance = pl.when(field("exploited")).then(1.0).otherwise(pl.coalesce(field("likelihood"), guessed))
    return 1 - chance * field("reach").fill_null(1.0)


def _staleness(features: pl.DataFrame, model: RiskModel) -> Factor:
    days, known = pl.col("days_since_release"), pl.col("days_since_release").is_not_null()
    given = features.select(days.fill_null(0).cast(pl.Float64)).to_series().to_numpy()
    observed = _flags(features, known)
    level = np.where(observed, model.staleness.level(given), model.population.staleness)
    fresh = model.staleness.level(np.minimum(given, FRESH_DAYS))
    reason = (
        pl.when(known)
        .then(pl.format("Last release {} days ago", days))
        .otherwise(pl.lit("Not known when it was released last"))
    )
    fix = pl.lit(f"A release within {FRESH_DAYS} days; else plan for a successor.")
    is_stale = ~known | (days > FRESH_DAYS)
    return Factor(
        "staleness",
        False,
        model.weights.staleness,
        level,
        np.minimum(level, fresh),
        observed,
        features.select(reason).to_series(),
        features.select(pl.when(is_stale).then(fix).otherwise(pl.lit(_NOTHING))).to_series(),
    )


def _lifecycle(features: pl.DataFrame, model: RiskModel) -> Factor:
    state, retired = pl.col("lifecycle"), pl.col("lifecycle").is_in(RETIRED)
    level = _flags(features, retired).astype(np.float64)
    reason = pl.when(state.is_null()).then(pl.lit("Lifecycle not known")).otherwise(pl.format("It is {}", state))
    fix = pl.when(retired).then(pl.lit("Move to a plugin that is looked after.")).otherwise(pl.lit(_NOTHING))
    return Factor(
        "lifecycle",
        False,
        model.weights.lifecycle,
        level,
        np.zeros_like(level),
        _flags(features, state.is_not_null()),
        features.select(reason).to_series(),
        features.select(fix).to_series(),
    )


def _flags(features: pl.DataFrame, fact: pl.Expr) -> NDArray[np.bool_]:
    """Where a fact is known to hold."""
    return features.select(fact.fill_null(False)).to_series().to_numpy()


def _counted(column: str, one: str, many: str) -> pl.Expr:
    return pl.format("{} {}", column, pl.when(pl.col(column) == 1).then(pl.lit(one)).otherwise(pl.lit(many)))
