"""Builds are killed at random moments while the dashboards go on answering; the next build mends everything."""

import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import polars as pl
import pytest

from tests.loop.support import Patchbay
from warehouse.read import SnapshotReader

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("loop")]

BUILD = "from patchbay.core.settings import Settings; from pipelines.run import build; raise SystemExit(not build(Settings()).success)"
SMALL = ("--plugins", "40", "--tenants", "4", "--days", "20")
TABLES = ("fct_usage_daily", "mart_adoption", "mart_retention", "fct_installation_interval", "mart_data_quality")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Patchbay]:
    """A small world, built and published once, with API and dashboards serving."""
    patchbay = Patchbay(tmp_path / "home")
    patchbay.command("demo", "--no-serve", *SMALL)
    with patchbay.serving("api", "dashboards"):
        yield patchbay


@pytest.mark.parametrize("kills", [pytest.param(2, id="short"), pytest.param(20, id="full", marks=pytest.mark.soak)])
def test_killed_builds_lose_nothing_and_the_dashboards_serve_throughout(world: Patchbay, kills: int) -> None:
    expected = published(world)
    chance = random.Random(kills)
    with watched(world) as answers:
        for _ in range(kills):
            remove_warehouse(world)
            kill_a_build(world, chance.uniform(2, 14))
            assert published(world).keys() == expected.keys()
        done = subprocess.run([sys.executable, "-c", BUILD], env=world.environment, timeout=200, check=False)
    assert done.returncode == 0
    assert len(answers) > kills
    assert set(answers) == {200}
    for name, rows in expected.items():
        assert published(world)[name].equals(rows), name


def remove_warehouse(world: Patchbay) -> None:
    """Make every build a whole one, so that there is something to interrupt."""
    for path in (world.home / "warehouse").glob("warehouse.duckdb*"):
        path.unlink()


def kill_a_build(world: Patchbay, after: float) -> None:
    """Start a build and kill it, should it still run by then."""
    process = world.spawn("-c", BUILD)
    try:
        process.wait(after)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.wait(10)


def published(world: Patchbay) -> dict[str, pl.DataFrame]:
    """The operator's tables as published now, in one order."""
    with world.client() as client:
        tenant = client.get("/v1/me")["tenant"]["id"]
    snapshot = SnapshotReader(world.settings).open(tenant)
    return {name: snapshot.query(f"SELECT * FROM {name} ORDER BY ALL") for name in TABLES}


@contextmanager
def watched(world: Patchbay) -> Iterator[list[int]]:
    """Ask the dashboards for an export of published data twice a second, as a logged-in person, and keep the answers' status."""
    answers: list[int] = []
    stop = threading.Event()
    browser = httpx.Client(base_url=world.dashboards_url, timeout=30)
    form = {"email": "admin@patchbay.local", "password": world.password, "next": "/"}
    origin = {"Origin": world.dashboards_url}
    assert browser.post("/login", data=form, headers=origin).status_code == 303

    def ask() -> None:
        while not stop.is_set():
            answers.append(browser.get(EXPORT).status_code)
            time.sleep(0.5)

    thread = threading.Thread(target=ask)
    thread.start()
    yield answers
    stop.set()
    thread.join(30)
    browser.close()


EXPORT = "/export/overview-uses.csv?at=/"
