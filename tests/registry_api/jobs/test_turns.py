"""Whose turn it is: no tenant waits for another's thousands, lanes have their limits, and what is locked is passed over."""

import asyncio
from collections import Counter
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select, update

from patchbay.core.clock import utcnow
from registry_api.db import Crossing
from registry_api.jobs.claims import LOOKED_AT, _queues, any_due, claim_next
from registry_api.jobs.context import Claim
from registry_api.jobs.lanes import WEBHOOKS, WORK
from registry_api.jobs.models import Job
from registry_api.jobs.queue import JobEntry, insert_all, job_row
from registry_api.jobs.registry import HANDLERS, Handler
from registry_api.jobs.repository import oldest_due
from registry_api.jobs.waiting import Kinds
from registry_api.jobs.worker import Worker
from registry_api.schemas import Input
from registry_api.tenancy.models import Tenant
from tests.registry_api.conftest import ANY

KIND = "test.turn"


class Anything(Input):
    """Payload of the test's kind."""


def claim_of(**fields):
    """A claim for what only looks at its times and attempts."""
    now = utcnow()
    whose = {"id": uuid4(), "tenant_id": uuid4(), "operator_id": uuid4(), "kind": KIND, "payload": {}}
    rest = {"attempt": 1, "max_attempts": 200, "give_up_at": None, "claimed_at": now, "fence": 1, "trace_id": None}
    return Claim(**{**whose, **rest, **fields})


@pytest.fixture
def served(monkeypatch):
    """The tenants whose jobs ran, in order."""
    order = []

    async def note(job):
        order.append(job.tenant_id)

    monkeypatch.setitem(HANDLERS, KIND, Handler(KIND, note, True, Anything))
    return order


async def tenants(api):
    return [UUID((await caller.get("/v1/me")).json()["tenant"]["id"]) for caller in (api.acme, api.globex)]


async def fill(api, tenant, count, lane=WORK, queue=None, since=timedelta(hours=1), kind=KIND):
    """So many jobs of a tenant that are due for a while."""
    now = utcnow()
    entry = JobEntry(kind, {}, tenant, None, now - since, 5, lane=lane, queue=queue)
    async with api.app.state.database.writing(Crossing.JOBS) as session:
        await insert_all(session, [job_row(entry, now, None) for _ in range(count)])
        await session.commit()


def worker(api, **changes):
    quick = {"lease": timedelta(seconds=30), "first_pause": timedelta(0), "poll": 0.02}
    return Worker(api.app.state.database, api.app.state.storage, api.settings, **{**quick, **changes})


async def claimed(api, lane, at_most):
    """Claims one after the other, each committed and none finished."""
    found = []
    for _ in range(at_most):
        async with api.app.state.database.writing(Crossing.JOBS) as session:
            claim = await claim_next(session, lane, Kinds([KIND]), "w", utcnow(), timedelta(seconds=30))
            await session.commit()
        if claim is None:
            break
        found.append(claim)
    return found


async def test_one_job_of_a_tenant_does_not_wait_for_ten_thousand_of_another(api, served):
    acme, globex = await tenants(api)
    await fill(api, acme, 10_000)
    await worker(api).step()
    await fill(api, globex, 3, since=timedelta(0))
    for _ in range(8):
        await worker(api).step()
    assert served == [acme, globex, acme, globex, acme, globex, acme, acme, acme]


async def test_queues_of_a_tenant_take_turns_and_do_not_take_those_of_others(api, served):
    acme, globex = await tenants(api)
    for queue in ("a", "b", "c"):
        await fill(api, acme, 3, WEBHOOKS, queue)
    await fill(api, globex, 3, WEBHOOKS, "d")
    claims = await claimed(api, WEBHOOKS, 6)
    assert [claim.tenant_id for claim in claims] == [acme, globex] * 2 + [acme, acme]
    async with api.app.state.database.reading(Crossing.JOBS) as session:
        running = select(Job.queue).where(Job.state == "running", Job.tenant_id == acme)
        assert Counter((await session.execute(running)).scalars()) == {"a": 2, "b": 1, "c": 1}


