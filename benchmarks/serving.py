"""What the HTTP benchmarks share: a server process of its own, and a client that costs little beside it."""

import asyncio
import os
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

CONNECTIONS = 16
SECONDS_TO_START = 60


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def served(command: list[str], port: int, ready: str, **environment: str) -> Iterator[str]:
    """A server process from its first good answer on `ready` until the block ends; its address."""
    process = subprocess.Popen([sys.executable, *command], env={**os.environ, **environment})
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
    while time.monotonic() < until:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with {process.returncode} before it answered")
        try:
            if httpx.get(url).is_success:
                return
        except httpx.TransportError:
            time.sleep(0.05)
    raise TimeoutError(f"no answer from {url} within {SECONDS_TO_START} s")


@contextmanager
def registry(home: Path, **environment: str) -> Iterator[tuple[str, str]]:
    """A registry API on a fresh home; its address and the administrator's token."""
    port = free_port()
    settings = {"PATCHBAY_HOME": str(home), "PATCHBAY_API_PORT": str(port), "PATCHBAY_JOB_WORKERS": "0"}
    with served(
        ["-m", "registry_api"], port, "/readyz", **{**settings, "PATCHBAY_LOG_LEVEL": "WARNING", **environment}
    ) as address:
        yield address, (home / "secrets/admin.token").read_text().strip()


def load(request: bytes, address: str, seconds: float) -> dict[str, float]:
    """Requests per second and latencies of one request repeated over keep-alive connections, after a short warm-up."""
    asyncio.run(_load(request, address, min(seconds, 0.5)))
    started = time.perf_counter()
    latencies = asyncio.run(_load(request, address, seconds))
    elapsed = time.perf_counter() - started
    cuts = statistics.quantiles(latencies, n=100)
    return {
        "requests_per_second": round(len(latencies) / elapsed, 1),
        "p50_ms": round(cuts[49] * 1000, 2),
        "p99_ms": round(cuts[98] * 1000, 2),
    }


async def _load(request: bytes, address: str, seconds: float) -> list[float]:
    host, port = address.removeprefix("http://").split(":")
    until = time.perf_counter() + seconds
    found = await asyncio.gather(*(_connection(request, host, int(port), until) for _ in range(CONNECTIONS)))
    return [latency for latencies in found for latency in latencies]


async def _connection(request: bytes, host: str, port: int, until: float) -> list[float]:
    reader, writer = await asyncio.open_connection(host, port)
    latencies = []
    while (started := time.perf_counter()) < until:
        writer.write(request)
        await _answer(reader)
        latencies.append(time.perf_counter() - started)
    writer.close()
    await writer.wait_closed()
    return latencies


async def _answer(reader: asyncio.StreamReader) -> None:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    status = int(head.split(" ", 2)[1])
    length = next(int(line.split(":")[1]) for line in head.splitlines() if line.startswith("content-length:"))
    body = await reader.readexactly(length)
    if status >= 400:
        raise RuntimeError(f"answer {status}: {body[:300]!r}")
