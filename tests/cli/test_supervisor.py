"""The supervisor, with real processes."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from patchbay.cli.children import Child, Program
from patchbay.cli.errors import CommandError
from patchbay.cli.supervisor import Ending, Supervisor
from tests.cli.support import eventually, gone

Make = Callable[..., Program]
STANDALONE = """
import os, sys
from pathlib import Path
from patchbay.cli.children import Program
from patchbay.cli.supervisor import Supervisor
port, home = int(sys.argv[1]), Path(sys.argv[2])
program = Program("server", tuple(sys.argv[3:]), "a server", f"http://127.0.0.1:{port}/", ("127.0.0.1", port))
with Supervisor(home, dict(os.environ), print) as supervisor:
    supervisor.start([program])
    print("ready", flush=True)
    supervisor.run()
"""


def supervisor_of(home: Path, said: list[str]) -> Supervisor:
    return Supervisor(home, dict(os.environ), said.append)


def pid_in(folder: Path, name: str) -> int:
    return int((folder / f"{name}.pid").read_text())


def test_a_started_program_serves_and_its_output_is_in_its_log(tmp_path: Path, server: Make) -> None:
    program = server()
    with supervisor_of(tmp_path, []) as supervisor:
        supervisor.start([program])
        assert program.answers()
        assert "serving" in (tmp_path / "logs" / "server.log").read_text()
    assert not program.answers(timeout=0.5)


def test_a_busy_port_is_refused_with_the_setting_that_moves_it(tmp_path: Path, server: Make) -> None:
    with supervisor_of(tmp_path, []) as supervisor:
        supervisor.start([server()])
        with pytest.raises(CommandError, match=r"port \d+ for a server cannot be used .*PATCHBAY_API_PORT"):
            supervisor.start([server(name="api")])


def test_a_program_that_ends_before_it_serves_is_told_with_the_end_of_its_log(tmp_path: Path, server: Make) -> None:
    broken = Program(
        "broken", (sys.executable, "-c", "print('no such table'); raise SystemExit(3)"), ready="http://127.0.0.1:9/"
    )
    with (
        supervisor_of(tmp_path, []) as supervisor,
        pytest.raises(CommandError, match=r"broken ended with 3 before it served(.|\n)*no such table"),
    ):
        supervisor.start([broken])


def test_a_program_that_never_serves_is_given_up_on(tmp_path: Path) -> None:
    silent = Program("silent", ("sleep", "60"), ready="http://127.0.0.1:9/")
    with supervisor_of(tmp_path, []) as supervisor, pytest.raises(CommandError, match="silent did not serve in time"):
        supervisor.start([silent], within=0.5)


def test_a_killed_program_is_started_again_and_that_is_said(tmp_path: Path, server: Make) -> None:
    said: list[str] = []
    program = server()
    with supervisor_of(tmp_path, said) as supervisor:
        supervisor.start([program])
        first = pid_in(tmp_path, str(program.port[1]))
        os.kill(first, signal.SIGKILL)
        assert eventually(lambda: bool(supervisor.mend()))
        assert eventually(lambda: supervisor.mend() == [] and program.answers(timeout=0.2))
        assert pid_in(tmp_path, str(program.port[1])) != first
    assert "server ended with -9" in said[0]


def test_the_delay_before_a_restart_doubles_up_to_a_bound_and_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = SimpleNamespace(now=1000.0, monotonic=lambda: clock.now, sleep=time.sleep)
    for module in ("supervisor", "children"):
        monkeypatch.setattr(f"patchbay.cli.{module}.time", clock)
    delays: list[float] = []
    with supervisor_of(tmp_path, []) as supervisor:
        supervisor.start([Program("crashing", ("sleep", "600"))])
        for _ in range(7):
            os.kill(json.loads((tmp_path / "run" / "pids.json").read_text())["crashing"], signal.SIGKILL)
            ended: list[Ending] = []
            assert eventually(lambda ended=ended: bool(ended.extend(supervisor.mend())) or bool(ended))
            clock.now += ended[0].delay - 0.01
            assert supervisor.mend() == [] and ended[0].child.exit_code is not None, "it is too early"
            clock.now += 0.02
            assert supervisor.mend() == [] and ended[0].child.exit_code is None
            delays.append(ended[0].delay)
        clock.now += 61
        os.kill(ended[0].child.pid, signal.SIGKILL)
        assert eventually(lambda: [ending.delay for ending in supervisor.mend()] == [0]), "it had run steadily"
    assert delays == [1, 2, 4, 8, 16, 30, 30]


def test_a_signal_during_a_launch_leaves_no_child_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[int] = []
    start = Child.start

    def interrupted(child: Child) -> None:
        start(child)
        begun.append(child.pid)
        if len(begun) == 2:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(Child, "start", interrupted)
    programs = [Program(f"sleeper-{n}", ("sleep", "600")) for n in range(3)]
    with pytest.raises(KeyboardInterrupt), supervisor_of(tmp_path, []) as supervisor:
        supervisor.start(programs)
    assert len(begun) == 2 and all(gone(pid) for pid in begun)


def test_a_proxy_in_the_environment_is_not_asked_whether_a_program_serves(
    tmp_path: Path, server: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("urllib.request._opener", None)  # one made before would not know of the proxy
    with supervisor_of(tmp_path, []) as supervisor:
        supervisor.start([server()], within=10)


def test_a_program_that_ignores_term_and_its_child_are_gone_within_ten_seconds(tmp_path: Path, server: Make) -> None:
    program = server("stubborn", "with-child")
    with supervisor_of(tmp_path, []) as supervisor:
        supervisor.start([program])
        pids = [pid_in(tmp_path, str(program.port[1])), pid_in(tmp_path, "child")]
        started = time.monotonic()
    assert time.monotonic() - started < 10
    assert all(gone(pid, 1) for pid in pids)


def test_a_second_supervisor_of_the_same_state_is_refused(tmp_path: Path) -> None:
    with (
        supervisor_of(tmp_path, []),
        pytest.raises(CommandError, match="already runs"),
        supervisor_of(tmp_path, []),
    ):
        pass


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_when_the_supervisor_is_stopped_or_killed_nothing_is_left_running(
    tmp_path: Path, server: Make, processes: list["subprocess.Popen[str]"], number: signal.Signals
) -> None:
    program = server("with-child")
    command = [sys.executable, "-c", STANDALONE, str(program.port[1]), str(tmp_path), *program.command]
    supervisor = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    processes.append(supervisor)
    assert supervisor.stdout is not None
    assert supervisor.stdout.readline() == "ready\n"
    pids = [pid_in(tmp_path, str(program.port[1])), pid_in(tmp_path, "child")]
    supervisor.send_signal(number)
    supervisor.wait(timeout=12)
    assert all(gone(pid) for pid in pids)
