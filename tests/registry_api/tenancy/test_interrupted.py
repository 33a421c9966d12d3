"""Exports and deletions whose workers die, or that meet each other or a change of mind."""

import asyncio
import threading
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from patchbay.core.clock import utcnow
from patchbay.core.storage.local import LocalStorage
from registry_api.db import Crossing
from registry_api.jobs.models import Job
from registry_api.tenancy import erasure, estate, exports, leaving
from registry_api.tenancy.models import Tenant
from tests.registry_api.conftest import ANY
from tests.registry_api.tenancy.test_leaving import filled, make_due, rows_of, tenant_id


async def set_jobs(api, kind, **changes):
    """What a worker that was killed leaves behind, or one that is at work."""
    async with api.app.state.database.writing(Crossing.SETUP) as session:
        assert (await session.execute(update(Job).where(Job.kind == kind).values(**changes))).rowcount == 1
        await session.commit()


async def test_an_export_whose_worker_died_on_every_attempt_does_not_stand_in_the_way_of_the_next(api):
    first = await api.acme.post("/v1/tenants/acme/exports")
    await set_jobs(api, exports.EXPORT, state="dead", attempts=5)
    second = await api.acme.post("/v1/tenants/acme/exports")
    assert second.json()["id"] != first.json()["id"]
    assert (await api.acme.get(first.headers["location"])).json()["state"] == "failed"
    await api.drain_jobs()
    assert (await api.acme.get(second.headers["location"])).json()["state"] == "done"


async def test_an_export_that_is_asked_for_while_the_tenant_is_erased_is_erased_with_it(api, monkeypatch):
    acme, ask, entered, go = await tenant_id(api.acme), leaving.ask_export, asyncio.Event(), asyncio.Event()

    async def slowly(work, tenant):
        entered.set()
        await go.wait()
        return await ask(work, tenant)

    monkeypatch.setattr(leaving, "ask_export", slowly)
    await api.operator.delete("/v1/tenants/acme")
    await make_due(api, erasure.ERASE)
    asking = asyncio.create_task(api.acme.post("/v1/tenants/acme/exports"))
    await entered.wait()
    erasing = asyncio.create_task(api.drain_jobs())
    await asyncio.sleep(1)
    go.set()
    assert (await asking).status_code == 202
    await erasing
    await make_due(api, erasure.ERASE)
    await api.drain_jobs()
    assert (await rows_of(api, acme))["tenant_exports"] == 0


async def test_an_archive_that_was_kept_without_anybodys_learning_of_it_goes_after_its_time(api):
    asked = await api.acme.post("/v1/tenants/acme/exports")
    key = f"exports/{await tenant_id(api.acme)}/{asked.json()['id']}.tar.zst"
    api.app.state.storage.put(key, b"of a worker that was killed here")
    await set_jobs(api, exports.EXPORT, state="dead", attempts=5)
    await make_due(api, exports.EXPIRE)
    await api.drain_jobs()
    assert list(api.app.state.storage.list("exports")) == []
    assert (await api.acme.get(asked.headers["location"])).json()["state"] == "expired"


async def test_an_export_that_loses_its_job_while_it_keeps_its_archive_keeps_none(api, monkeypatch):
    put = LocalStorage.put_file

    def cancelled_meanwhile(self, key, path):
        put(self, key, path)
        lost.set()
        assert cancelled.wait(30)

    lost, cancelled = threading.Event(), threading.Event()
    monkeypatch.setattr(LocalStorage, "put_file", cancelled_meanwhile)
    await api.acme.post("/v1/tenants/acme/exports")
    draining = asyncio.create_task(api.drain_jobs())
    assert await asyncio.to_thread(lost.wait, 30)
    await set_jobs(api, exports.EXPORT, fence=99)
    cancelled.set()
    await draining
    assert list(api.app.state.storage.list("exports")) == []


