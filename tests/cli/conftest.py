"""Small programs for the supervisor: they serve, crash, have children, or will not stop."""

import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from patchbay.cli import stack
from patchbay.cli.children import Program
from patchbay.cli.context import child_environment
from patchbay.cli.supervisor import Supervisor
from patchbay.core.settings import Settings
from tests.cli import support

SERVER = """
import http.server, os, pathlib, signal, subprocess, sys
port, folder, stubborn = int(sys.argv[1]), pathlib.Path(sys.argv[2]), "stubborn" in sys.argv
if stubborn:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if "with-child" in sys.argv:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    (folder / "child.pid").write_text(str(child.pid))
(folder / f"{port}.pid").write_text(str(os.getpid()))
print("serving", port, flush=True)
http.server.HTTPServer(("127.0.0.1", port), http.server.SimpleHTTPRequestHandler).serve_forever()
"""


@pytest.fixture
def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def server(tmp_path: Path, free_port: int) -> Callable[..., Program]:
    """Makes a program that serves on a free port; its words change how it behaves."""

    def make(*words: str, name: str = "server") -> Program:
        command = (sys.executable, "-c", SERVER, str(free_port), str(tmp_path), *words)
        return Program(name, command, "a server", f"http://127.0.0.1:{free_port}/", ("127.0.0.1", free_port))

    return make


@pytest.fixture
def processes() -> Iterator[list["subprocess.Popen[str]"]]:
    """Processes a test starts itself; what is left of them is killed."""
    started: list[subprocess.Popen[str]] = []
    yield started
    for process in started:
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            process.wait()


@dataclass(frozen=True)
class Running:
    """A registry that serves, and the `patchbay` command that knows it."""

    settings: Settings

    def patchbay(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run a command to its end."""
        command = [sys.executable, "-m", "patchbay.cli", *arguments]
        environment = child_environment(self.settings) | {"COLUMNS": "200"}
        return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120, check=False)

    def here(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run a command to its end in this process."""
        return support.here(*arguments, environment=child_environment(self.settings))


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A registry with a small generated world in it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        settings = Settings(home=tmp_path_factory.mktemp("home"), api_port=probe.getsockname()[1])
    quiet = {"PATCHBAY_AUDIT_CHECKPOINT_SECONDS": "0"}  # checkpoints come when a test asks for one
    with Supervisor(settings.root, child_environment(settings) | quiet, print) as supervisor:
        stack.start_api(supervisor, settings)
        registry = Running(settings)
        sent = registry.patchbay("simulate", "--plugins", "12", "--tenants", "2", "--days", "7", "--end", "2026-10-01")
        assert sent.returncode == 0, sent.stderr
        yield registry
