"""Running a build, the learning or a tick in this process, as the CLI does, on Dagster's real instance: it is all there in the UI."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import TYPE_CHECKING

import dagster as dg

from patchbay.core.clock import utcnow
from patchbay.core.settings import Settings
from pipelines.conditions import CHANGED_ONLY
from pipelines.defs.learn.jobs import learn_job
from pipelines.defs.raw.sensors import days_announced
from pipelines.defs.warehouse.jobs import build_job
from pipelines.defs.warehouse.partitions import range_tags
from pipelines.instance import PROCESS, fail_dead_runs, held_open, open_instance, this_process
from pipelines.resources.insights import InsightsRoom, LearnRecord, Measured, insights_of, insights_resource
from pipelines.resources.registry import RegistryAccess, registry_of, registry_resource
from pipelines.resources.warehouse import warehouse_resource
from warehouse.bookkeeping import Bookkeeping
from warehouse.contracts import TABLES
from warehouse.session import Record, open_session

if TYPE_CHECKING:
    from pipelines.defs.live.ticking import Ticked

STEPS = 2 * len(TABLES) + 2
"""Things a whole build tells its progress of: ingest, each table, each table's checks, the snapshots."""


LESSONS = 8
"""Things a whole run of learning tells its progress of: three models and five sets of insights."""
QUIET = {"loggers": {"console": {"config": {"log_level": "WARNING"}}}}


@dataclass(frozen=True, slots=True)
class LearnSummary:
    """What learning came to. `metrics` stand beside their baselines; `rows` counts the published rows of each kind of insight.

    `anomalies` are those of all series since the history begins, `incidents` what is left when those are one that happened
    together.
    """

    run_id: str
    success: bool
    seconds: float
    metrics: tuple[Measured, ...]
    rows: Mapping[str, int]
    series: int
    anomalies: int
    incidents: int


@dataclass(frozen=True, slots=True)
class BuildSummary:
    """What a build did. `rows` are those all tables hold; `days` those replaced; `snapshots` tenants with a new file."""

    run_id: str
    success: bool
    tables: int
    rows: int
    checks_passed: int
    checks_failed: int
    days: int
    seconds: float
    snapshots: int


def build(
    settings: Settings,
    *,
    registry: RegistryAccess | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> BuildSummary:
    """Build what changed since the last build and publish it, in one run named after the days that have new segments.

    `progress` is told (what, done, of all). A failed check gives success=False and leaves the last publication in place; nothing
    is raised for it. What is wrong with the machine (no registry, no lake, a second writer) is in the run, and success is False.
    """
    started = time.monotonic()
    access = registry or registry_of(settings)
    record = Record()
    with open_instance(settings) as instance:
        fail_dead_runs(instance)
        with held_open(settings):
            result = _execute(settings, access, record, instance, progress)
    return _summary(result, record, time.monotonic() - started)


def learn(
    settings: Settings,
    *,
    registry: InsightsRoom | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> LearnSummary:
    """Fit and compare the models on the built warehouse, and publish what they say.

    `registry` is where to publish and to keep models, by default as the settings say; `progress` is told (what, done, of
    all). What went wrong is in the run, and success is False; sets that were published before it stay published.
    """
    started = time.monotonic()
    room = replace(registry or insights_of(settings), record=LearnRecord(), tell=_Teller(progress, LESSONS))
    with open_instance(settings) as instance:
        fail_dead_runs(instance)
        with held_open(settings):
            result = _execute_learning(settings, room, instance)
    record = room.record
    return LearnSummary(
        run_id=result.run_id,
        success=result.success,
        seconds=round(time.monotonic() - started, 1),
        metrics=tuple(record.measured),
        rows=dict(record.rows),
        series=record.series,
        anomalies=record.anomalies,
        incidents=record.incidents,
    )


def watch(
    settings: Settings,
    acknowledged: str | None = None,
    *,
    now: datetime | None = None,
    registry: InsightsRoom | None = None,
) -> "Ticked":
    """One tick in this process, its changes of episodes on Dagster's instance, for a Patchbay without a daemon.

    `acknowledged` is the id of the tick before, which is sent again otherwise; `now` is for who replays the past. Raises what
    the client raises.
    """
    from pipelines.defs.live.sensors import episode_events
    from pipelines.defs.live.ticking import tick

    ticked = tick(registry or insights_of(settings), now or utcnow(), acknowledged)
    with open_instance(settings) as instance:
        for answer in ticked.answers:
            for event in episode_events(answer):
                instance.report_runless_asset_event(event)
    return ticked


def changed_days(settings: Settings, access: RegistryAccess) -> list[date]:
    """Days that a build would be about: those of segments announced since the last ingest, left stale, or not passed before."""
    with open_session(settings) as session:
        books: Bookkeeping = session.books
        announced, _ = days_announced(access.feeds, books.cursor("segments"), access.feeds.head_seq())
        return sorted({*announced, *books.stale_days(), *books.unpassed_days()})


def _execute(
    settings: Settings,
    access: RegistryAccess,
    record: Record,
    instance: dg.DagsterInstance,
    progress: Callable[[str, int, int], None] | None,
) -> dg.ExecuteInProcessResult:
    from pipelines.definitions import definitions

    tell = _Teller(progress, STEPS)
    defs = definitions(warehouse_resource(settings, record, tell), registry_resource(access))
    days = changed_days(settings, access)
    with this_process(settings) as run_id:
        return defs.resolve_job_def(build_job.name).execute_in_process(
            instance=instance,
            run_id=run_id,
            tags={**range_tags(days), CHANGED_ONLY: "true", PROCESS: run_id},
            run_config=QUIET,
            raise_on_error=False,
        )


def _execute_learning(
    settings: Settings, room: InsightsRoom, instance: dg.DagsterInstance
) -> dg.ExecuteInProcessResult:
    from pipelines.definitions import definitions

    resources = warehouse_resource(settings), registry_resource(), insights_resource(room)
    with this_process(settings) as run_id:
        return (
            definitions(*resources)
            .resolve_job_def(learn_job.name)
            .execute_in_process(
                instance=instance, run_id=run_id, tags={PROCESS: run_id}, run_config=QUIET, raise_on_error=False
            )
        )


class _Teller:
    """Counts what is done."""

    def __init__(self, progress: Callable[[str, int, int], None] | None, steps: int) -> None:
        self._progress = progress
        self._steps = steps
        self._done = 0

    def __call__(self, what: str) -> None:
        self._done += 1
        if self._progress:
            self._progress(what, self._done, self._steps)


def _summary(result: dg.ExecuteInProcessResult, record: Record, seconds: float) -> BuildSummary:
    return BuildSummary(
        run_id=result.run_id,
        success=result.success,
        tables=len(record.built),
        rows=sum(built.rows for built in record.built),
        checks_passed=sum(verdict.passed for verdict in record.verdicts),
        checks_failed=sum(not verdict.passed for verdict in record.verdicts),
        days=len({day for built in record.built for day in built.days}),
        seconds=round(seconds, 1),
        snapshots=len(record.published.written) if record.published else 0,
    )
