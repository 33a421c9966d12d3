"""What a loss would reach: an axis of its own, never part of a probability."""

import numpy as np
import polars as pl

from models.risk.fitting import Array
from models.risk.model import ImpactScale

_WEIGHTS = {"targets": 2.0, "dependents": 1.0, "privilege": 1.0}
_UNKNOWN = 0.5


def impact(features: pl.DataFrame, scale: ImpactScale) -> Array:
    """From 0 to 1 (n,): the weighted mean of what is known of targets, dependents and privilege; one half if nothing.

    Counts count by ln(1+S) / ln(1+max(S, full)), as in OpenSSF's criticality score.
    """
    parts = {
        "targets": _saturating(features["targets"], scale.targets),
        "dependents": _saturating(features["dependents"], scale.dependents),
        "privilege": np.minimum(_numbers(features["privilege"]), 1.0),
    }
    values = np.stack(list(parts.values()))
    weights = np.array([_WEIGHTS[name] for name in parts])[:, None] * ~np.isnan(values)
    total = weights.sum(axis=0)
    return np.where(total > 0, (np.nan_to_num(values) * weights).sum(axis=0) / np.maximum(total, 1.0), _UNKNOWN)


def impact_reason(features: pl.DataFrame) -> pl.Series:
    """What impact is made from, in words (n,)."""
    said = [
        pl.format("{} {}", pl.col(name).round(2).cast(pl.String).str.strip_suffix(".0"), pl.lit(words))
        for name, words in (
            ("targets", "targets"),
            ("dependents", "dependents"),
            ("privilege", "of 1 privilege"),
        )
    ]
    joined = pl.concat_str(said, separator=", ", ignore_nulls=True)
    text = pl.when(joined == "").then(pl.lit("nothing known: taken as one half")).otherwise(joined)
    return features.select(impact_reason=text).to_series()


def _numbers(column: pl.Series) -> Array:
    """As floats, null as NaN."""
    return column.cast(pl.Float64).fill_null(float("nan")).to_numpy()


def _saturating(column: pl.Series, full: float) -> Array:
    count = _numbers(column)
    return np.log1p(count) / np.log1p(np.maximum(count, full))
