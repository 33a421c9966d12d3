"""The model card of a risk model."""

from collections.abc import Mapping
from datetime import UTC, datetime, time

import polars as pl

from models.card import ModelCard, TrainedOn, data_hash
from models.risk.model import RiskModel
from models.risk.validate import Estimate, Evaluation

PROTOCOL = (
    "Advisory hazard: a new advisory within 365 days, on point-in-time features at origins whose whole year lies after "
    "every label that was trained on. Intervals: cluster bootstrap over plugins, 95 %. ECE over the deciles (equal mass). "
    "Brier beside the best constant in hindsight."
)
PUBLISHED = (
    "The hazard's constants are published ones, estimated on earlier labels of Jenkins plugins; up to when is not said, so "
    "that they may have seen some of the first test year."
)
LIMITS = (
    "Only advisory_history is a calibrated probability; it ranks hardly better than installs alone do. Staleness ranks "
    "plugins well but is not calibrated; it, open advisories and lifecycle are judged levels, and weights, floors, impact "
    "scale and exploitation likelihoods are policy. The yearly rate of advisories moved fourfold between years, which the "
    "hazard cannot foresee: refit it, and read its level as a mean over years. Disclosure follows exposure: compare with "
    "plugins of the same size. Advisories are those known today, with ranges as edited since. That a plugin is removed "
    "cannot be predicted from this and is not scored."
)


def card(
    model: RiskModel,
    found: Evaluation,
    evaluated_on: pl.DataFrame,
    *,
    trained_on: pl.DataFrame | None = None,
    gains: Mapping[str, Estimate] | None = None,
) -> ModelCard:
    """The card of a model whose hazard was fitted on one panel and evaluated on a later one.

    Without `trained_on` the hazard has the published constants; the card then says so and its hash is of the panel it was
    evaluated on. The metrics hold the decile table: `decile 1 predicted` is the least probable tenth's mean, `decile 1
    observed` the share of it that came true. `gains` are paired differences, by what they are measured against.
    """
    metrics = {
        "rows": float(found.rows),
        "plugins": float(found.clusters),
        "base rate": found.base_rate,
        **_interval("AUC", found.auc),
        "Brier": found.brier,
        "Brier of a constant": found.constant_brier,
        **_interval("Brier skill", found.skill),
        "ECE": found.ece,
        "lift of the top tenth": found.lift,
    }
    for name, gain in (gains or {}).items():
        metrics |= _interval(name, gain)
    for number, tenth in enumerate(found.deciles, 1):
        metrics |= {f"decile {number} predicted": tenth.predicted, f"decile {number} observed": tenth.observed}
    hashed = evaluated_on if trained_on is None else trained_on
    return ModelCard(
        name="risk",
        version=model.version,
        config=model.config(),
        data_hash=data_hash(hashed.drop("open_advisories")),
        trained_on=TrainedOn(0, None, None) if trained_on is None else _seen(trained_on),
        metrics=metrics,
        protocol=PROTOCOL if trained_on is not None else f"{PROTOCOL} {PUBLISHED}",
        limits=LIMITS,
    )


def _seen(panel: pl.DataFrame) -> TrainedOn:
    days = sorted(set(panel["as_of"]))
    since, until = (datetime.combine(day, time(), UTC) for day in (days[0], days[-1]))
    return TrainedOn(len(panel), since, until)


def _interval(name: str, estimate: Estimate) -> dict[str, float]:
    return {name: estimate.value, f"{name} low": estimate.low, f"{name} high": estimate.high}
