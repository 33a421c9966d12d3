"""Days: the only partitions there are."""

from collections.abc import Iterable
from datetime import date

import dagster as dg

SINCE = date(2020, 1, 1)
"""The first partition. It also stands for all days before it, so that old usage is never left out."""

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


def requested_days(context: dg.AssetExecutionContext) -> list[date]:
    """The days a run asks for by its partition or range; none when it has neither."""
    if not context.has_partition_key and not context.has_partition_key_range:
        return []
    return [date.fromisoformat(key) for key in context.partition_keys]
