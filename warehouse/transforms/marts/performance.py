"""Performance of releases by week."""

import ibis
from ibis.expr.types import Table

from warehouse.transforms.core.usage import MICRO, microseconds

KEY = ["tenant_id", "plugin_id", "release_id", "week"]
MEASURES = ("duration_ms_p50", "duration_ms_p95", "cpu_percent_mean", "memory_bytes_mean")
ROUNDED = 1_000_000
"""Percentages are summed as whole millionths, so that no order of addition can change a digit."""


def mart_plugin_performance(stg_registry__usage_events: Table, fct_usage_daily: Table, dim_release: Table) -> Table:
    """One row per tenant, plugin, release and week with events; measures without samples are null."""
    counted = _counts(fct_usage_daily)
    speed = _measures(stg_registry__usage_events)
    same = [counted[name].identical_to(speed[name]) for name in KEY]
    rows = counted.left_join(speed, same).select(*counted.columns, *MEASURES)
    named = rows.left_join(dim_release.select("release_id", "version"), "release_id").drop("release_id_right")
    attempts = named.uses + named.failures
    return named.mutate(error_rate=named.errors.cast("float64") / attempts.nullif(0).cast("float64"))


def _counts(daily: Table) -> Table:
    weekly = daily.mutate(week=daily.day.truncate("W"))
    return weekly.group_by(KEY).agg(uses=weekly.uses.sum(), errors=weekly.errors.sum(), failures=weekly.failures.sum())


def _measures(events: Table) -> Table:
    of_plugins = events.filter(events.plugin_id.notnull())
    weekly = of_plugins.mutate(week=of_plugins.day.truncate("W"))
    timed = ibis.ifelse(weekly.type == "use", microseconds(weekly), ibis.null("int64"))
    cpu = (weekly.cpu_percent * ROUNDED).round().cast("int64")
    return weekly.group_by(KEY).agg(
        duration_ms_p50=timed.quantile(0.5).cast("float64") / MICRO,
        duration_ms_p95=timed.quantile(0.95).cast("float64") / MICRO,
        cpu_percent_mean=cpu.sum().cast("float64") / cpu.count().nullif(0).cast("float64") / ROUNDED,
        memory_bytes_mean=weekly.memory_bytes.sum().cast("float64")
        / weekly.memory_bytes.count().nullif(0).cast("float64"),
    )
