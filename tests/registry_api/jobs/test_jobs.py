"""Jobs: durable, exactly one effect, retried, and given up in the open."""

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select, update

from patchbay.core.clock import utcnow
from registry_api.db import Crossing
from registry_api.jobs.context import JobContext
from registry_api.jobs.errors import LeaseLost, PermanentFailure
from registry_api.jobs.models import Job
from tests.registry_api.jobs.support import ask, effects, state, with_effect, worker


async def test_a_job_runs_once_and_keeps_its_result(api, kinds):
    kinds(effect=with_effect)
    job = await ask(api, "effect", payload={"number": 7})
    assert job["state"] == "queued"
    assert await worker(api).drain() == 1
    done = await state(api, job)
    assert (done["state"], done["result"], done["attempts"]) == ("succeeded", {"number": 7}, 1)
    assert await effects(api) == 1
    assert await worker(api).drain() == 0


async def test_a_handler_that_only_returns_is_finished_for_it(api, kinds):
    async def plain(job):
        return {"tenant": str(job.tenant_id)}

    kinds(plain=plain)
    job = await ask(api, "plain")
    await worker(api).drain()
    assert (await state(api, job))["result"] == {"tenant": job["tenant_id"]}


async def test_a_job_enqueued_with_a_change_exists_only_if_the_change_does(api, kinds):
    async def outer(job):
        async with job.finishing() as work:
            work.enqueue("test.inner", {"number": 1}, dedup_key="one")
            work.enqueue("test.inner", {"number": 2}, dedup_key="one")

    async def broken(job):
        async with job.finishing() as work:
            work.enqueue("test.inner", {"number": 3})
            raise PermanentFailure("no use")

    kinds(outer=outer, broken=broken, inner=with_effect)
    await ask(api, "outer")
    await ask(api, "broken")
    await worker(api).drain()
    inner = (await api.acme.get("/v1/jobs?kind=test.inner")).json()["items"]
    assert [job["payload"] for job in inner] == [{"number": 1}]


async def test_a_failing_job_is_retried_with_growing_pauses_and_then_dead_with_its_reason(api, kinds):
    async def failing(_job):
        raise ValueError("cannot read postgres://user:hunter2@host/db")

    kinds(failing=failing)
    job = await ask(api, "failing")
    patient = worker(api, first_pause=timedelta(seconds=100))
    pauses = []
    for _ in range(4):
        await patient.drain()
        waiting = await state(api, job)
        assert waiting["state"] == "queued"
        async with api.app.state.database.engine.begin() as connection:
            run_at = (await connection.execute(select(Job.run_at))).scalar_one()
            pauses.append((run_at - utcnow()).total_seconds())
            await connection.execute(update(Job).values(run_at=utcnow()))
    for pause, most in zip(pauses, (100, 200, 400, 800), strict=True):
        assert most * 0.45 < pause <= most
    await patient.drain()
    dead = await state(api, job)
    assert (dead["state"], dead["attempts"]) == ("dead", 5)
    assert dead["last_error"].endswith(f"the registry's log says more under the trace {job['trace_id']}")
    assert dead["last_error"].startswith("ValueError;") and "postgres" not in dead["last_error"]


async def test_a_permanent_failure_is_not_retried(api, kinds):
    async def hopeless(_job):
        raise PermanentFailure("the file is gone")

    kinds(hopeless=hopeless)
    job = await ask(api, "hopeless")
    await worker(api).drain()
    dead = await state(api, job)
    assert (dead["state"], dead["last_error"]) == ("dead", "PermanentFailure: the file is gone")


async def end_leases(api):
    async with api.app.state.database.engine.begin() as connection:
        await connection.execute(update(Job).values(lease_until=utcnow() - timedelta(seconds=1)))


async def test_a_dead_workers_job_is_finished_by_another_after_its_lease(api, kinds):
    kinds(effect=with_effect)
    job = await ask(api, "effect")
    claim = await worker(api, lease=timedelta(seconds=60))._claim()
    assert str(claim.id) == job["id"]
    assert await worker(api).drain() == 0
    await end_leases(api)
    assert await worker(api).drain() == 1
    done = await state(api, job)
    assert (done["state"], done["attempts"]) == ("succeeded", 2)
    assert await effects(api) == 1


async def test_a_worker_that_lost_its_lease_commits_nothing(api, kinds):
    started, go_on = asyncio.Event(), asyncio.Event()

    async def slow(job):
        if job.claim.attempt == 1:
            started.set()
            await go_on.wait()
        await with_effect(job)

    kinds(slow=slow)
    job = await ask(api, "slow")
    first = asyncio.create_task(worker(api, lease=timedelta(seconds=60)).step())
    await started.wait()
    await end_leases(api)
    assert await worker(api).drain() == 1
    go_on.set()
    await first
    done = await state(api, job)
    assert (done["state"], done["attempts"]) == ("succeeded", 2)
    assert await effects(api) == 1


