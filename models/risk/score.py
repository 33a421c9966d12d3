"""Features and a model to scores: a pure function, so that any stored score can be made again."""

from collections.abc import Mapping, Sequence
from dataclasses import astuple
from typing import Any

import numpy as np
import polars as pl

from models.risk.factors import Factor, Floor, advisory_inputs, factors, floors
from models.risk.features import Record, conform, fingerprint, from_records, to_records
from models.risk.fitting import Array
from models.risk.impact import impact, impact_reason
from models.risk.model import RiskModel

BANDS = ("low", "moderate", "high", "critical")
INSUFFICIENT = "insufficient evidence"
FACTOR = pl.Struct(
    {
        "name": pl.String,
        "calibrated": pl.Boolean,
        "level": pl.Float64,
        "weight": pl.Float64,
        "share": pl.Float64,
        "relief": pl.Float64,
        "floor": pl.Float64,
        "observed": pl.Boolean,
        "reason": pl.String,
        "fix": pl.String,
    }
)
"""`share` of the score's drivers; `relief`: points that the fix takes off the score; `floor`: what it lifts the score to,
null when nothing. Show `level` as a probability only where it is `calibrated`."""


def score(features: pl.DataFrame, model: RiskModel) -> pl.DataFrame:
    """One row per row of features (`FEATURES`), in their order; further columns are ignored.

    `score` = 100 · probability · (least + (1 − least) · impact) with probability = 1 − Π(1 − weight · level); a floor
    lifts it into the tier from its height to the next one's, where the same number orders it. `band` is by probability
    relative to the population's, critical under a floor, and "insufficient evidence" where confidence is too low.
    `compliance` says pass, block or unknown and moves no point. Raises `ValueError` for malformed features.
    """
    known = conform(features)
    made, lifts = factors(known, model), floors(known, model)
    reach = impact(known, model.impact)
    low, high = model.hazard.interval(*advisory_inputs(known, model))
    probability = _probability(made)
    confidence = _observed_share(made) * (1 - (high - low))
    return known.select("plugin", "as_of").with_columns(
        pl.lit(model.version).alias("model_version"),
        pl.Series("features_hash", [fingerprint(record) for record in to_records(known)], dtype=pl.String),
        pl.Series("score", _points(probability, reach, lifts, model)),
        pl.Series("band", _bands(probability, confidence, lifts, model), dtype=pl.String),
        pl.Series("probability", probability),
        pl.Series("advisory_probability", made[0].level),
        pl.Series("advisory_low", low),
        pl.Series("advisory_high", high),
        pl.Series("versus_size", made[0].level / model.hazard.of_size(advisory_inputs(known, model)[0])),
        pl.Series("impact", reach),
        impact_reason(known),
        pl.Series("confidence", confidence),
        known.select(_compliance().alias("compliance"))["compliance"],
        pl.Series("floors", _floor_names(lifts, len(known)), dtype=pl.List(pl.String)),
        _drivers(made, reach, lifts, model).alias("factors"),
    )


def replay(record: Mapping[str, Any], config: dict[str, Any]) -> Record:
    """The score of one stored features record under a stored model config, as it was. Raises `ValueError`."""
    return score(from_records([record]), RiskModel.from_config(config)).row(0, named=True)


def _probability(made: Sequence[Factor]) -> Array:
    spared: Array = np.stack([1 - factor.weight * factor.level for factor in made]).prod(axis=0)
    return 1 - spared


def _points(probability: Array, reach: Array, lifts: Sequence[Floor], model: RiskModel) -> Array:
    points = 100 * probability * (model.impact.least + (1 - model.impact.least) * reach)
    lifted, ceiling = points, 100.0
    for floor in lifts:  # highest first, so that the ceiling is the next higher floor
        tier = floor.height + (ceiling - floor.height) * points / 100
        lifted = np.where(floor.applies, np.maximum(lifted, tier), lifted)
        ceiling = floor.height
    return lifted


def _observed_share(made: Sequence[Factor]) -> Array:
    # No matrix product: its last digit depends on how many rows there are, and a replayed score must be the same.
    seen: Array = np.stack([factor.weight * factor.observed for factor in made]).sum(axis=0)
    return seen / sum(factor.weight for factor in made)


def _bands(probability: Array, confidence: Array, lifts: Sequence[Floor], model: RiskModel) -> list[str]:
    named = np.array(BANDS, dtype=object)[np.digitize(probability / model.base_probability, astuple(model.bands))]
    named = np.where(confidence < model.least_confidence, INSUFFICIENT, named)
    lifted = np.any([floor.applies for floor in lifts], axis=0)
    return list(np.where(lifted, "critical", named))


def _floor_names(lifts: Sequence[Floor], rows: int) -> list[list[str]]:
    return [[floor.name for floor in lifts if floor.applies[row]] for row in range(rows)]


def _compliance() -> pl.Expr:
    verdicts = {"compatible": "pass", "incompatible": "block"}
    return pl.col("licence").replace_strict(verdicts, default="unknown", return_dtype=pl.String)


def _drivers(made: Sequence[Factor], reach: Array, lifts: Sequence[Floor], model: RiskModel) -> pl.Series:
    """The factors of each row: those that lift it first, then by share."""
    strength = np.stack([-np.log1p(-np.minimum(factor.weight * factor.level, 1 - 1e-12)) for factor in made])
    shares = strength / np.maximum(strength.sum(axis=0), 1e-12)
    columns = [
        _driver(factor, share, _relief(factor, made, reach, lifts, model), _height(factor, lifts))
        for factor, share in zip(made, shares, strict=True)
    ]
    field = pl.element().struct.field
    first = pl.element().sort_by(field("floor").fill_null(0.0), field("share"), descending=True, maintain_order=True)
    return pl.DataFrame(columns).select(pl.concat_list(pl.all()).list.eval(first).alias("factors"))["factors"]


def _driver(factor: Factor, share: Array, relief: Array, height: Array) -> pl.Series:
    given = {
        "name": factor.name,
        "calibrated": factor.calibrated,
        "level": factor.level,
        "weight": factor.weight,
        "share": share,
        "relief": relief,
        "floor": pl.Series(height, dtype=pl.Float64).fill_nan(None),
        "observed": factor.observed,
        "reason": factor.reason,
        "fix": factor.fix,
    }
    rows = len(share)
    columns = {
        name: [value] * rows if isinstance(value, str | bool | float) else value for name, value in given.items()
    }
    return pl.DataFrame(columns, schema={field.name: field.dtype for field in FACTOR.fields}).to_struct(factor.name)


def _height(factor: Factor, lifts: Sequence[Floor]) -> Array:
    """The highest floor that comes from the factor, NaN where none does."""
    height = np.full_like(factor.level, np.nan)
    for floor in lifts:
        if floor.factor == factor.name:
            height = np.where(floor.applies, np.fmax(height, floor.height), height)
    return height


def _relief(fixed: Factor, made: Sequence[Factor], reach: Array, lifts: Sequence[Floor], model: RiskModel) -> Array:
    """Points that would go if this factor were mended, its floors with it."""
    spared = np.stack([1 - f.weight * (f.fixed if f is fixed else f.level) for f in made])
    others = [floor if floor.factor != fixed.name else _without(floor) for floor in lifts]
    now = _points(_probability(made), reach, lifts, model)
    return now - _points(1 - spared.prod(axis=0), reach, others, model)


def _without(floor: Floor) -> Floor:
    return Floor(floor.name, floor.height, floor.factor, np.zeros_like(floor.applies))
