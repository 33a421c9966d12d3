"""Acknowledged writes per second on a PostgreSQL with its durable defaults (fsync, synchronous commit).

Two API processes. 16 tenants, each on two keep-alive connections, one to either process, publish releases of two plugins of
their own, without idempotency keys. Every write is one transaction: the release, the counter of the quota, the audit record with its
place in the chain, the row of the feed. Afterwards the feed must hold a row of each acknowledged release, and the audit
log a record, those before the clock started included, and no more of either.
"""

import asyncio
import itertools
import json
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import httpx
import uvloop
from sqlalchemy import text

from benchmarks.loading import Connection
from benchmarks.serving import registry
from benchmarks.wall import postgres
from registry_api.db import Crossing, Database

TENANTS, A_TENANT = 16, 2
NAME = {"namespace": "bench"}


def writes_per_second(seconds: float) -> dict[str, object]:
    """The rate and its protocol."""
    with ExitStack() as stack:
        home, url = Path(stack.enter_context(tempfile.TemporaryDirectory())), stack.enter_context(postgres())
        limits = {f"PATCHBAY_RATE_LIMIT_{name}": "0" for name in ("TOKEN", "TENANT", "ADDRESS")}
        log = stack.enter_context((home / "log").open("wb"))
        settings = {**limits, "PATCHBAY_DATABASE_URL": url, "PATCHBAY_LOG_LEVEL": "INFO"}
        address, operator = stack.enter_context(registry(home, log, **settings))
        other, _ = stack.enter_context(registry(home, log, **settings))
        tokens = _tenants(address, operator)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            warm = runner.run(_publish([address, other], tokens, 1.0, 0))
            started = time.perf_counter()
            answered = runner.run(_publish([address, other], tokens, seconds, 1))
            elapsed = time.perf_counter() - started
            runner.run(_require(url, warm + answered))
    result = {
        "writes_per_s": round(answered / elapsed, 1),
        "writes": answered,
        "write_workers": 2,
        "write_tenants": TENANTS,
    }
    print(f"writes: {result}", flush=True)
    return dict(result)


def _tenants(address: str, operator: str) -> list[str]:
    """Tokens of new tenants, each with its plugins."""
    tokens = []
    with httpx.Client(base_url=address, timeout=60) as client:
        for number in range(TENANTS):
            body = {"slug": f"w{number}", "name": f"W{number}"}
            made = client.post("/v1/tenants", json=body, headers={"Authorization": f"Bearer {operator}"})
            tokens.append(str(made.raise_for_status().json()["token"]))
            headers = {"Authorization": f"Bearer {tokens[-1]}"}
            for place in range(A_TENANT):
                document = {**NAME, "name": f"p{place}"}
                client.post("/v1/plugins", json=document, headers=headers).raise_for_status()
    return tokens


async def _publish(addresses: list[str], tokens: list[str], seconds: float, major: int) -> int:
    """How many releases were acknowledged."""
    until, loop = time.perf_counter() + seconds, asyncio.get_running_loop()

    async def publish(token: str, place: int) -> int:
        host, port = addresses[place % len(addresses)].removeprefix("http://").split(":")
        _, connection = await loop.create_connection(Connection, host, int(port))
        for number in itertools.count():
            if time.perf_counter() >= until:
                connection.transport.close()
                return number
            await connection.ask(_release(token, place, f"{major}.{number}.0"))
        raise AssertionError("unreachable")

    published = await asyncio.gather(*(publish(token, place) for token in tokens for place in range(A_TENANT)))
    return sum(published)


def _release(token: str, place: int, version: str) -> bytes:
    body = json.dumps({"version": version}).encode()
    head = f"POST /v1/plugins/bench:p{place}/releases HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {token}\r\n"
    return f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


async def _require(url: str, answered: int) -> None:
    """Raises RuntimeError unless each acknowledged release is in the feed and in the audit log, once, and no other is."""
    database = Database(url)
    async with database.reading(Crossing.SETUP) as session:
        rows = await session.scalar(text("SELECT count(*) FROM outbox WHERE feed = 'releases'"))
        records = await session.scalar(text("SELECT count(*) FROM audit_records WHERE action = 'release.published'"))
    await database.close()
    if (rows, records) != (answered, answered):
        raise RuntimeError(f"{answered} writes were acknowledged, {rows} are in the feed, {records} in the audit log")
