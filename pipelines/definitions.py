"""The code location: areas register here, nothing is opened here."""

import dagster as dg

from pipelines.defs.learn.assets import learn_assets
from pipelines.defs.learn.jobs import learn_daily, learn_job
from pipelines.defs.live.sensors import watch
from pipelines.defs.published.assets import snapshots
from pipelines.defs.raw.assets import ingest
from pipelines.defs.raw.sensors import new_segments
from pipelines.defs.warehouse.assets import table_assets
from pipelines.defs.warehouse.checks import checks
from pipelines.defs.warehouse.jobs import build_daily, build_job, ingest_hourly, ingest_job
from pipelines.resources.insights import insights_resource
from pipelines.resources.registry import registry_resource
from pipelines.resources.warehouse import warehouse_resource


def definitions(
    warehouse: dg.ResourceDefinition,
    registry: dg.ResourceDefinition,
    insights: dg.ResourceDefinition | None = None,
) -> dg.Definitions:
    """Everything that Dagster knows, on the given resources; insights by default on those of the environment."""
    return dg.Definitions(
        assets=[ingest, *table_assets, snapshots, *learn_assets],
        asset_checks=checks,
        jobs=[build_job, ingest_job, learn_job],
        schedules=[build_daily, ingest_hourly, learn_daily],
        sensors=[new_segments, watch],
        resources={"warehouse": warehouse, "registry": registry, "insights": insights or insights_resource()},
        executor=dg.in_process_executor,
    )


defs = definitions(warehouse_resource(), registry_resource())
