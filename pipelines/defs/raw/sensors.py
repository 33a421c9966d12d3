"""New usage in the registry starts a build of the days it is about."""

import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date

import dagster as dg
import pyarrow as pa

from patchbay.core.settings import Settings
from pipelines.conditions import CHANGED_ONLY, SENSOR_RETRY_SECONDS, SENSOR_SECONDS
from pipelines.defs.warehouse.jobs import build_job
from pipelines.defs.warehouse.partitions import range_tags
from pipelines.instance import fail_dead_runs
from pipelines.resources.registry import Registry
from warehouse.feeds import FeedSource
from warehouse.raw import read_pages
from warehouse.session import warehouse_file
from warehouse.snapshots import FOLDER, pointer_file, read_pointer

_UNDER_WAY = (
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
)


@dataclass(frozen=True, slots=True)
class Asked:
    """The sensor's cursor: the newest segment a run was asked for, how often before that for the same one, and when (epoch seconds)."""

    newest: int = 0
    retries: int = 0
    at: float = 0

    @classmethod
    def read(cls, cursor: str | None) -> "Asked":
        """The cursor, before the first look too."""
        return cls(**json.loads(cursor)) if cursor else cls()

    def again(self, newest: int, now: float) -> "Asked":
        """What to ask for now."""
        return Asked(newest, self.retries + 1 if newest == self.newest else 0, now)

    def wait(self, newest: int, now: float) -> float:
        """Seconds to leave the same segments alone after runs that published nothing, twice as long each time."""
        first, longest = SENSOR_RETRY_SECONDS
        return self.at + min(longest, first * 2**self.retries) - now if newest == self.newest else 0


@dg.sensor(job=build_job, minimum_interval_seconds=SENSOR_SECONDS, default_status=dg.DefaultSensorStatus.RUNNING)
def new_segments(context: dg.SensorEvaluationContext, registry: Registry) -> dg.SensorResult | dg.SkipReason:
    """One run for all segments announced since the last publication, unless a build is under way; tried again when it failed.

    The run key is the newest of them and the number of the try, so a tick that is repeated after a crash starts nothing twice.
    """
    fail_dead_runs(context.instance)
    head, asked, now = registry.feeds.head_seq(), Asked.read(context.cursor), time.time()
    after = published_head(Settings(), head)
    days, newest = days_announced(registry.feeds, after, head)
    if newest == after:
        return dg.SkipReason(f"no segments after {after}")
    if context.instance.get_runs(dg.RunsFilter(job_name=build_job.name, statuses=list(_UNDER_WAY)), limit=1):
        return dg.SkipReason("a build is under way")
    if (wait := asked.wait(newest, now)) > 0:
        return dg.SkipReason(f"the last build for these segments published nothing; the next try is in {wait:.0f} s")
    asked = asked.again(newest, now)
    tags = {**range_tags(days), CHANGED_ONLY: "true"}
    request = dg.RunRequest(run_key=f"segments-{newest}-{asked.retries}", tags=tags)
    return dg.SensorResult(run_requests=[request], cursor=json.dumps(asdict(asked)))


def days_announced(feeds: FeedSource, after: int, head: int) -> tuple[set[date], int]:
    """First and last days of each usage segment announced after a position, and the newest position; (none, after) when none."""
    days: set[date] = set()
    for page in read_pages(feeds, "segments", after, head):
        days |= set(_days(page))
        after = page["seq"][-1].as_py()
    return days, after


def published_head(settings: Settings, head: int) -> int:
    """The feed position that the current publication stands at; 0 when all is to be built.

    That is so before the first publication, and when the publication outlived what it was made from: the warehouse was
    removed, or the registry was restored and stands, at `head`, before it.
    """
    try:
        published = read_pointer(pointer_file(settings.root / FOLDER)).head_seq
    except FileNotFoundError:
        return 0
    return published if warehouse_file(settings).is_file() and published <= head else 0


def _days(page: pa.Table) -> Iterator[date]:
    for row in page.select(["stream", "min_at", "max_at"]).to_pylist():
        if row["stream"] == "usage":
            yield from (row["min_at"].date(), row["max_at"].date())