async def test_a_long_job_keeps_its_lease_by_heartbeats(api, kinds):
    async def long(job):
        await asyncio.sleep(1.5)
        await with_effect(job)

    kinds(long=long)
    job = await ask(api, "long")
    first = asyncio.create_task(worker(api).step())
    await asyncio.sleep(1.1)
    assert await worker(api).drain() == 0
    await first
    assert (await state(api, job))["attempts"] == 1
    assert await effects(api) == 1


async def test_a_job_that_kills_its_worker_every_time_ends_dead(api, kinds):
    kinds(effect=with_effect)
    job = await ask(api, "effect")
    for _ in range(5):
        assert await worker(api)._claim() is not None
        async with api.app.state.database.engine.begin() as connection:
            await connection.execute(update(Job).values(lease_until=utcnow() - timedelta(seconds=1)))
    assert await worker(api)._claim() is None
    dead = await state(api, job)
    assert (dead["state"], dead["last_error"]) == ("dead", "the worker died on every attempt")


async def test_a_stopped_worker_gives_its_job_back_unharmed(api, kinds):
    started = asyncio.Event()

    async def endless(_job):
        started.set()
        await asyncio.sleep(60)

    kinds(endless=endless)
    job = await ask(api, "endless")
    running = asyncio.create_task(worker(api).run())
    await started.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    back = await state(api, job)
    assert (back["state"], back["attempts"]) == ("queued", 0)


async def test_a_cancelled_job_does_not_run_and_a_running_one_commits_nothing(api, kinds):
    started = asyncio.Event()

    async def slow(job):
        started.set()
        await asyncio.sleep(5)
        await with_effect(job)

    kinds(effect=with_effect, slow=slow)
    waiting = await ask(api, "effect")
    assert (await api.acme.post(f"/v1/jobs/{waiting['id']}/cancel")).json()["state"] == "cancelled"
    running = await ask(api, "slow")
    step = asyncio.create_task(worker(api).step())
    await started.wait()
    assert (await api.acme.post(f"/v1/jobs/{running['id']}/cancel")).status_code == 200
    await asyncio.wait_for(step, 3)
    assert await worker(api).drain() == 0
    assert await effects(api) == 0
    again = await api.acme.post(f"/v1/jobs/{running['id']}/cancel")
    assert (again.status_code, again.json()["type"].split("/")[-1]) == (409, "job_finished")


async def test_a_job_that_nobody_may_ask_for_is_not_cancelled_either(api, kinds):
    async def outer(job):
        async with job.finishing() as work:
            work.enqueue("test.inner", {"number": 1})

    kinds(outer=outer, inner=with_effect)
    await ask(api, "outer")
    await worker(api).step()
    (inner,) = (await api.acme.get("/v1/jobs?kind=test.inner")).json()["items"]
    answer = await api.acme.post(f"/v1/jobs/{inner['id']}/cancel")
    assert (answer.status_code, answer.json()["type"].split("/")[-1]) == (409, "conflict")
    await worker(api).drain()
    assert await effects(api) == 1


async def test_enqueuing_what_is_just_being_done_does_not_wait_for_the_jobs_own_step(api, kinds):
    if not api.is_postgres:
        pytest.skip("SQLite has one writer at a time")
    kinds(effect=with_effect)
    running = await ask(api, "effect", dedup_key="k")
    claim = await worker(api)._claim()
    job = JobContext(claim, api.app.state.database, api.app.state.storage, api.settings, timedelta(seconds=60))
    async with job.writing():
        assert (await asyncio.wait_for(ask(api, "effect", dedup_key="k"), 5))["id"] == running["id"]


async def test_many_workers_run_every_job_exactly_once(api, kinds):
    kinds(effect=with_effect)
    for number in range(20):
        await ask(api, "effect", payload={"number": number})
    ran = await asyncio.gather(*(worker(api, lease=timedelta(seconds=30)).drain() for _ in range(5)))
    assert sum(ran) == 20
    assert await effects(api) == 20


async def test_a_dedup_key_gives_the_open_job_and_a_new_one_after_its_end(api, kinds):
    kinds(effect=with_effect)
    first = await ask(api, "effect", dedup_key="k")
    assert (await ask(api, "effect", dedup_key="k"))["id"] == first["id"]
    assert (await ask(api, "effect", caller=api.globex, dedup_key="k"))["id"] != first["id"]
    await worker(api).drain()
    assert (await ask(api, "effect", dedup_key="k"))["id"] != first["id"]


async def test_kinds_that_are_unknown_or_not_for_callers_and_bad_payloads_are_refused(api, kinds):
    kinds(effect=with_effect, inner=with_effect)
    for kind in ("test.none", "test.inner"):
        answer = await api.acme.post("/v1/jobs", json={"kind": kind})
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "unknown_job_kind")
    answer = await api.acme.post("/v1/jobs", json={"kind": "test.effect", "payload": {"number": "many"}})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, "/payload/number")


