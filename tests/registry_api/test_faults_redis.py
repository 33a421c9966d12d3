"""Redis is killed under load and comes back: nobody is refused or let in without limit, and no answer is wrong."""

import asyncio
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.registry_api.fault_traffic import Traffic, settled
from tests.registry_api.limits.redis_server import RedisServer
from tests.registry_api.served import served


@pytest.fixture
def redis_server() -> Iterator[RedisServer]:
    """A Redis of the test's own, in a folder whose path is short enough for a socket."""
    folder = Path(tempfile.mkdtemp(prefix="pb-redis-", dir="/tmp"))
    server = RedisServer(folder)
    server.start()
    yield server
    server.kill()
    shutil.rmtree(folder)


@pytest.mark.parametrize("backend", ["sqlite"])
async def test_a_killed_redis_costs_nothing(registry: Any, redis_server: RedisServer) -> None:
    settings, tokens = registry
    limits = {"PATCHBAY_REDIS_URL": redis_server.url, "PATCHBAY_RATE_LIMIT_TOKEN": "1000000"}
    with served(settings, **limits) as server:
        traffic = Traffic(server.address, tokens)
        async with traffic.flowing():
            await traffic.more(8)
            redis_server.kill()
            await traffic.more(8)
            redis_server.start()
            await asyncio.sleep(0.2)
            await traffic.more(8)
        await settled(traffic)
    assert {what.split()[1] for what in traffic.answers} == {"200", "201"}
    assert "Redis is away" in server.told, "and it was noticed"
