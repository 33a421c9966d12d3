"""The set-up's steps: what is done once, what is done again, and what an interruption leaves."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from scripts import steps
from scripts.setup import Setup
from scripts.steps import SetupError


@pytest.fixture
def checkout(tmp_path: Path) -> Setup:
    (tmp_path / "requirements.lock").write_text("uv==1.0 \\\n    --hash=sha256:00\n")
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    return Setup(root=tmp_path)


@pytest.fixture
def done(checkout: Setup, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The steps that were really carried out, in order."""
    carried_out: list[str] = []
    for step in (
        "make_environment",
        "install_uv",
        "install_lock",
        "install_project",
        "install_redis",
        "install_browser",
        "install_issuer",
    ):
        monkeypatch.setattr(Setup, f"_{step}", lambda _self, step=step: carried_out.append(step))
    return carried_out


def test_a_second_call_does_nothing(checkout: Setup, done: list[str]) -> None:
    checkout.prepare(with_browser=False)
    assert done == ["make_environment", "install_uv", "install_lock", "install_project"]
    done.clear()
    checkout.prepare(with_browser=False)
    assert done == []


def test_a_changed_lock_installs_packages_and_project_again(checkout: Setup, done: list[str]) -> None:
    checkout.prepare(with_browser=False)
    done.clear()
    lock = checkout.root / "requirements.lock"
    lock.write_text(lock.read_text() + "alpha==2.0 \\\n    --hash=sha256:11\n")
    checkout.prepare(with_browser=False)
    assert done == ["install_lock", "install_project"]


def test_a_changed_project_file_installs_only_the_project_again(checkout: Setup, done: list[str]) -> None:
    checkout.prepare(with_browser=False)
    done.clear()
    (checkout.root / "pyproject.toml").write_text("[project]\nname = 'other'\n")
    checkout.prepare(with_browser=False)
    assert done == ["install_project"]


def test_set_up_goes_on_where_it_was_interrupted(
    checkout: Setup, done: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Setup._install_lock

    def interrupted(_self: Setup) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Setup, "_install_lock", interrupted)
    with pytest.raises(KeyboardInterrupt):
        checkout.prepare(with_browser=False)
    monkeypatch.setattr(Setup, "_install_lock", whole)
    done.clear()
    checkout.prepare(with_browser=False)
    assert done == ["install_lock", "install_project"]


def test_only_the_tests_ask_for_a_browser_a_redis_and_an_issuer(
    checkout: Setup, done: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scripts.browsers.find", lambda: None)
    lock = checkout.root / "tests/registry_api/identity/oidc/package-lock.json"
    lock.parent.mkdir(parents=True)
    lock.write_text("{}")
    checkout.prepare(with_browser=False)
    assert not {"install_browser", "install_redis", "install_issuer"} & set(done)
    for _ in range(2):
        checkout.prepare(with_browser=True)
    assert {"install_browser", "install_redis"} <= set(done) and done.count("install_issuer") == 1


def test_a_failing_command_shows_the_end_of_its_output_and_where_the_rest_is(tmp_path: Path) -> None:
    log = tmp_path / "setup.log"
    command = [sys.executable, "-c", "print('no space left'); raise SystemExit(7)"]
    with pytest.raises(SetupError, match=r"Unpacking failed:\n    no space left\n.*setup\.log"):
        steps.run("Unpacking", command, log)


def test_a_step_that_takes_long_shows_that_it_lives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(steps, "QUIET_SECONDS", 0.1)
    steps.run("Fetching", ["sleep", "0.4"], tmp_path / "log")
    assert "Fetching … 0 s" in capsys.readouterr().err


def test_ctrl_c_during_a_step_stops_its_command(tmp_path: Path) -> None:
    program = (
        "import sys, pathlib; from scripts import steps; steps.QUIET_SECONDS = 0.1;"
        "steps.run('x', ['sleep', '61'], pathlib.Path(sys.argv[1]))"
    )
    parent = subprocess.Popen([sys.executable, "-c", program, str(tmp_path / "log")], stderr=subprocess.PIPE)
    try:
        assert parent.stderr is not None and parent.stderr.read(1), "it lives: its command was started"
        child = _child_of(parent.pid)
        os.kill(parent.pid, signal.SIGINT)
        parent.wait(timeout=10)
        assert not Path(f"/proc/{child}").exists()
    finally:
        parent.kill()
        parent.wait()


def _child_of(pid: int) -> int:
    children = Path(f"/proc/{pid}/task/{pid}/children")
    for _ in range(200):
        if found := children.read_text().split():
            return int(found[0])
        time.sleep(0.05)
    raise AssertionError("no child was started")
