"""Dagster's instance under the state folder, and clearing away runs whose process is gone."""

import fcntl
import os
import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import dagster as dg

from patchbay.core.ids import new_id
from patchbay.core.settings import Settings

PROCESS = "patchbay/process"
"""Run tag of runs executed in a process of their own, which holds `<home>/dagster/processes/<run id>` locked. The value is the run's
id: a run started again from the UI inherits the tag, and is the daemon's."""
_AT_WORK = (dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING)
_ONE_PLANNED_EVENT = "DAGSTER_EMIT_PARTITION_SUBSET_IN_PLANNED_EVENTS"
"""Dagster's switch: say once per asset which days a run means to build. Without it a range of 90 days writes 90 rows for each of
43 assets before the first step, partitioned or not: a minute on SQLite."""
_CONFIG = Path(__file__).resolve().parent.parent / "dagster.yaml"


def open_instance(settings: Settings) -> dg.DagsterInstance:
    """The instance of `<home>/dagster`, made on first use from the repository's dagster.yaml."""
    home = settings.root / "dagster"
    home.mkdir(parents=True, exist_ok=True)
    if not (home / "dagster.yaml").exists():
        shutil.copyfile(_CONFIG, home / "dagster.yaml")
    os.environ.setdefault(_ONE_PLANNED_EVENT, "true")
    return dg.DagsterInstance.from_config(str(home))


@contextmanager
def held_open(settings: Settings) -> Iterator[None]:
    """Keep a connection to Dagster's SQLite files for as long as the block runs.

    Dagster opens and closes them for every event, and SQLite folds its log into the file whenever the last connection closes:
    with one held open a build's thousand events take a third of the time.
    """
    with ExitStack() as stack:
        for path in (settings.root / "dagster" / "history").rglob("*.db"):
            if path.name in ("index.db", "runs.db"):
                connection = stack.enter_context(closing(sqlite3.connect(path)))
                connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        yield


@contextmanager
def this_process(settings: Settings) -> Iterator[str]:
    """The id for a run that this process executes; for as long as the block runs others can see that the process lives.

    The lock is the operating system's: it goes with the process however that ends, and can be asked for from another
    container or after a restart, where host names and process ids mean nothing.
    """
    path = _mark(settings.root / "dagster", str(new_id()))
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        try:
            yield path.name
        finally:
            path.unlink()


def fail_dead_runs(instance: dg.DagsterInstance) -> list[str]:
    """Mark runs as failed that were executed in a process of their own which is gone, and give their pool slots free; their ids.

    A run killed in its own process has nobody to report it: it would look busy for ever and keep the writer's slot.
    """
    runs = _runs(instance, (dg.DagsterRunStatus.NOT_STARTED, *_AT_WORK))
    return _fail(instance, [run for run in runs if _is_own(run) and not _lives(instance, run)])


def fail_abandoned_runs(settings: Settings) -> list[str]:
    """Mark as failed every run at work but those of a living process of their own; their ids, none before the first run.

    For the moment before the daemon starts, when no run that it started can be alive: the daemon itself cannot tell.
    """
    if not (settings.root / "dagster" / "history" / "runs.db").exists():
        return []
    with open_instance(settings) as instance:
        started = [run for run in _runs(instance, _AT_WORK) if not _is_own(run)]
        return fail_dead_runs(instance) + _fail(instance, started)


def _runs(instance: dg.DagsterInstance, statuses: Sequence[dg.DagsterRunStatus]) -> Sequence[dg.DagsterRun]:
    return instance.get_runs(dg.RunsFilter(statuses=list(statuses)))


def _fail(instance: dg.DagsterInstance, runs: Sequence[dg.DagsterRun]) -> list[str]:
    for run in runs:
        instance.report_run_failed(run, "The process of this run is gone.")
        instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
    return [run.run_id for run in runs]


def _is_own(run: dg.DagsterRun) -> bool:
    return run.tags.get(PROCESS) == run.run_id


def _lives(instance: dg.DagsterInstance, run: dg.DagsterRun) -> bool:
    """Whether the process that executes the run itself still holds its mark."""
    try:
        with _mark(Path(instance.root_directory), run.run_id).open() as mark:
            fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def _mark(home: Path, name: str) -> Path:
    return home / "processes" / name


if __name__ == "__main__":
    fail_abandoned_runs(Settings())
