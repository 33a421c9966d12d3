"""Kill -9 at any moment of a build while usage keeps coming: the warehouse ends like that of an undisturbed twin, row by row.

The short form, with the API and the dashboards running, is `tests/loop/test_build_killed.py`.
"""

import os
import pickle
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from pipelines.instance import open_instance
from tests.pipelines.conftest import World
from tests.warehouse.sample import ACME, add_usage
from tests.warehouse.tables import contents
from warehouse.read import SnapshotReader
from warehouse.session import open_session

CHILD = """
import pickle, sys
from pathlib import Path
from patchbay.core.settings import Settings
from pipelines.resources.registry import RegistryOf
from pipelines.run import build
home = Path(sys.argv[1])
registry = pickle.loads((home / "registry.pickle").read_bytes())
print("started", flush=True)
summary = build(Settings(home=home), registry=RegistryOf(registry, registry.storage), progress=lambda *step: print(*step, flush=True))
sys.exit(0 if summary.success else 1)
"""


def start(world: World) -> "subprocess.Popen[str]":
    (world.settings.home / "registry.pickle").write_bytes(pickle.dumps(world.registry))
    environment = {**os.environ, "PYTHONPATH": str(Path.cwd())}
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, str(world.settings.home)],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment,
    )  # fmt: skip


def kill_after(world: World, steps: int, pause: float) -> None:
    """Start a build and kill it a moment after so many of its steps."""
    child = start(world)
    assert child.stdout
    for _ in range(steps + 1):
        child.stdout.readline()
    time.sleep(pause)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    child.stdout.close()


def everything(world: World) -> dict[str, list[tuple[Any, ...]]]:
    with open_session(world.settings) as session:
        return contents(session.engine)


def campaign(world: World, other: World, kills: int, seed: int) -> None:
    """Kill a build `kills` times, each time with new usage waiting; an undisturbed twin must end with the same rows."""
    draw = random.Random(seed)
    reader = SnapshotReader(world.settings)
    before = reader.open(ACME).snapshot_id
    for number in range(kills):
        add_usage(world.registry, 3 + number, 2)
        kill_after(world, draw.randrange(60), draw.random() / 5)
        assert reader.open(ACME).query("SELECT count(*) AS n FROM fct_usage_daily")["n"][0] > 0
    assert start(world).wait() == 0
    other.registry.rows = world.registry.rows
    other.registry.seq = world.registry.seq
    other.registry.storage = world.registry.storage
    assert other.build().success
    assert everything(world) == everything(other)
    assert reader.open(ACME).snapshot_id != before
    with open_instance(world.settings) as instance:
        assert not instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED]))


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_a_build_killed_twenty_times_ends_as_if_nothing_had_happened(world: World, tmp_path: Path) -> None:
    campaign(world.copied_to(tmp_path / "killed"), world.copied_to(tmp_path / "twin"), kills=20, seed=11)
