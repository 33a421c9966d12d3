"""Registries that are reached by name."""

import json
import os
import pty
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import Running
from tests.cli.support import here
from tests.core.client.server import Registry, ok

Run = Callable[..., "subprocess.CompletedProcess[str]"]
TOKEN = "pb_secret_of_a_profile"


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """The command with a folder of configuration and a state of its own, from which no variable of ours tells."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("PATCHBAY_")}

    def patchbay(*arguments: str, stdin: str = "", **variables: str) -> "subprocess.CompletedProcess[str]":
        return here(*arguments, environment=plain | {"XDG_CONFIG_HOME": str(tmp_path)} | variables, stdin=stdin)

    return patchbay


@pytest.fixture
def registry() -> Iterator[Registry]:
    """A server that says who asked."""
    registry = Registry()
    registry.will_answer(ok({"role": "viewer"}))
    yield registry
    registry.server.shutdown()
    registry.server.server_close()


def asked_with(registry: Registry) -> tuple[str | None, str | None]:
    headers = registry.requests[-1].headers
    return headers["Authorization"].removeprefix("Bearer "), headers["Patchbay-Tenant"]


def test_a_profile_is_kept_where_only_its_owner_reads_it(run: Run, tmp_path: Path) -> None:
    added = run(
        "profile", "add", "prod", "--url", "https://plugins.example.org/", "--tenant", "acme", stdin=TOKEN + "\n"
    )
    assert added.returncode == 0 and TOKEN not in added.stdout + added.stderr
    file = tmp_path / "patchbay" / "config.toml"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600 and stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert [path.name for path in file.parent.iterdir()] == ["config.toml"]
    listed = run("profile", "list", "-o", "json").stdout
    assert json.loads(listed) == [
        {"name": "prod", "url": "https://plugins.example.org", "tenant": "acme", "in_use": True}
    ]
    assert TOKEN not in listed


def test_a_file_that_others_can_read_is_not_read(run: Run, tmp_path: Path) -> None:
    run("profile", "add", "prod", "--url", "https://plugins.example.org", stdin=TOKEN)
    file = tmp_path / "patchbay" / "config.toml"
    file.chmod(0o640)
    done = run("me")
    assert done.returncode == 1 and f"chmod 600 {file}" in done.stderr and done.stderr.count("\n") == 1
    file.chmod(0o600)
    assert run("profile", "list").returncode == 0


def test_a_token_is_asked_for_on_a_terminal_and_not_echoed(tmp_path: Path) -> None:
    leader, follower = pty.openpty()
    command = [sys.executable, "-m", "patchbay.cli", "profile", "add", "prod", "--url", "https://plugins.example.org"]
    environment = os.environ | {"XDG_CONFIG_HOME": str(tmp_path)}
    process = subprocess.Popen(
        command, stdin=follower, stdout=follower, stderr=follower, env=environment, start_new_session=True
    )
    os.close(follower)
    seen = b""
    while b"Token" not in seen:
        seen += os.read(leader, 1024)
    time.sleep(0.3)
    os.write(leader, TOKEN.encode() + b"\n")
    assert process.wait(30) == 0
    seen += os.read(leader, 4096)
    os.close(leader)
    assert TOKEN.encode() not in seen
    assert TOKEN in (tmp_path / "patchbay" / "config.toml").read_text()


def test_flags_go_before_the_environment_and_that_before_the_profile(run: Run, registry: Registry) -> None:
    run("profile", "add", "one", "--url", registry.url, "--tenant", "acme", stdin="pb_one")
    run("profile", "add", "two", "--url", registry.url, stdin="pb_two")
    run("me")
    assert asked_with(registry) == ("pb_one", "acme")
    run("me", "--tenant", "globex")
    assert asked_with(registry) == ("pb_one", "globex")
    run("me", PATCHBAY_PROFILE="two")
    assert asked_with(registry) == ("pb_two", None)
    run("me", "--profile", "one", PATCHBAY_PROFILE="two")
    assert asked_with(registry) == ("pb_one", "acme")
    run("--profile", "one", "me", PATCHBAY_PROFILE="two")
    assert asked_with(registry) == ("pb_one", "acme")
    run("me", PATCHBAY_API_TOKEN="pb_env")
    assert asked_with(registry) == ("pb_env", "acme")
    run("profile", "use", "two")
    run("me")
    assert asked_with(registry) == ("pb_two", None)


def test_a_token_is_shown_to_its_own_registry_only(run: Run, registry: Registry, running: Running) -> None:
    run("profile", "add", "prod", "--url", "https://plugins.example.org", stdin=TOKEN)
    elsewhere = run("me", "--url", registry.url)
    assert elsewhere.returncode == 1 and "no token for" in elsewhere.stderr
    administrators = running.here("me", "--url", "https://plugins.example.org")
    assert administrators.returncode == 1 and "no token for" in administrators.stderr
    assert registry.requests == []


def test_this_machines_registry_goes_before_the_profile_in_use(run: Run, registry: Registry, running: Running) -> None:
    run("profile", "add", "prod", "--url", registry.url, stdin=TOKEN)
    port = str(running.settings.api_port)
    for reached in (
        run("me", "-o", "json", PATCHBAY_HOME=str(running.settings.root), PATCHBAY_API_PORT=port),
        run("me", "-o", "json", "--home", str(running.settings.root), PATCHBAY_API_PORT=port),
    ):
        assert json.loads(reached.stdout)["role"] == "platform_admin"
    assert registry.requests == []


def test_a_profile_is_forgotten(run: Run, tmp_path: Path) -> None:
    run("profile", "add", "prod", "--url", "https://plugins.example.org", stdin=TOKEN)
    assert run("profile", "remove", "prod").returncode == 0
    assert TOKEN not in (tmp_path / "patchbay" / "config.toml").read_text()
    gone = run("me", "--profile", "prod")
    assert gone.returncode == 2 and "there is no profile prod" in gone.stderr


@pytest.mark.parametrize(
    ("url", "stdin", "complaint"),
    [
        ("http://plugins.example.org", TOKEN, "in clear"),
        ("https://me:pass@plugins.example.org", TOKEN, "no address"),
        ("plugins.example.org", TOKEN, "no address"),
        ("https://plugins.example.org", "", "no token"),
        ("https://plugins.example.org", "two words", "no token"),
    ],
)
def test_what_cannot_be_kept_is_refused(run: Run, tmp_path: Path, url: str, stdin: str, complaint: str) -> None:
    done = run("profile", "add", "prod", "--url", url, stdin=stdin)
    assert done.returncode == 2 and complaint in done.stderr and done.stderr.count("\n") == 1
    assert not (tmp_path / "patchbay").exists()


def test_a_broken_file_is_told_in_one_line(run: Run, tmp_path: Path) -> None:
    (tmp_path / "patchbay").mkdir()
    file = tmp_path / "patchbay" / "config.toml"
    file.touch(mode=0o600)
    for text in ("profiles = [", "[profiles.prod]\nurl = 'x'\nother = 1\n", "profiles = 3\n"):
        file.write_text(text)
        done = run("profile", "list")
        assert done.returncode == 1 and f"{file} cannot be read" in done.stderr and "Traceback" not in done.stderr
