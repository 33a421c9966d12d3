"""Housekeeping: what has had its time goes, and nothing else does, whosever it is."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import insert, select, text, update

from patchbay.core.clock import utcnow
from registry_api.db import Crossing, Database
from registry_api.idempotency.models import IdempotentAnswer
from registry_api.identity.lockout import NEVER
from registry_api.identity.models import LoginAttempts, LoginSession
from registry_api.identity.publishing.models import ExchangedToken
from registry_api.job_kinds import HANDLERS
from registry_api.jobs.models import Job
from registry_api.jobs.queue import JobEntry, job_row
from tests.registry_api.conftest import running

OLD, YOUNG = timedelta(days=30, minutes=1), timedelta(days=29, hours=23)
TENANTS = ("acme", "globex")
OWED = {"catalog.grant_expired", "segments.delete", "subjects.erase", "tenancy.erase", "tenancy.expire_export"}


async def write(api, *statements):
    async with api.app.state.database.engine.begin() as connection:
        for statement in statements:
            await connection.execute(statement)


async def stored(api, column):
    async with api.app.state.database.reading(Crossing.SETUP) as session:
        return set((await session.execute(select(column))).scalars())


async def tenant_id(api, slug):
    return UUID((await api.operator.get(f"/v1/tenants/{slug}")).json()["id"])


def job(tenant: UUID, state: str, age: timedelta, kind: str = "usage.compact") -> dict[str, Any]:
    """A job that came to a state so long ago; one that is open has waited or run for so long."""
    since = utcnow() - age
    entry = JobEntry(kind, {}, tenant, None, since, 5)
    ended = None if state in ("queued", "running") else since
    return {**job_row(entry, since, None), "state": state, "finished_at": ended}


async def add_jobs(api, *rows):
    await write(api, insert(Job.__table__).values(list(rows)))


async def listed(client):
    return {(one["state"], one["id"]) for one in (await client.get("/v1/jobs")).json()["items"]}


def names(rows):
    return {(one["state"], str(one["id"])) for one in rows}


async def test_ended_jobs_go_when_their_days_are_over_and_no_others_of_whichever_tenant(api):
    ids = {slug: await tenant_id(api, slug) for slug in TENANTS}
    ended, open_ = ("succeeded", "dead", "cancelled"), ("queued", "running")
    kept = {
        slug: [
            *(job(ids[slug], state, YOUNG) for state in ended),
            *(job(ids[slug], state, OLD * 2) for state in open_),
        ]
        for slug in TENANTS
    }
    gone = [job(ids[slug], state, OLD) for slug in TENANTS for state in ended]
    await add_jobs(api, *kept["acme"], *gone, *kept["globex"])
    await api.app.state.housekeeping.round()
    assert await listed(api.acme) == names(kept["acme"])
    assert await listed(api.globex) == names(kept["globex"])
    assert (await api.acme.get(f"/v1/jobs/{gone[0]['id']}")).status_code == 404
    dead = kept["acme"][1]["id"]
    assert (await api.acme.post(f"/v1/jobs/{dead}/retry")).status_code == 202, "what is there can be tried again"


async def test_a_dead_job_that_the_registry_owes_stays_until_it_was_tried_again_and_is_done(api):
    acme = await tenant_id(api, "acme")
    owed = {kind: job(acme, "dead", OLD * 12, kind) for kind in OWED}
    others = [job(acme, "dead", OLD, kind) for kind in sorted(HANDLERS.keys() - OWED)]
    done = [job(acme, state, OLD, kind) for kind in OWED for state in ("succeeded", "cancelled")]
    await add_jobs(api, *owed.values(), *others, *done)
    await api.app.state.housekeeping.round()
    assert await listed(api.acme) == names(owed.values())
    again = await api.operator.post(f"/v1/jobs/{owed['subjects.erase']['id']}/retry")
    assert again.status_code == 202, again.text
    await api.drain_jobs()
    ended = update(Job).where(Job.kind == "subjects.erase").values(finished_at=utcnow() - OLD)
    await write(api, ended)
    await api.app.state.housekeeping.round()
    del owed["subjects.erase"]
    assert await listed(api.acme) == names(owed.values())


def test_what_is_owed_is_never_called_off_and_done_for_suspended_tenants_too():
    found = {kind: one for kind, one in HANDLERS.items() if one.owed}
    assert found.keys() == OWED
    assert not any(one.may_be_cancelled for one in found.values())
    assert all(one.while_suspended for one in found.values())


@pytest.mark.parametrize("state", ["queued", "running"])
async def test_an_open_job_stays_though_it_has_ended_before(api, state):
    one = {**job(await tenant_id(api, "acme"), "dead", OLD), "state": state}
    await add_jobs(api, one)
    await api.app.state.housekeeping.round()
    assert await listed(api.acme) == names([one])


async def test_the_setting_says_how_long_jobs_are_kept(registry):
    settings, tokens = registry
    async with running(settings.model_copy(update={"jobs_kept_days": 2}), tokens) as api:
        acme = await tenant_id(api, "acme")
        rows = [job(acme, "succeeded", timedelta(days=days)) for days in (1, 3)]
        await add_jobs(api, *rows)
        await api.app.state.housekeeping.round()
        assert await listed(api.acme) == names(rows[:1])


async def test_answers_go_once_they_have_expired(api):
    async def keyed(client, key):
        answer = await client.post("/v1/tokens", json={"name": key, "role": "viewer"}, headers={"Idempotency-Key": key})
        return answer.status_code, answer.headers.get("Idempotency-Replayed")

    for client in (api.acme, api.globex):
        for key in ("expired", "living"):
            assert (await keyed(client, key))[0] == 201
    over = update(IdempotentAnswer).where(IdempotentAnswer.key == "expired")
    await write(api, over.values(expires_at=utcnow() - timedelta(seconds=1)))
    await api.app.state.housekeeping.round()
    assert await stored(api, IdempotentAnswer.key) == {"living"}
    assert await keyed(api.acme, "living") == await keyed(api.globex, "living") == (201, "true")


async def person(api, slug):
    """Somebody of the tenant: each call signs them in, and gives the session's id and its caller."""
    credentials = {"email": f"ada@{slug}.example", "password": "correct horse battery staple"}
    wanted = {**credentials, "display_name": "Ada", "role": "viewer"}
    assert (await getattr(api, slug).post("/v1/users", json=wanted)).status_code == 201

    async def signed_in():
        before = await stored(api, LoginSession.id)
        answer = await api.nobody.post("/v1/sessions", json={**credentials, "tenant": slug})
        assert answer.status_code == 201, answer.text
        [session_id] = await stored(api, LoginSession.id) - before
        return session_id, api.client(answer.json()["token"])

    return signed_in


