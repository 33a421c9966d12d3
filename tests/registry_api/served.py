"""The registry as a process of its own, as it runs in production: `python -m registry_api` on a free port."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from patchbay.core.settings import Settings

UNLIMITED = {f"PATCHBAY_RATE_LIMIT_{name}": "0" for name in ("ADDRESS", "LOGIN", "TOKEN", "TENANT")}
SECONDS_TO_START = 120
STARTED = "Application startup complete"


@dataclass(frozen=True)
class Served:
    """Server processes behind one address, and the file of their log."""

    processes: tuple[subprocess.Popen[bytes], ...]
    address: str
    log: Path

    @property
    def told(self) -> str:
        """What they have logged so far."""
        return self.log.read_text()


@contextmanager
def served(settings: Settings, workers: int = 1, **more: str) -> Iterator[Served]:
    """The registry of `settings`, ready; `more` are further variables of its environment."""
    port = _free_port()
    environment = {
        **os.environ,
        **UNLIMITED,
        "PATCHBAY_HOME": str(settings.home),
        "PATCHBAY_API_PORT": str(port),
        "PATCHBAY_DATABASE_URL": settings.resolved_database_url,
        **more,
    }
    log = settings.home.parent / f"server-{port}.log"
    with log.open("ab") as told:
        command = [sys.executable, "-m", "registry_api"]
        processes = [subprocess.Popen(command, env=environment, stdout=told, stderr=told) for _ in range(workers)]
    server = Served(tuple(processes), f"http://127.0.0.1:{port}", log)
    try:
        _until_ready(server)
        yield server
    finally:
        for process in processes:
            process.send_signal(signal.SIGTERM)
        for process in processes:
            process.wait(timeout=30)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _until_ready(server: Served) -> None:
    """Until every process has started and the address answers that it is ready."""
    end = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < end:
        assert all(process.poll() is None for process in server.processes), server.told
        if server.told.count(STARTED) >= len(server.processes) and _is_ready(server.address):
            return
        time.sleep(0.1)
    raise AssertionError(f"not ready after {SECONDS_TO_START} s: {server.told}")


def _is_ready(address: str) -> bool:
    try:
        return httpx.get(f"{address}/readyz", timeout=20).status_code == 200
    except httpx.TransportError:
        return False
