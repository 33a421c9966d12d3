"""What the HTTP benchmarks share: a server process of its own."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

import httpx

SECONDS_TO_START = 120


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def served(
    command: list[str], port: int, ready: str, log: IO[bytes] | None = None, /, **environment: str
) -> Iterator[str]:
    """A server process from its first good answer on `ready` until the block ends; its address. `log` takes what it logs."""
    process = subprocess.Popen([sys.executable, *command], env={**os.environ, **environment}, stderr=log)
    address = f"http://127.0.0.1:{port}"
    try:
        _wait(process, address + ready)
        yield address
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(process: "subprocess.Popen[bytes]", url: str) -> None:
    until = time.monotonic() + SECONDS_TO_START
    with httpx.Client() as client:  # making one costs as much as the server's answer
        while time.monotonic() < until:
            if process.poll() is not None:
                raise RuntimeError(f"the server ended with {process.returncode} before it answered")
            with suppress(httpx.TransportError):
                if client.get(url).is_success:
                    return
            time.sleep(0.1)
    raise TimeoutError(f"no answer from {url} within {SECONDS_TO_START} s")


@contextmanager
def registry(home: Path, log: IO[bytes] | None = None, /, **environment: str) -> Iterator[tuple[str, str]]:
    """A registry API on a home, fresh or not; its address and the administrator's token."""
    port = int(environment.get("PATCHBAY_API_PORT") or free_port())
    settings = {"PATCHBAY_HOME": str(home), "PATCHBAY_API_PORT": str(port), "PATCHBAY_JOB_WORKERS": "0"}
    settings |= {f"PATCHBAY_RATE_LIMIT_{name}": "0" for name in ("TOKEN", "TENANT", "ADDRESS")}
    with served(
        ["-m", "registry_api"], port, "/readyz", log, **{**settings, "PATCHBAY_LOG_LEVEL": "WARNING", **environment}
    ) as address:
        yield address, (home / "secrets/admin.token").read_text().strip()