async def test_jobs_are_seen_and_cancelled_by_their_own_tenant_only(api, kinds):
    kinds(effect=with_effect)
    job = await ask(api, "effect")
    assert (await api.globex.get(f"/v1/jobs/{job['id']}")).status_code == 404
    assert (await api.globex.post(f"/v1/jobs/{job['id']}/cancel")).status_code == 404
    assert (await api.globex.get("/v1/jobs")).json()["items"] == []
    assert [found["id"] for found in (await api.operator.get("/v1/jobs?state=queued")).json()["items"]] == [job["id"]]


async def test_a_step_of_a_lost_job_is_refused(api, kinds):
    kinds(effect=with_effect)
    await ask(api, "effect")
    claim = await worker(api)._claim()
    job = JobContext(claim, api.app.state.database, api.app.state.storage, api.settings, timedelta(seconds=1))
    async with job.writing() as work:
        work.audit("test.effect", "step")
    async with api.app.state.database.engine.begin() as connection:
        await connection.execute(update(Job).values(fence=99))
    with pytest.raises(LeaseLost):
        async with job.writing() as work:
            work.audit("test.effect", "step")
    assert await effects(api) == 1


async def test_a_step_leaves_a_whole_lease_however_long_it_took(api, kinds):
    kinds(effect=with_effect)
    await ask(api, "effect")
    claim, lease = await worker(api)._claim(), timedelta(seconds=60)
    job = JobContext(claim, api.app.state.database, api.app.state.storage, api.settings, lease)
    async with job.writing():
        await asyncio.sleep(0.05)
        end = utcnow()
    async with api.app.state.database.reading(Crossing.SETUP) as session:
        assert (await session.execute(select(Job.lease_until))).scalar_one() >= end + lease


async def test_a_job_of_dead_workers_that_is_held_keeps_no_claim_waiting(api, kinds):
    if not api.is_postgres:
        pytest.skip("SQLite has one writer at a time")
    kinds(effect=with_effect)
    exhausted = await ask(api, "effect")
    await worker(api)._claim()
    async with api.app.state.database.engine.begin() as connection:
        await connection.execute(update(Job).values(lease_until=utcnow() - timedelta(seconds=1), attempts=5))
    other = await ask(api, "effect")
    async with api.app.state.database.engine.begin() as connection:
        await connection.execute(select(Job.id).where(Job.id == UUID(exhausted["id"])).with_for_update())
        claim = await asyncio.wait_for(worker(api)._claim(), 5)
    assert str(claim.id) == other["id"]
    assert await worker(api)._claim() is None
    assert (await state(api, exhausted))["state"] == "dead"


KILLED = """
    import asyncio, sys
    from datetime import timedelta
    from patchbay.core.settings import Settings
    from patchbay.core.storage import open_storage
    from registry_api.db import Database
    from registry_api.jobs.registry import Handler, NoPayload
    from registry_api.jobs.worker import Worker

    async def effect(job):
        async with job.finishing() as work:
            work.audit("test.effect", "from the killed worker")
            await work.session.flush()
            print("inside", flush=True)
            await asyncio.sleep(60)

    async def main():
        settings = Settings()
        database = Database(settings.resolved_database_url)
        kinds = {"test.effect": Handler("test.effect", effect, True, NoPayload)}
        await Worker(database, open_storage(settings), settings, kinds, lease=timedelta(seconds=2)).step()

    asyncio.run(main())
"""


async def test_a_worker_killed_inside_its_last_transaction_leaves_one_effect_by_another(api, kinds):
    kinds(effect=with_effect)
    job = await ask(api, "effect")
    environment = {**os.environ, "PATCHBAY_HOME": str(api.settings.home)}
    if api.settings.database_url:
        environment["PATCHBAY_DATABASE_URL"] = api.settings.database_url
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(KILLED)], env=environment, stdout=subprocess.PIPE, text=True
    )
    assert await asyncio.to_thread(process.stdout.readline) == "inside\n"
    process.send_signal(signal.SIGKILL)
    await asyncio.to_thread(process.wait)
    process.stdout.close()
    assert await effects(api) == 0
    for _ in range(50):
        if await worker(api, lease=timedelta(seconds=30)).drain():
            break
        await asyncio.sleep(0.1)
    assert (await state(api, job))["state"] == "succeeded"
    assert await effects(api) == 1


async def test_requests_at_once_with_one_dedup_key_are_answered_with_one_job(api, kinds):
    kinds(effect=with_effect)
    jobs = await asyncio.gather(*(ask(api, "effect", dedup_key="k") for _ in range(8)))
    assert len({job["id"] for job in jobs}) == 1
    records = (await api.acme.get("/v1/audit?action=job.requested")).json()["items"]
    assert len(records) == 1
