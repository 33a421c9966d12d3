"""SQLite's disk fills up, or another process keeps its lock, under load: every answer is right or 503, nothing is lost."""

import asyncio
import resource
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.registry_api.fault_traffic import Traffic, settled
from tests.registry_api.served import Served, served

pytestmark = pytest.mark.parametrize("backend", ["sqlite"])

FULL_AT = 4096
"""Bytes a file may have while its disk is called full: less than any database has."""

SECONDS_FULL, SECONDS_LOCKED = 1.5, 3.0
BUSY = "?timeout=1"


@contextmanager
def full_disk(server: Served) -> Iterator[None]:
    """No file of the server's can grow or be written beyond its first pages: what the kernel answers is EFBIG."""
    limit = resource.RLIMIT_FSIZE
    before = {process.pid: resource.prlimit(process.pid, limit) for process in server.processes}
    for pid, (_, hard) in before.items():
        resource.prlimit(pid, limit, (FULL_AT, hard))
    try:
        yield
    finally:
        for pid, allowed in before.items():
            resource.prlimit(pid, limit, allowed)


@contextmanager
def locked(database: Path) -> Iterator[None]:
    """Another process's write lock, which ours wait for in vain."""
    connection = sqlite3.connect(database, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        connection.execute("ROLLBACK")
        connection.close()


async def readiness(address: str) -> int:
    async with httpx.AsyncClient(timeout=20) as client:
        return (await client.get(f"{address}/readyz")).status_code


async def test_a_full_disk_costs_503s_and_nothing_else(registry: Any) -> None:
    settings, tokens = registry
    with served(settings) as server:
        traffic = Traffic(server.address, tokens)
        async with traffic.flowing():
            await traffic.more(8)
            with full_disk(server):
                await asyncio.sleep(SECONDS_FULL)
            await traffic.more(8)
            assert await readiness(server.address) == 200
        await settled(traffic)
    assert traffic.answers["write 503 unavailable"] and traffic.answers["read 200"]


async def test_a_lock_that_is_not_given_back_costs_503s_and_nothing_else(registry: Any) -> None:
    settings, tokens = registry
    short = settings.model_copy(update={"database_url": settings.resolved_database_url + BUSY})
    with served(short) as server:
        traffic = Traffic(server.address, tokens)
        async with traffic.flowing():
            await traffic.more(8)
            with locked(settings.root / "registry.db"):
                await asyncio.sleep(SECONDS_LOCKED)
                assert await readiness(server.address) == 200, "it can be read"
            await traffic.more(8)
        await settled(traffic)
    assert traffic.answers["write 503 unavailable"] and traffic.answers["read 200"]
