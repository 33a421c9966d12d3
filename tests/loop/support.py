"""A whole Patchbay on a state folder of its own: filled by the demo's command, then served by the real supervisor."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

from patchbay.cli import processes
from patchbay.cli.context import child_environment
from patchbay.cli.supervisor import Supervisor
from patchbay.core.client import Client
from patchbay.core.settings import Settings

DEMO_SECONDS = 400


def free_port() -> int:
    """A port nobody listens on at the moment."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Patchbay:
    """One state folder and the ports its processes use."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.settings = Settings(
            home=home, api_port=free_port(), dagster_port=free_port(), dashboards_port=free_port(), log_level="WARNING"
        )

    @property
    def environment(self) -> dict[str, str]:
        return child_environment(self.settings)

    @property
    def dashboards_url(self) -> str:
        return f"http://127.0.0.1:{self.settings.dashboards_port}"

    @property
    def password(self) -> str:
        return self.settings.secret_file("admin.password").read_text().strip()

    def command(self, *arguments: str, timeout: float = DEMO_SECONDS) -> str:
        """What a `patchbay` command printed; fails the test when it did not succeed."""
        done = subprocess.run(
            [sys.executable, "-m", "patchbay.cli", *arguments],
            env=self.environment,
            cwd=Path(__file__).resolve().parents[2],
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        assert done.returncode == 0, f"patchbay {' '.join(arguments)}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def spawn(self, *command: str, extra: Mapping[str, str] = os.environ) -> "subprocess.Popen[bytes]":
        """A process on this state, for a test to kill."""
        return subprocess.Popen(
            [sys.executable, *command],
            env={**extra, **self.environment},
            start_new_session=True,
            stdout=subprocess.DEVNULL,
        )

    @contextmanager
    def serving(self, *names: str) -> Iterator["Patchbay"]:
        """The named processes (`api`, `dashboards`), ready, until the block ends."""
        wanted = [getattr(processes, name)(self.settings) for name in names]
        with Supervisor(self.home, self.environment, print) as supervisor:
            supervisor.start(wanted)
            yield self

    def client(self, tenant: str | None = None) -> Client:
        """The administrator's client."""
        token = self.settings.secret_file("admin.token").read_text().strip()
        return Client(self.settings.api_url, token, tenant=tenant, timeout=60)
