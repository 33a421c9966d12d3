"""A real registry in a process of its own, for tests that go through its door."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from patchbay.core.client import ApiUnreachable, Client
from patchbay.core.settings import Settings
from registry_api.bootstrap import bootstrap

SERVE = (
    "import socket, uvicorn; from patchbay.core.settings import Settings; from registry_api.app import create_app;"
    "listener = socket.socket(); listener.bind(('127.0.0.1', 0)); print(listener.getsockname()[1], flush=True);"
    "uvicorn.Server(uvicorn.Config(create_app(Settings()), log_level='warning')).run([listener])"
)


@contextmanager
def serving(home: Path) -> Iterator[Settings]:
    """A registry under `home`, ready; the settings name its port."""
    bootstrap(Settings(home=home))
    environment = os.environ | {"PATCHBAY_HOME": str(home)}
    with subprocess.Popen([sys.executable, "-c", SERVE], stdout=subprocess.PIPE, text=True, env=environment) as server:
        try:
            assert server.stdout is not None
            settings = Settings(home=home, api_port=int(server.stdout.readline()))
            with client(settings) as connected:
                _wait(connected)
            yield settings
        finally:
            server.terminate()


def client(settings: Settings, name: str = "admin") -> Client:
    """The administrator's client, or the service's."""
    return Client(settings.api_url, settings.secret_file(f"{name}.token").read_text().strip(), timeout=60)


def _wait(connected: Client) -> None:
    until = time.monotonic() + 60
    while True:
        try:
            connected.status()
        except ApiUnreachable:
            if time.monotonic() > until:
                raise
            time.sleep(0.2)
        else:
            return
