"""Both places where limits are kept count alike."""

import asyncio
import shutil
import tempfile
from pathlib import Path

import pytest

from registry_api.limits.policies import Claim, Policy
from registry_api.limits.stores import SWEEP_EVERY, InProcess, InRedis
from tests.registry_api.limits.redis_server import RedisServer


@pytest.fixture(scope="module")
def redis_server():
    folder = Path(tempfile.mkdtemp(prefix="pb-redis-", dir="/tmp"))
    server = RedisServer(folder)
    server.start()
    yield server
    server.kill()
    shutil.rmtree(folder)


@pytest.fixture(params=["in process", "redis"])
async def store(request):
    made = InProcess() if request.param == "in process" else InRedis(request.getfixturevalue("redis_server").url)
    yield made
    await made.close()


FIVE = Policy("five", 5, 60)
KEYS = iter(range(1000))


def claim(policy: Policy = FIVE) -> Claim:
    return Claim(policy, f"caller-{next(KEYS)}")


async def test_a_quota_is_spent_and_then_refused_with_the_time_to_wait(store):
    one = claim()
    states = [(await store.spend([one]))[0] for _ in range(6)]
    assert [state.allowed for state in states] == [True] * 5 + [False]
    assert [state.remaining for state in states] == [4, 3, 2, 1, 0, 0]
    assert 11 <= states[-1].wait <= 12
    assert 59 <= states[-1].restored <= 60


async def test_the_quota_is_restored_evenly_and_waiting_as_told_is_enough(store):
    one = claim(Policy("quick", 2, 2))
    assert [(await store.spend([one]))[0].allowed for _ in range(3)] == [True, True, False]
    await asyncio.sleep(1.05)
    assert [(await store.spend([one]))[0].allowed for _ in range(2)] == [True, False]


async def test_a_refused_request_costs_nothing_of_any_limit(store):
    small, large = claim(Policy("small", 1, 60)), claim(FIVE)
    assert all(state.allowed for state in await store.spend([small, large]))
    for _ in range(10):
        states = await store.spend([small, large])
        assert [state.allowed for state in states] == [False, True]
        assert states[1].remaining == 4
    assert (await store.spend([large]))[0].remaining == 3


async def test_callers_do_not_share_a_quota(store):
    for _ in range(6):
        await store.spend([one := claim()])
    assert (await store.spend([one]))[0].allowed


async def test_of_many_at_once_exactly_the_quota_gets_through(store):
    one = claim(Policy("fifty", 50, 3600))
    states = await asyncio.gather(*(store.spend([one]) for _ in range(200)))
    assert sum(state[0].allowed for state in states) == 50


async def test_replicas_share_what_is_in_redis(redis_server):
    one, first, second = claim(), InRedis(redis_server.url), InRedis(redis_server.url)
    states = [(await store.spend([one]))[0].remaining for store in (first, second, first)]
    assert states == [4, 3, 2]
    await first.close()
    await second.close()


async def test_who_has_the_whole_quota_again_takes_no_memory():
    now = [0]
    store = InProcess(clock=lambda: now[0])
    for number in range(SWEEP_EVERY - 1):
        await store.spend([Claim(FIVE, f"passing-{number}")])
    assert len(store._until) == SWEEP_EVERY - 1
    now[0] = 60_000_000
    await store.spend([Claim(FIVE, "last")])
    assert list(store._until) == ["last"]