async def test_sessions_go_a_month_after_their_end(api):
    now, hours = utcnow(), timedelta(hours=8)
    ends = {
        "revoked long ago": (now - OLD + hours, now - OLD),
        "expired long ago": (now - OLD, None),
        "revoked": (now - YOUNG + hours, now - YOUNG),
        "expired": (now - YOUNG, None),
        "expired long ago, revoked since": (now - OLD, now - YOUNG),
        "live": (now + hours, None),
    }
    live, kept, changes = [], set(), []
    for slug in TENANTS:
        signed_in = await person(api, slug)
        for name, (expires_at, revoked_at) in ends.items():
            session_id, client = await signed_in()
            kept |= set() if name.endswith("long ago") else {session_id}
            live += [client] if name == "live" else []
            change = update(LoginSession).where(LoginSession.id == session_id)
            changes.append(change.values(expires_at=expires_at, revoked_at=revoked_at))
    await write(api, *changes)  # after the last sign-in, which removes such sessions itself
    await api.app.state.housekeeping.round()
    assert await stored(api, LoginSession.id) == kept
    assert [(await client.get("/v1/me")).status_code for client in live] == [200, 200]


async def test_traces_of_sign_ins_and_exchanges_go_when_they_count_no_more(api):
    now, day, minute = utcnow(), timedelta(days=1), timedelta(minutes=1)
    tries = {b"forgotten": now - day - minute, b"counted": now - day + minute}
    used = {b"forgotten": now - minute, b"counted": now + minute}
    await write(
        api,
        *(
            insert(LoginAttempts).values(key=key, failures=9, blocked_until=NEVER, updated_at=at)
            for key, at in tries.items()
        ),
        *(insert(ExchangedToken).values(key=key, keep_until=at) for key, at in used.items()),
    )
    await api.app.state.housekeeping.round()
    assert await stored(api, LoginAttempts.key) == {b"counted"}
    assert await stored(api, ExchangedToken.key) == {b"counted"}


