"""The API dies by kill -9 at random moments of an intake; whoever repeats what was not answered loses nothing and doubles nothing."""

import io
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pyarrow.parquet as pq
import pytest

from patchbay.core.settings import Settings
from tests.registry_api.intake_data import NDJSON, event, lines, plugin

ROWS = 200


class Server:
    """A real API process that can be killed and started again on the same state."""

    module = "registry_api"

    def __init__(self, settings: Settings) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.settings = settings
        self.log = settings.home / "api.log"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start, and wait until it is ready."""
        told = {
            "PATCHBAY_HOME": str(self.settings.home),
            "PATCHBAY_API_PORT": str(self.port),
            "PATCHBAY_HOST": "127.0.0.1",
        }
        if self.settings.database_url:
            told["PATCHBAY_DATABASE_URL"] = self.settings.database_url
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", self.module], env={**os.environ, **told}, stdout=log, stderr=log
            )
        deadline = time.monotonic() + 60
        while not self.ready():
            assert self.process.poll() is None and time.monotonic() < deadline, self.log.read_text()[-2000:]
            time.sleep(0.05)

    def ready(self) -> bool:
        """Whether it answers."""
        try:
            return httpx.get(f"http://127.0.0.1:{self.port}/readyz", timeout=2).status_code == 200
        except httpx.TransportError:
            return False

    def kill(self) -> None:
        """kill -9."""
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            self.process = None

    def client(self, token: str) -> httpx.Client:
        """A caller."""
        return httpx.Client(
            base_url=f"http://127.0.0.1:{self.port}", headers={"Authorization": f"Bearer {token}"}, timeout=30
        )


@pytest.fixture
def server(registry: tuple[Settings, dict[str, str]]) -> Iterator[Server]:
    server = Server(registry[0])
    yield server
    server.kill()


def send_until_killed(client: httpx.Client, batches: dict[str, bytes], answered: dict[str, int]) -> None:
    """Send what was not answered, in order, until the server is gone."""
    try:
        for key, body in batches.items():
            if key not in answered:
                answer = client.post(
                    "/v1/usage/batches", content=body, headers={"Content-Type": NDJSON, "Idempotency-Key": key}
                )
                assert answer.status_code in (200, 201), answer.text
                answered[key] = answer.json()["accepted"]
    except httpx.TransportError:
        return


def campaign(server: Server, tokens: dict[str, str], kills: int, seed: int) -> dict[str, int]:
    """Kill the server `kills` times while batches are sent to it; what was answered, by key."""
    chance = random.Random(seed)
    server.start()
    with server.client(tokens["operator"]) as operator:
        answer = operator.post("/v1/catalogue/batches", json={"plugins": [plugin("git", "1.0.0")]})
        assert answer.status_code == 201
    answered: dict[str, int] = {}
    rows = {key: [event(f"{key}-{n}", person=f"p{n % 40}") for n in range(ROWS)] for key in map(str, range(kills * 12))}
    batches = {key: lines(*batch) for key, batch in rows.items()}
    for _ in range(kills):
        killer = subprocess.Popen(["sh", "-c", f"sleep {chance.uniform(0.02, 0.4):.3f}; kill -9 {server.process.pid}"])  # type: ignore[union-attr]
        with server.client(tokens["acme"]) as client:
            send_until_killed(client, batches, answered)
        killer.wait()
        server.kill()
        server.start()
    with server.client(tokens["acme"]) as client:
        send_until_killed(client, batches, answered)
    assert len(answered) == len(batches)
    return answered


def lake(server: Server, tokens: dict[str, str]) -> list[dict[str, Any]]:
    """Every row of every registered segment."""
    with server.client(tokens["service"]) as service:
        feed = service.get("/v1/feeds/segments", params={"limit": 50000}, headers={"Accept": NDJSON}).text
    import orjson

    paths = [orjson.loads(line)["path"] for line in feed.splitlines()]
    return [
        row
        for path in paths
        for row in pq.read_table(io.BytesIO((server.settings.root / Path(path)).read_bytes())).to_pylist()
    ]


def check(server: Server, tokens: dict[str, str], kills: int, seed: int) -> None:
    """Run a campaign and compare what was answered with ledger, lake and counters."""
    answered = campaign(server, tokens, kills, seed)
    rows = lake(server, tokens)
    assert len(rows) == sum(answered.values()) == len(answered) * ROWS
    assert len({row["event_id"] for row in rows}) == len(rows)
    assert len({row["subject_id"] for row in rows}) == 40
    with server.client(tokens["acme"]) as client:
        counters = client.get("/v1/usage/counters", params={"limit": 500}).json()
        audit = client.get("/v1/audit/verify")
    assert counters["next"] is None and sum(row["events"] for row in counters["items"]) == len(rows)
    assert audit.json()["valid"] is True, audit.text


@pytest.mark.slow
def test_three_kills_lose_nothing_and_double_nothing(server: Server, registry: tuple[Settings, dict[str, str]]) -> None:
    check(server, registry[1], kills=3, seed=3)


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_twenty_kills_lose_nothing_and_double_nothing(
    server: Server, registry: tuple[Settings, dict[str, str]]
) -> None:
    check(server, registry[1], kills=20, seed=20)
