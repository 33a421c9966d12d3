"""Builds are killed at random moments while the dashboards go on answering; the next build mends everything."""

import random
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import polars as pl
import pytest

from tests.loop.support import Patchbay
from warehouse.read import SnapshotReader

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900), pytest.mark.xdist_group("loop")]

BUILD = """
from patchbay.core.settings import Settings
from pipelines.run import build
raise SystemExit(not build(Settings(), progress=lambda *step: print(*step, flush=True)).success)
"""
STEPS = 55
"""Steps of a build that a kill may wait for; a few fewer than there are."""
DOWN = 0
"""Stands for no answer at all."""
SMALL = ("--plugins", "40", "--tenants", "4", "--days", "20")
TABLES = ("fct_usage_daily", "mart_adoption", "mart_retention", "fct_installation_interval", "mart_data_quality")


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Patchbay, str]:
    """A small world, built and published once, with what the demo printed."""
    patchbay = Patchbay(tmp_path_factory.mktemp("world") / "home")
    return patchbay, patchbay.command("demo", "--no-serve", *SMALL)


@pytest.fixture(scope="module")
def world(demo: tuple[Patchbay, str]) -> Iterator[Patchbay]:
    """The small world, with API and dashboards serving, and its last minutes, which the demo sends at the end, built."""
    patchbay, _ = demo
    with patchbay.serving("api", "dashboards"):
        subprocess.run([sys.executable, "-c", BUILD], env=patchbay.environment, timeout=500, check=True)
        yield patchbay


def test_the_demos_summary_tells_what_was_found_of_what_was_planted_and_what_the_rules_did(
    demo: tuple[Patchbay, str],
) -> None:
    rows = {cells[0]: cells[1:] for line in demo[1].splitlines() if len(cells := re.split(r"\s{2,}", line.strip())) > 2}
    planted, found = map(int, rows["bad release"])
    assert planted == 2, "one of the past, one of the last minutes"
    assert 1 <= found <= planted
    assert int(rows["surge"][1]) >= 1
    assert rows["Block a release that fails"] == ["1", "1", "0"]
    assert rows["Scale the registry on a usage surge"][1:] == ["1", "0"]
    assert {"recommender popularity", "forecast (seasonal naive)"} & {name.removesuffix(" (served)") for name in rows}


@pytest.mark.parametrize("kills", [pytest.param(2, id="short"), pytest.param(20, id="full", marks=pytest.mark.soak)])
def test_killed_builds_lose_nothing_and_the_dashboards_serve_throughout(world: Patchbay, kills: int) -> None:
    expected = published(world)
    chance = random.Random(kills)
    with watched(world) as answers:
        for _ in range(kills):
            remove_warehouse(world)
            kill_a_build(world, chance.randrange(1, STEPS), chance.uniform(0, 0.3))
            assert_equal(published(world), expected)
        done = subprocess.run([sys.executable, "-c", BUILD], env=world.environment, timeout=500, check=False)
    assert done.returncode == 0
    assert len(answers) > kills
    assert set(answers) == {200}
    assert_equal(published(world), expected)


def assert_equal(found: dict[str, pl.DataFrame], expected: dict[str, pl.DataFrame]) -> None:
    """The same rows in each table."""
    for name, rows in expected.items():
        assert found[name].equals(rows), name


def remove_warehouse(world: Patchbay) -> None:
    """Make every build a whole one, so that there is something to interrupt."""
    for path in (world.home / "warehouse").glob("warehouse.duckdb*"):
        path.unlink()


def kill_a_build(world: Patchbay, steps: int, pause: float) -> None:
    """Start a build and kill it a moment after so many of its steps; fails when it had ended by itself."""
    process = subprocess.Popen([sys.executable, "-c", BUILD], env=world.environment, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    with process.stdout as told:
        for _ in range(steps):
            told.readline()
        time.sleep(pause)
        process.send_signal(signal.SIGKILL)
        assert process.wait(10) == -signal.SIGKILL, "the build was over before it could be killed"


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
            try:
                answers.append(browser.get(EXPORT).status_code)
            except httpx.HTTPError:
                answers.append(DOWN)
            time.sleep(0.5)

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield answers
    finally:
        stop.set()
        thread.join(60)
        browser.close()


EXPORT = "/export/overview-uses.csv?at=/"
