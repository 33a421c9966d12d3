"""What the registry wants of processes, done by the supervisor to real ones."""

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest

from patchbay.cli import processes
from patchbay.cli.children import Program
from patchbay.cli.context import child_environment
from patchbay.cli.fleet import Fleet, registry
from patchbay.cli.supervisor import Supervisor
from patchbay.core.client import Client
from patchbay.core.settings import Settings
from tests.cli.support import eventually, listeners
from tests.loop.support import free_port

SLEEPER = Program("sleeper", (sys.executable, "-c", "import time; time.sleep(300)"), max_replicas=3)


class Wish:
    """A registry that wants what it was told to want, and remembers what it heard."""

    def __init__(self) -> None:
        self.wanted: dict[str, dict[str, int]] = {}
        self.heard: list[dict[str, Any]] = []

    def __call__(self, reports: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, int]]:
        self.heard = [dict(one) for one in reports]
        return self.wanted


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    with Supervisor(tmp_path, dict(os.environ), lambda _: None) as made:
        made.start([SLEEPER])
        yield made


def beat(supervisor: Supervisor, wish: Wish) -> dict[str, Any]:
    """One report, what is wanted done, and another report."""
    for _ in range(2):
        Fleet(supervisor, wish).beat()
    [seen] = wish.heard
    return seen


def pids(supervisor: Supervisor) -> list[int]:
    return [child.pid for child in supervisor.alive("sleeper")]


def test_replicas_come_and_go_as_wanted_within_the_programs_most(supervisor: Supervisor) -> None:
    wish, first = Wish(), pids(supervisor)
    for replicas, expected in ((3, 3), (9, 3), (1, 1), (0, 1)):
        wish.wanted = {"sleeper": {"replicas": replicas, "generation": 1}}
        assert beat(supervisor, wish)["replicas"] == expected
    assert pids(supervisor) == first
    assert wish.heard[0] | {"generation": 1, "max_replicas": 3, "healthy": True} == wish.heard[0]


def test_a_restart_happens_once_per_generation_and_is_counted_on_disk(supervisor: Supervisor, tmp_path: Path) -> None:
    wish, before = Wish(), pids(supervisor)
    wish.wanted = {"sleeper": {"replicas": 1, "generation": 2}}
    assert beat(supervisor, wish)["generation"] == 2
    after = pids(supervisor)
    assert len(after) == 1 and after != before
    beat(supervisor, wish)
    assert pids(supervisor) == after
    assert (tmp_path / "run" / "generations.json").read_text() == '{"sleeper": 2}'


def test_a_process_that_died_comes_back_with_a_higher_generation(supervisor: Supervisor) -> None:
    os.kill(pids(supervisor)[0], 9)
    assert eventually(lambda: supervisor.mend() or not pids(supervisor))
    assert eventually(lambda: (supervisor.mend(), len(pids(supervisor)) == 1)[1])
    wish = Wish()
    assert beat(supervisor, wish)["generation"] == 2


def test_what_nobody_runs_is_left_alone(supervisor: Supervisor) -> None:
    wish = Wish()
    wish.wanted = {"other": {"replicas": 5, "generation": 9}}
    assert beat(supervisor, wish)["replicas"] == 1


@pytest.mark.slow
def test_two_registries_share_a_port_and_one_answers_when_the_other_is_killed(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, api_port=free_port(), log_level="WARNING")
    with Supervisor(tmp_path, child_environment(settings), lambda _: None) as supervisor:
        supervisor.start([processes.api(settings)])
        fleet = Fleet(supervisor, registry(settings))
        fleet.beat()
        token = settings.secret_file("admin.token").read_text().strip()
        with Client(settings.api_url, token) as admin:
            [seen] = admin.processes()
            assert (seen["name"], seen["replicas"], seen["healthy"]) == ("api", 1, True)
        supervisor.scale(processes.api(settings), 2)
        assert eventually(lambda: listeners(settings.api_port) == 2, within=60.0)
        os.kill(supervisor.alive("api")[0].pid, 9)
        assert eventually(lambda: len(supervisor.alive("api")) == 1)
        assert eventually(lambda: httpx.get(f"{settings.api_url}/readyz", trust_env=False).status_code == 200)