async def test_a_lane_runs_a_bounded_number_of_a_queue_and_of_a_tenant(api, served):
    acme, globex = await tenants(api)
    for queue in "abcde":
        await fill(api, acme, 4, WEBHOOKS, queue)
    await fill(api, globex, 4, WEBHOOKS, "z")
    claims = await claimed(api, WEBHOOKS, 30)
    assert Counter(claim.tenant_id for claim in claims) == {acme: 6, globex: 2}
    assert await worker(api, lanes=(WEBHOOKS,)).step() is False
    async with api.app.state.database.engine.begin() as connection:
        await connection.execute(update(Job).values(lease_until=utcnow() - timedelta(seconds=1)))
    assert len(await claimed(api, WEBHOOKS, 1)) == 1, "what dead workers held is taken up again"


async def test_a_suspended_tenants_waiting_jobs_are_no_part_of_a_claim_nor_of_the_alarm(api, served):
    acme, globex = await tenants(api)
    for queue in "abc":
        await fill(api, acme, 2, WEBHOOKS, queue)
    await fill(api, globex, 1, WEBHOOKS, "z", since=timedelta(seconds=60))
    await api.operator.patch("/v1/tenants/acme", json={"status": "suspended"}, headers=ANY)
    async with api.app.state.database.reading(Crossing.JOBS) as session:
        found = await _queues(session, WEBHOOKS, Kinds([KIND]), utcnow())
        always = await _queues(session, WEBHOOKS, Kinds([KIND], [KIND]), utcnow())
    assert ([queue.name for queue in found], len(always)) == (["z"], 4)
    assert 60 <= await oldest(api) < 1800
    await worker(api, lanes=(WEBHOOKS,)).drain()
    assert (served, await oldest(api)) == ([globex], 0)
    await api.operator.patch("/v1/tenants/acme", json={"status": "active"}, headers=ANY)
    assert await oldest(api) >= 3600


async def oldest(api, lane=WEBHOOKS):
    text = (await api.nobody.get("/metrics")).text
    lines = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    return float(lines[f'patchbay_jobs_oldest_due_seconds{{lane="{lane}"}}'])


async def kill_workers(api):
    """As if each job that waits had been taken by a worker that died."""
    async with api.app.state.database.engine.begin() as connection:
        died = {"state": "running", "lease_until": utcnow() - timedelta(seconds=1)}
        await connection.execute(update(Job).where(Job.state == "queued").values(died))


async def test_claims_at_once_never_pass_the_limit(api, served):
    acme, _ = await tenants(api)
    await fill(api, acme, 20, WEBHOOKS, "a")
    found = await asyncio.gather(*(worker(api, lanes=(WEBHOOKS,))._claim() for _ in range(10)))
    assert sum(claim is not None for claim in found) == 2


@pytest.mark.parametrize("state", ["queued", "running"])
async def test_what_another_worker_is_just_taking_is_passed_over_without_waiting(api, served, state):
    """Of jobs that are due, and of jobs whose worker died."""
    if not api.is_postgres:
        pytest.skip("SQLite has one writer at a time")
    acme, _ = await tenants(api)
    await fill(api, acme, 2)
    if state == "running":
        await kill_workers(api)
    database = api.app.state.database
    async with database.writing(Crossing.JOBS) as first, database.writing(Crossing.JOBS) as second, asyncio.timeout(5):
        one = await claim_next(first, WORK, Kinds([KIND]), "one", utcnow(), timedelta(seconds=30))
        other = await claim_next(second, WORK, Kinds([KIND]), "other", utcnow(), timedelta(seconds=30))
        assert one is not None and other is not None and one.id != other.id
        async with database.writing(Crossing.JOBS) as third:
            assert await claim_next(third, WORK, Kinds([KIND]), "third", utcnow(), timedelta(seconds=30)) is None


async def test_a_worker_with_slots_runs_jobs_beside_each_other_and_gives_all_back_when_it_stops(api, monkeypatch):
    acme, _ = await tenants(api)
    started = []

    async def endless(job):
        started.append(job.claim.id)
        await asyncio.sleep(60)

    monkeypatch.setitem(HANDLERS, KIND, Handler(KIND, endless, True, Anything))
    await fill(api, acme, 5)
    running = asyncio.create_task(worker(api, slots=3).run())
    async with asyncio.timeout(5):
        while len(started) < 3:
            await asyncio.sleep(0.01)
    running.cancel()
    await asyncio.wait([running])
    assert len(started) == 3
    async with api.app.state.database.reading(Crossing.JOBS) as session:
        rows = (await session.execute(select(Job.state, Job.attempts).where(Job.kind == KIND))).tuples().all()
    assert Counter(rows) == {("queued", 0): 5}


