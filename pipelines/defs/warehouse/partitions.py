"""Days: the only partitions there are."""

from collections.abc import Collection
from datetime import date

import dagster as dg

from patchbay.core.clock import day_of, utcnow

SNAPSHOTS = "snapshots"
"""The asset that ends every build."""

SINCE = date(2020, 1, 1)
"""The first partition. A run for an earlier day is named after it; the day itself is built as a stale day, so old usage is never left
out. Only a backfill by hand cannot ask for one."""

USAGE_DAYS = dg.DailyPartitionsDefinition(start_date=SINCE.isoformat(), end_offset=2)
"""UTC days up to tomorrow: today's events count today, and a sender's clock may be minutes ahead over midnight."""

RANGE_START = "dagster/asset_partition_range_start"
RANGE_END = "dagster/asset_partition_range_end"


def partition_of(day: date) -> str:
    """The partition a day belongs to."""
    return max(day, SINCE).isoformat()


def range_tags(days: Collection[date]) -> dict[str, str]:
    """Run tags for the smallest range of partitions that holds the days; for today when there are none.

    A run without days has the daily tables too, for usage that arrives between choosing the days and taking them in: what
    is stale is built whatever the range. Dagster only wants the run named after some partition.
    """
    keys = sorted(partition_of(day) for day in days or [day_of(utcnow())])
    return {RANGE_START: keys[0], RANGE_END: keys[-1]}


def requested_days(context: dg.AssetExecutionContext) -> list[date]:
    """The days a run asks for by its partition or range; none when it has neither."""
    if not context.has_partition_key and not context.has_partition_key_range:
        return []
    return [date.fromisoformat(key) for key in context.partition_keys]
