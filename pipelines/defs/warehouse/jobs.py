"""The jobs, and when they start by themselves."""

from datetime import timedelta

import dagster as dg

from pipelines.conditions import CHANGED_ONLY, DAILY, HOURLY
from pipelines.defs.warehouse.partitions import range_tags

BUILT = ("raw", "staging", "core", "marts", "published")
"""The groups of a build. Models learn from what it published, in a job of their own."""

build_job = dg.define_asset_job(
    "build_warehouse",
    selection=dg.AssetSelection.groups(*BUILT),
    description="From the registry's feeds to published snapshots, with every check between.",
    executor_def=dg.in_process_executor,
)

ingest_job = dg.define_asset_job(
    "ingest_feeds",
    selection=dg.AssetSelection.groups("raw"),
    description="Take in what is new in the registry, build nothing.",
    executor_def=dg.in_process_executor,
)

ingest_hourly = dg.ScheduleDefinition(
    "ingest_hourly", job=ingest_job, cron_schedule=HOURLY, default_status=dg.DefaultScheduleStatus.RUNNING
)


@dg.schedule(job=build_job, cron_schedule=DAILY, default_status=dg.DefaultScheduleStatus.RUNNING)
def build_daily(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    """Build what changed, named after yesterday and today; other days whose input changed are built with them."""
    today = context.scheduled_execution_time.date()
    return dg.RunRequest(
        run_key=today.isoformat(), tags={**range_tags([today - timedelta(days=1), today]), CHANGED_ONLY: "true"}
    )
