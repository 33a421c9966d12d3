"""Long work: how far it is, what is given up and tried again, and workers that outlive outages."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import update

from patchbay.core.clock import utcnow
from registry_api.jobs.context import JobContext
from registry_api.jobs.errors import PermanentFailure
from registry_api.jobs.models import Job
from registry_api.jobs.registry import handler
from tests.registry_api.jobs.support import ask, effects, state, with_effect, worker


async def test_a_job_is_answered_with_where_and_when_to_ask_how_far_it_is(api, kinds):
    async def counting(job):
        await job.progress(3, 7, "rows")
        await job.progress(4)
        raise PermanentFailure("the disk is full")

    kinds(counting=counting)
    answer = await api.acme.post("/v1/jobs", json={"kind": "test.counting"})
    assert (answer.status_code, answer.headers["retry-after"]) == (202, "1")
    assert answer.headers["location"] == f"/v1/jobs/{answer.json()['id']}"
    assert answer.json()["progress"] is None
    await worker(api).drain()
    job = (await api.acme.get(answer.headers["location"])).json()
    assert job["progress"] == {"done": 4, "of": None, "what": ""}


async def test_a_dead_job_is_tried_again_with_all_its_attempts(api, kinds):
    broken = True

    async def mended(job):
        if broken:
            raise ValueError("away")
        await with_effect(job)

    kinds(mended=mended)
    job = await ask(api, "mended", payload={"number": 1})
    refused = await api.acme.post(f"/v1/jobs/{job['id']}/retry")
    assert (refused.status_code, refused.json()["type"].split("/")[-1]) == (409, "job_not_dead")
    await worker(api).drain()
    [dead] = (await api.acme.get("/v1/jobs?state=dead")).json()["items"]
    assert (dead["id"], dead["attempts"]) == (job["id"], 5)
    broken = False
    again = await api.acme.post(f"/v1/jobs/{job['id']}/retry")
    assert (again.status_code, again.json()["state"], again.json()["attempts"]) == (202, "queued", 0)
    await worker(api).drain()
    assert ((await state(api, job))["state"], await effects(api)) == ("succeeded", 1)
    assert len((await api.acme.get("/v1/audit?action=job.retried")).json()["items"]) == 1


async def test_a_dead_job_is_not_tried_again_beside_an_open_one_of_its_key_nor_by_others(api, kinds):
    async def hopeless(_job):
        raise PermanentFailure("no")

    kinds(hopeless=hopeless)
    job = await ask(api, "hopeless", dedup_key="k")
    await worker(api).drain()
    assert (await api.globex.post(f"/v1/jobs/{job['id']}/retry")).status_code == 404
    other = await ask(api, "hopeless", dedup_key="k")
    answer = await api.acme.post(f"/v1/jobs/{job['id']}/retry")
    assert (answer.status_code, other["id"] in answer.json()["detail"]) == (409, True)


async def test_metrics_tell_how_long_the_oldest_due_job_has_waited_by_lane(api, kinds):
    def age(text, lane):
        [line] = [
            line for line in text.splitlines() if line.startswith(f'patchbay_jobs_oldest_due_seconds{{lane="{lane}"')
        ]
        return float(line.split()[-1])

    text = (await api.nobody.get("/metrics")).text
    assert (age(text, "work"), age(text, "webhooks")) == (0, 0)
    kinds(effect=with_effect)
    await ask(api, "effect")
    async with api.app.state.database.engine.begin() as connection:
        await connection.execute(update(Job).values(run_at=utcnow() - timedelta(seconds=90)))
    text = (await api.nobody.get("/metrics")).text
    assert 90 <= age(text, "work") < 150 and age(text, "webhooks") == 0


async def test_a_worker_outlives_a_database_that_is_away(api, kinds, monkeypatch):
    kinds(effect=with_effect)
    job = await ask(api, "effect")
    tired = worker(api, poll=0.01)
    claims = tired._claim
    faults = iter([OSError("away"), OSError("away")])

    async def claim():
        if (fault := next(faults, None)) is not None:
            raise fault
        return await claims()

    monkeypatch.setattr(tired, "_claim", claim)
    running = asyncio.create_task(tired.run())
    async with asyncio.timeout(10):
        while (await state(api, job))["state"] != "succeeded":
            await asyncio.sleep(0.02)
    running.cancel()
    await asyncio.wait([running])


async def test_a_worker_that_cannot_give_a_failed_job_back_goes_on_with_others(api, kinds, monkeypatch):
    async def failing(_job):
        raise ValueError("no")

    kinds(failing=failing, effect=with_effect)
    await ask(api, "failing")
    tired = worker(api, poll=0.01, lease=timedelta(seconds=60))

    async def away(*_):
        raise OSError("away")

    monkeypatch.setattr(tired, "_return", away)
    running = asyncio.create_task(tired.run())
    job = await ask(api, "effect")
    async with asyncio.timeout(10):
        while (await state(api, job))["state"] != "succeeded":
            await asyncio.sleep(0.02)
    running.cancel()
    await asyncio.wait([running])


async def test_a_heartbeat_that_fails_for_a_moment_takes_no_job_away(api, kinds, monkeypatch):
    async def long(job):
        await asyncio.sleep(0.7)
        await with_effect(job)

    kinds(long=long)
    job = await ask(api, "long")
    beats = iter([OSError("away")])
    beat = JobContext.heartbeat

    async def heartbeat(self):
        if (fault := next(beats, None)) is not None:
            raise fault
        await beat(self)

    monkeypatch.setattr(JobContext, "heartbeat", heartbeat)
    await worker(api).drain()
    assert (await state(api, job))["attempts"] == 1 and await effects(api) == 1


async def test_a_handler_that_lingers_after_its_end_is_not_disturbed(api, kinds):
    lingered = []

    async def lingering(job):
        await with_effect(job)
        await asyncio.sleep(0.5)
        lingered.append(job.claim.id)

    kinds(lingering=lingering)
    job = await ask(api, "lingering", payload={"number": 1})
    await worker(api).drain()
    assert ((await state(api, job))["state"], len(lingered)) == ("succeeded", 1)


async def test_an_open_job_that_ends_between_two_looks_is_asked_for_again(api, kinds, monkeypatch):
    async def ended(*_):
        return None

    kinds(effect=with_effect)
    await ask(api, "effect", dedup_key="k")
    monkeypatch.setattr("registry_api.jobs.repository.Jobs.open_by_key", ended)
    answer = await api.acme.post("/v1/jobs", json={"kind": "test.effect", "dedup_key": "k"})
    assert (answer.status_code, answer.json()["type"].split("/")[-1]) == (409, "conflict")


def test_a_kind_has_one_handler():
    with pytest.raises(ValueError, match=r"two handlers for usage\.compact"):
        handler("usage.compact")(with_effect)