async def test_all_goes_however_many_batches_that_takes_and_two_rounds_at_once_do_no_harm(api):
    acme = await tenant_id(api, "acme")
    kept = [job(acme, state, YOUNG) for state in ("dead", "queued")]
    await add_jobs(api, *kept, *(job(acme, "succeeded", OLD) for _ in range(11)))
    here = replace(api.app.state.housekeeping, at_once=2)
    other = Database(api.settings.resolved_database_url)  # as another process has it
    try:
        await asyncio.gather(here.round(), replace(here, database=other).round(), here.round())
    finally:
        await other.close()
    assert await listed(api.acme) == names(kept)


async def test_what_another_holds_is_passed_over(api):
    if not api.is_postgres:
        pytest.skip("SQLite has one writer")
    acme = await tenant_id(api, "acme")
    held, free = job(acme, "dead", OLD), job(acme, "dead", OLD)
    await add_jobs(api, held, free)
    async with api.app.state.database.writing(Crossing.SETUP) as session, asyncio.timeout(10):
        await session.execute(select(Job.id).where(Job.id == held["id"]).with_for_update())
        await api.app.state.housekeeping.round()
    assert await listed(api.acme) == names([held])


async def until(condition):
    async with asyncio.timeout(20):
        while not await condition():
            await asyncio.sleep(0.02)


async def test_a_round_that_fails_is_counted_keeps_no_other_table_and_is_followed_by_others(api):
    acme = await tenant_id(api, "acme")
    await add_jobs(api, job(acme, "succeeded", OLD))
    await write(api, insert(ExchangedToken).values(key=b"k", keep_until=utcnow() - timedelta(minutes=1)))

    async def counted():
        lines = (await api.nobody.get("/metrics")).text.splitlines()
        return "patchbay_housekeeping_faults_total 0.0" not in lines

    async def emptied():
        return not await stored(api, Job.id)

    async def tidied():
        return not await stored(api, ExchangedToken.key)

    assert not await counted()
    await write(api, text("ALTER TABLE idempotent_answers RENAME TO away"))
    task = asyncio.create_task(api.app.state.housekeeping.run(0.01))
    try:
        for condition in (counted, emptied, tidied):
            await until(condition)
        await write(api, text("ALTER TABLE away RENAME TO idempotent_answers"))
        await add_jobs(api, job(acme, "succeeded", OLD))
        await until(emptied)
    finally:
        task.cancel()


@pytest.mark.parametrize("seconds", [0, 1])
async def test_it_is_done_at_the_pace_of_the_setting_or_not_at_all(registry, seconds):
    settings, tokens = registry
    async with running(settings.model_copy(update={"housekeeping_seconds": seconds}), tokens) as api:
        await add_jobs(api, job(await tenant_id(api, "acme"), "succeeded", OLD))

        async def emptied():
            return not await stored(api, Job.id)

        if seconds:
            await until(emptied)
        else:
            await asyncio.sleep(0.3)
            assert not await emptied()
