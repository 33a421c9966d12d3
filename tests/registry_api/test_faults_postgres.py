"""PostgreSQL dies under load and comes back: every answer meanwhile is right or 503, and nothing is lost or done twice."""

import asyncio
import os
import signal
from typing import Any

import httpx
import psycopg
import pytest
from sqlalchemy import make_url

from tests.registry_api.fault_traffic import Traffic, settled
from tests.registry_api.served import served

pytestmark = [pytest.mark.postgres, pytest.mark.parametrize("backend", ["postgres"])]

IMMEDIATE, KILLED = signal.SIGQUIT, signal.SIGKILL
SECONDS_AWAY = 2.0


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
