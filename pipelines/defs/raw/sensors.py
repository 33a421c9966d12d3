"""New usage in the registry starts a build of the days it is about."""

from collections.abc import Iterator
from datetime import date

import dagster as dg
import pyarrow as pa

from patchbay.core.settings import Settings
from pipelines.conditions import CHANGED_ONLY, SENSOR_SECONDS
from pipelines.defs.warehouse.jobs import build_job
from pipelines.defs.warehouse.partitions import range_tags
from pipelines.resources.registry import Registry
from warehouse.feeds import FeedSource
from warehouse.raw import read_pages
from warehouse.snapshots import FOLDER, pointer_file, read_pointer


@dg.sensor(
    job=build_job, minimum_interval_seconds=SENSOR_SECONDS, default_status=dg.DefaultSensorStatus.RUNNING
)
def new_segments(context: dg.SensorEvaluationContext, registry: Registry) -> dg.SensorResult | dg.SkipReason:
    """One run for all segments announced since the last look or the last publication, whichever is newer.

    The run key is the newest of them, so a tick that is repeated after a crash starts nothing twice.
    """
    after = max(int(context.cursor or 0), published_head(Settings()))
    head = registry.feeds.head_seq()
    days, newest = days_announced(registry.feeds, after, head)
    if newest == after:
        return dg.SkipReason(f"no segments after {after}")
    request = dg.RunRequest(run_key=f"segments-{newest}", tags={**range_tags(days), CHANGED_ONLY: "true"})
    return dg.SensorResult(run_requests=[request], cursor=str(newest))


def days_announced(feeds: FeedSource, after: int, head: int) -> tuple[set[date], int]:
    """First and last days of each usage segment announced after a position, and the newest position; (none, after) when none."""
    days: set[date] = set()
    for page in read_pages(feeds, "segments", after, head):
        days |= set(_days(page))
        after = page["seq"][-1].as_py()
    return days, after


def published_head(settings: Settings) -> int:
    """The feed position that the current publication stands at; 0 before the first."""
    try:
        return read_pointer(pointer_file(settings.root / FOLDER)).head_seq
    except FileNotFoundError:
        return 0


def _days(page: pa.Table) -> Iterator[date]:
    for row in page.select(["stream", "min_at", "max_at"]).to_pylist():
        if row["stream"] == "usage":
            yield from (row["min_at"].date(), row["max_at"].date())


