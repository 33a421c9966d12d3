"""PostgreSQL dies under load and comes back, or has no room left: every answer meanwhile is right or 503, and nothing is
lost or done twice.
"""

import asyncio
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from sqlalchemy import make_url

from tests.registry_api.fault_traffic import SECONDS_TO_RECOVER, Traffic, settled
from tests.registry_api.served import served

pytestmark = [pytest.mark.postgres, pytest.mark.parametrize("backend", ["postgres"])]

IMMEDIATE, KILLED = signal.SIGQUIT, signal.SIGKILL
SECONDS_AWAY = 2.0

SMALL = 96 << 20
"""Bytes of a disk with room for a registry's database, and not for much more."""


@pytest.fixture
def durable(registry: Any, postgres_server: Any) -> Any:
    """The registry, whose database keeps what it has confirmed: the other tests' server may forget it in a crash."""
    settings, tokens = registry
    name = make_url(settings.database_url).database
    with psycopg.connect(postgres_server.get_uri(), autocommit=True) as connection:
        connection.execute(f'ALTER DATABASE "{name}" SET synchronous_commit = on')
        # A sequence in a copied database is not logged until a checkpoint has passed, and would go back in the crash.
        connection.execute("CHECKPOINT")
    return settings, tokens


async def killed(postgres: Any, how: signal.Signals) -> None:
    """End the server without any goodbye, and wait until it is gone."""
    process = postgres.get_postmaster_info().process
    os.kill(process.pid, how)
    await asyncio.to_thread(process.wait, 20)


async def readiness(address: str) -> int:
    async with httpx.AsyncClient(timeout=20) as client:
        return (await client.get(f"{address}/readyz")).status_code


async def campaign(durable: Any, postgres: Any, how: signal.Signals, times: int) -> Traffic:
    settings, tokens = durable
    with served(settings, workers=2) as server:
        traffic = Traffic(server.address, tokens)
        async with traffic.flowing():
            for _ in range(times):
                await traffic.more(10)
                await killed(postgres, how)
                await asyncio.sleep(SECONDS_AWAY)
                assert await readiness(server.address) == 503
                await asyncio.to_thread(postgres.ensure_postgres_running)
                await traffic.more(10)
            assert await readiness(server.address) == 200
        await settled(traffic)
    print(dict(traffic.answers))
    assert traffic.answers["write 503 unavailable"] and traffic.answers["read 503 unavailable"]
    return traffic


async def test_a_stopped_database_costs_503s_and_nothing_else(durable: Any, postgres_server: Any) -> None:
    await campaign(durable, postgres_server, IMMEDIATE, 1)


@pytest.mark.soak
@pytest.mark.parametrize("how", [IMMEDIATE, KILLED])
async def test_a_database_that_dies_ten_times_costs_503s_and_nothing_else(
    durable: Any, postgres_server: Any, how: signal.Signals
) -> None:
    await campaign(durable, postgres_server, how, 10)


@contextmanager
def small_disk(folder: Path, server: Any) -> Iterator[None]:
    """A file system in memory, for the server's user; the test is skipped where none may be mounted."""
    owner = Path(server.pgdata).stat().st_uid
    mounting = ["mount", "-t", "tmpfs", "-o", f"size={SMALL},uid={owner},mode=700", "tmpfs", str(folder)]
    if subprocess.run(mounting, check=False).returncode:
        pytest.skip("this machine lets nobody mount a small disk")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextmanager
def moved(settings: Any, server: Any, disk: Path) -> Iterator[None]:
    """The registry's database lies on the disk for the block; the journal of what was committed does not."""
    name = make_url(settings.database_url).database
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        connection.execute(f"CREATE TABLESPACE small LOCATION '{disk}'")
        connection.execute(f'ALTER DATABASE "{name}" SET TABLESPACE small')
        try:
            yield
        finally:
            connection.execute(f'ALTER DATABASE "{name}" SET TABLESPACE pg_default')
            connection.execute("DROP TABLESPACE small")


@contextmanager
def full(disk: Path) -> Iterator[None]:
    """Not a page is left on the disk."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while file.write(bytes(4096)):
            pass
    try:
        yield
    finally:
        ballast.unlink()


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """Outside the folder of the tests, which the server's user may not enter."""
    with tempfile.TemporaryDirectory(prefix="pb-disk-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


async def test_a_disk_without_room_costs_503s_and_nothing_else(
    registry: Any, postgres_server: Any, short_folder: Path
) -> None:
    settings, tokens = registry
    disk = small_disk(short_folder, postgres_server)
    with disk, moved(settings, postgres_server, short_folder), served(settings) as server:
        traffic = Traffic(server.address, tokens)
        async with traffic.flowing():
            await traffic.more(8)
            with full(short_folder):
                await refused(traffic)
            await traffic.more(8)
            assert await readiness(server.address) == 200
        await settled(traffic)
    assert traffic.answers["read 200"]


async def refused(traffic: Traffic) -> None:
    """Until writes have been refused for want of room: what is begun still fits the pages that are there."""
    end = time.monotonic() + SECONDS_TO_RECOVER
    while traffic.answers["write 503 unavailable"] < 10:
        assert traffic.wrong == [] and time.monotonic() < end, f"{traffic.wrong[:3]} {dict(traffic.answers)}"
        await asyncio.sleep(0.05)
