"""Days: the only partitions there are."""

from collections.abc import Collection, Iterable
from datetime import date

import dagster as dg

from warehouse.contracts import RAW_TABLES, TABLES

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


def range_tags(days: Iterable[date]) -> dict[str, str]:
    """Run tags for the smallest range of partitions that holds the days; none for no days."""
    keys = sorted(partition_of(day) for day in days)
    return {RANGE_START: keys[0], RANGE_END: keys[-1]} if keys else {}


def selection_for(days: Collection[date]) -> list[dg.AssetKey] | None:
    """What a run for the days selects: everything (None); without days, what is not partitioned."""
    if days:
        return None
    whole = (name for name, contract in TABLES.items() if not contract.partitioned)
    return [dg.AssetKey(name) for name in (*RAW_TABLES, *whole, SNAPSHOTS)]


def requested_days(context: dg.AssetExecutionContext) -> list[date]:
    """The days a run asks for by its partition or range; none when it has neither."""
    if not context.has_partition_key and not context.has_partition_key_range:
        return []
    return [date.fromisoformat(key) for key in context.partition_keys]
