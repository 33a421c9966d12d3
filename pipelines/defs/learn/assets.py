"""Models and insights. What an asset does is in the module beside this one that it names; they load what is heavy."""

from collections.abc import Callable, Sequence
from typing import Any

import dagster as dg

from pipelines.conditions import WRITER_POOL, fresh_within
from pipelines.defs.learn.jobs import INSIGHTS, MODELS
from pipelines.resources.insights import Insights
from pipelines.resources.warehouse import Warehouse

OWNERS = ["team:machine-learning"]
FRESH_HOURS = 26
"""A day, and the build and the learning before it."""
ASKED = ["dim_plugin", "dim_target", "fct_installation_interval", "fct_dependency", "stg_registry__plugin_grants"]
USED = "stg_registry__usage_events"
RELEASED = ["dim_plugin", "dim_advisory", "dim_release", "fct_statistic_monthly", "fct_installation_interval"]


def _asset(group: str, deps: Sequence[Any]) -> Callable[[Callable[..., Any]], dg.AssetsDefinition]:
    """What all assets here share; they wait for the warehouse, which has one door."""
    return dg.asset(
        deps=deps,
        group_name=group,
        owners=OWNERS,
        kinds={"python"},
        pool=WRITER_POOL,
        freshness_policy=fresh_within(FRESH_HOURS),
    )


@_asset(MODELS, ASKED)
def recommender(warehouse: Warehouse, insights: Insights) -> dg.MaterializeResult[None]:
    """What a target may want next: popularity, EASE, LightFM-WARP and a blend on a temporal split; what won is served.

    A challenger replaces the champion only if it is surely better, see the card.
    """
    from pipelines.defs.learn import keeping, publishing, recommending

    room, kind = insights, "recommender"
    known = recommending.lessons(warehouse.engine)
    standing = keeping.champion(room.storage, kind)
    made = recommending.train(known, keeping.served(room.storage, kind).card if standing else None)
    chosen = keeping.keep(room.storage, kind, made.card, made.model, made.name)
    return publishing.trained(room, made.card, made.figures, served=chosen.name, why=made.why)


@_asset(INSIGHTS, [recommender, *ASKED])
def recommendations(warehouse: Warehouse, insights: Insights) -> dg.MaterializeResult[None]:
    """The ten best plugins for each target that it may see and does not have, each with its reason."""
    from pipelines.defs.learn import keeping, publishing, recommending

    artefact = keeping.served(insights.storage, "recommender")
    known, model = recommending.lessons(warehouse.engine), recommending.restored(artefact.model)
    return publishing.publish(insights, "recommendations", recommending.listed(known, model, model.kind), artefact.card)


@_asset(INSIGHTS, [recommender, *ASKED])
def similar(warehouse: Warehouse, insights: Insights) -> dg.MaterializeResult[None]:
    """The ten public plugins most like each one, by who takes them up."""
    from pipelines.defs.learn import keeping, publishing, recommending

    artefact = keeping.served(insights.storage, "recommender")
    known, model = recommending.lessons(warehouse.engine), recommending.restored(artefact.model)
    return publishing.publish(insights, "similar", recommending.alike(known, model), artefact.card)


@_asset(MODELS, RELEASED)
def risk_model(warehouse: Warehouse, insights: Insights) -> dg.MaterializeResult[None]:
    """The advisory hazard: published constants or a fit on this registry, whichever surely did better in later years."""
    from pipelines.defs.learn import keeping, publishing, risking

    room, kind = insights, "risk"
    standing = keeping.champion(room.storage, kind)
    made = risking.train(risking.known(warehouse.engine), standing.name if standing else None)
    keeping.keep(room.storage, kind, made.card, risking.dump(made.model), made.name)
    return publishing.trained(room, made.card, made.figures, hazard=made.name)


@_asset(INSIGHTS, [risk_model, *RELEASED])
def risk(warehouse: Warehouse, insights: Insights) -> dg.MaterializeResult[None]:
    """Every plugin's risk as of the data's own today, for everybody and for each tenant that has it."""
    from pipelines.defs.learn import keeping, publishing, risking

    artefact = keeping.served(insights.storage, "risk")
    made = risking.scored(risking.known(warehouse.engine), risking.restored(artefact.model))
    return publishing.publish(insights, "risk", made, artefact.card)


@_asset(MODELS, [USED, "dim_tenant"])
def detectors(warehouse: Warehouse, insights: Insights) -> dg.MaterializeResult[None]:
    """What is usual for every busy series by the minute, learnt from a quarter of a year; the tick goes on from here."""
    from pipelines.defs.learn import detecting, keeping, publishing

    room = insights
    made = detecting.detect(warehouse.engine)
    card, record = detecting.papers(made), room.record
    keeping.keep(room.storage, "detectors", card, detecting.dump(detecting.to_document(made)), "detectors")
    record.series, record.anomalies = len(made.keys), len(made.found)
    record.incidents = int(card.metrics["incidents"])
    return publishing.trained(room, card, detecting.figures(made), series=len(made.keys))


@_asset(INSIGHTS, [detectors])
def anomalies(insights: Insights) -> dg.MaterializeResult[None]:
    """What was out of the ordinary in the past: surges, outages and novelties by series, and releases that fail."""
    from pipelines.defs.learn import detecting, keeping, publishing

    artefact = keeping.served(insights.storage, "detectors")
    made = detecting.insight(detecting.from_document(detecting.restore(artefact.model)))
    return publishing.publish(insights, "anomalies", made, artefact.card)


@_asset(INSIGHTS, ["fct_usage_daily", "dim_tenant"])
def forecasts(warehouse: Warehouse, insights: Insights) -> dg.MaterializeResult[None]:
    """Uses of the next four weeks by day: each tenant's total and busiest plugins; seasonal naive with its interval."""
    from patchbay.core.clock import day_of, utcnow
    from pipelines.defs.learn import forecasting, publishing
    from warehouse import features

    engine = warehouse.engine
    usage = features.usage_by_day(engine, before=day_of(utcnow()))
    made = forecasting.forecasts(usage, features.operator(engine))
    insights.record.measured += made.figures
    return publishing.publish(insights, "forecasts", made.rows, made.card)


learn_assets = [recommender, recommendations, similar, risk_model, risk, detectors, anomalies, forecasts]