async def test_what_a_claim_costs_does_not_grow_with_the_jobs_that_wait(api, served):
    """In steps of SQLite's engine, which are the same on every machine."""
    if api.is_postgres:
        pytest.skip("steps are counted on SQLite; both have the same indexes")
    acme, globex = await tenants(api)
    for tenant in (acme, globex):
        await fill(api, tenant, 10)
    few = await steps_of(api, a_claim)
    await fill(api, acme, 20_000)
    assert await steps_of(api, a_claim) < few * 2
    for status in ("suspended", "deleting"):
        await set_status(api, acme, status)
        assert await steps_of(api, a_claim) < few * 2, status


async def test_what_it_costs_to_find_nothing_does_not_grow_with_the_jobs_of_a_suspended_tenant(api, served):
    if api.is_postgres:
        pytest.skip("steps are counted on SQLite; both have the same indexes")
    acme, _ = await tenants(api)
    await set_status(api, acme, "suspended")
    await fill(api, acme, 100)
    looks = (no_claim, nothing_due, no_alarm)
    few = [await steps_of(api, look) for look in looks]
    await fill(api, acme, 20_000)
    assert [await steps_of(api, look) < cost * 2 for look, cost in zip(looks, few, strict=True)] == [True] * 3


async def test_what_is_done_for_a_suspended_tenant_is_found_behind_what_waits_until_it_is_active(
    api, served, monkeypatch
):
    acme, _ = await tenants(api)
    await fill(api, acme, LOOKED_AT + 10)
    await set_status(api, acme, "suspended")
    owed = Handler("test.owed", HANDLERS[KIND].run, False, Anything, while_suspended=True)
    monkeypatch.setitem(HANDLERS, "test.owed", owed)
    assert await worker(api).step() is False
    await fill(api, acme, 1, kind="test.owed", since=timedelta(seconds=60))
    assert 60 <= await oldest(api, WORK) < 1800
    assert await worker(api).drain() == 1
    await fill(api, acme, 1, kind="test.owed", since=timedelta(seconds=60))
    await kill_workers(api)
    assert await worker(api).drain() == 1, "of what dead workers held, too"
    assert await oldest(api, WORK) == 0


async def test_jobs_of_a_kind_that_a_worker_does_not_know_are_nothing_to_claim_and_hide_none_that_it_knows(api, served):
    """As while the workers are replaced by newer ones."""
    acme, _ = await tenants(api)
    await fill(api, acme, LOOKED_AT + 10, kind="test.newer")
    async with api.app.state.database.reading(Crossing.JOBS) as session:
        await nothing_due(session)
        await no_alarm(session)
    await fill(api, acme, 1, since=timedelta(seconds=60))
    assert 60 <= await oldest(api, WORK) < 1800
    assert await worker(api).drain() == 1


def kinds():
    return Kinds.of(HANDLERS)


async def a_claim(session):
    assert await claim_next(session, WORK, kinds(), "w", utcnow(), timedelta(seconds=30)) is not None


async def no_claim(session):
    assert await claim_next(session, WORK, kinds(), "w", utcnow(), timedelta(seconds=30)) is None


async def nothing_due(session):
    assert not await any_due(session, [WORK, WEBHOOKS], kinds(), utcnow())


async def no_alarm(session):
    assert await oldest_due(session, kinds(), utcnow()) == {WORK: 0, WEBHOOKS: 0}


async def set_status(api, tenant, status):
    async with api.app.state.database.engine.begin() as connection:
        await connection.execute(update(Tenant).where(Tenant.id == tenant).values(status=status))


async def steps_of(api, action):
    passed = 0

    def step():
        nonlocal passed
        passed += 10

    async with api.app.state.database.writing(Crossing.JOBS) as session:
        raw = (await (await session.connection()).get_raw_connection()).driver_connection
        await raw.set_progress_handler(step, 10)
        await action(session)
        await raw.set_progress_handler(None, 10)
    return passed