@pytest.mark.parametrize("step", ["_begin", "_delete_files"])
async def test_an_erasure_that_died_is_asked_for_by_deleting_the_tenant_again(api, monkeypatch, step):
    def broken(*_):
        raise OSError("the storage is away")

    await filled(api, api.acme)
    acme = await tenant_id(api.acme)
    await api.operator.delete("/v1/tenants/acme")
    await make_due(api, erasure.ERASE)
    await set_jobs(api, erasure.ERASE, max_attempts=1)
    with monkeypatch.context() as outage:
        outage.setattr(erasure, step, broken)
        await api.drain_jobs()
    assert await states_of(api, erasure.ERASE) == ["dead"]
    assert [key for key in api.app.state.storage.list() if str(acme) in key] != []
    for _ in range(2):
        assert (await api.operator.delete(f"/v1/tenants/{acme}")).status_code == 202
        assert await states_of(api, erasure.ERASE) == ["dead", "queued"]
    await api.drain_jobs()
    assert [key for key in api.app.state.storage.list() if str(acme) in key] == []
    left = await rows_of(api, acme)
    assert sum(count for name, count in left.items() if name not in {*estate.KEPT, "jobs", "outbox"}) == 0
    there = api.client(api.tokens["operator"], **{"Patchbay-Tenant": str(acme)})
    assert (await api.operator.delete(f"/v1/tenants/{acme}")).status_code == 202
    assert await states_of(api, erasure.ERASE) == ["succeeded"], "what is gone is not erased again"
    asked = (await there.get("/v1/audit?action=tenant.deletion_asked")).json()["items"]
    assert len(asked) == 2, "one for each job that was asked for"


async def states_of(api, kind):
    async with api.app.state.database.reading(Crossing.SETUP) as session:
        return sorted((await session.execute(select(Job.state).where(Job.kind == kind))).scalars())


async def test_a_tenant_that_is_deleted_given_back_and_deleted_again_is_erased_after_the_second_grace(api):
    await filled(api, api.acme)
    acme = await tenant_id(api.acme)
    await api.operator.delete("/v1/tenants/acme")
    await api.operator.patch("/v1/tenants/acme", json={"status": "active"}, headers=ANY)
    await api.operator.delete("/v1/tenants/acme")
    async with api.app.state.database.writing(Crossing.SETUP) as session:
        first = (await session.execute(select(Job).where(Job.kind == erasure.ERASE).order_by(Job.id))).scalars().first()
        first.run_at = utcnow()
        await session.commit()
    await api.drain_jobs()
    assert (await rows_of(api, acme))["plugins"] == 1, "the first job comes before the time"
    await make_due(api, erasure.ERASE)
    await api.drain_jobs()
    assert (await rows_of(api, acme))["plugins"] == 0


async def test_a_tenant_is_not_erased_while_an_export_of_it_is_still_being_written(api):
    await filled(api, api.acme)
    await api.acme.post("/v1/tenants/acme/exports")
    acme = await tenant_id(api.acme)
    await set_jobs(api, exports.EXPORT, state="running", lease_until=utcnow() + timedelta(minutes=5))
    await api.operator.delete("/v1/tenants/acme")
    await make_due(api, erasure.ERASE)
    await api.drain_jobs()
    assert (await rows_of(api, acme))["plugins"] == 1
    await set_jobs(api, exports.EXPORT, state="dead")
    await make_due(api, erasure.ERASE)
    await api.drain_jobs()
    assert (await rows_of(api, acme))["plugins"] == 0


async def test_a_deletion_that_has_begun_is_not_undone_by_whoever_asked_at_that_moment(api):
    await api.operator.delete("/v1/tenants/acme")
    async with api.app.state.database.writing(Crossing.SETUP) as session:
        found = (await session.execute(select(Tenant).where(Tenant.slug == "acme").with_for_update())).scalar_one()
        undoing = asyncio.create_task(
            api.operator.patch(f"/v1/tenants/{found.id}", json={"status": "active"}, headers=ANY)
        )
        await asyncio.wait([undoing], timeout=1)
        found.status, found.name = "deleted", "Deleted tenant"
        await session.commit()
    answer = await undoing
    assert (answer.status_code, answer.json()["type"].split("/")[-1]) == (409, "tenant_deleted")
