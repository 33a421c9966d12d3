"""The job that learns, and when it starts by itself."""

import dagster as dg

from pipelines.conditions import LEARN_DAILY

MODELS, INSIGHTS = "models", "insights"
"""The groups of its assets."""

learn_job = dg.define_asset_job(
    "learn_models",
    selection=dg.AssetSelection.groups(MODELS, INSIGHTS),
    description="Fit and compare the models on the built warehouse, and publish what they say as insights.",
    executor_def=dg.in_process_executor,
)

learn_daily = dg.ScheduleDefinition(
    "learn_daily", job=learn_job, cron_schedule=LEARN_DAILY, default_status=dg.DefaultScheduleStatus.RUNNING
)
