"""Dagster's instance under the state folder, and clearing away runs whose process is gone."""

import os
import shutil
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import dagster as dg

from patchbay.core.settings import Settings

PROCESS = "patchbay/process"
"""Run tag: the process that executes the run itself, as host:pid:start."""
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


def this_process() -> str:
    """This process's mark. The start time is in it because process ids come round again."""
    return f"{socket.gethostname()}:{os.getpid()}:{_started(os.getpid())}"


def fail_dead_runs(instance: dg.DagsterInstance) -> list[str]:
    """Mark runs as failed whose process on this machine is gone, and give their pool slots free; their ids.

    A run killed in its own process has nobody to report it: it would look busy for ever and keep the writer's slot.
    """
    dead = [run for run in instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED])) if _is_dead(run)]
    for run in dead:
        instance.report_run_failed(run, "The process of this run is gone.")
        instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
    return [run.run_id for run in dead]


def _is_dead(run: dg.DagsterRun) -> bool:
    host, _, rest = run.tags.get(PROCESS, "").partition(":")
    if host != socket.gethostname():
        return False
    pid, _, started = rest.partition(":")
    return _started(int(pid)) != started


def _started(pid: int) -> str:
    """Clock ticks since boot at which a process began (field 22 of /proc/pid/stat); empty when there is none."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""
    return stat.rpartition(")")[2].split()[19]
