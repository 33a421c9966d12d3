"""Webhooks that fail for days, are slow, or are deleted; pings, and what the night removes."""

import asyncio
from collections import Counter
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest
from pydantic import SecretStr
from sqlalchemy import delete, func, select, text, update

from patchbay.core.clock import utcnow
from registry_api.db import Crossing
from registry_api.jobs.context import Claim
from registry_api.jobs.models import Job
from registry_api.webhooks.models import Attempt, Delivery, Webhook, WebhookSecret
from registry_api.webhooks.repository import Webhooks
from tests.registry_api.automation.acting.receivers import HOST, hooks, mails
from tests.registry_api.conftest import ANY
from tests.registry_api.intake_data import items
from tests.registry_api.notifications.test_webhook import receiver, silence
from tests.registry_api.webhooks.support import (
    attempt,
    deliveries,
    failing_for,
    make,
    make_due,
    patch,
    publish,
    sender,
)


async def test_a_ping_goes_past_the_filter_and_to_a_disabled_webhook(api, hook, types_of):
    made = await make(api.acme, hook.url, "token.created", enabled=False)
    sibling = await make(api.acme, hook.url)
    answer = await api.acme.post(f"/v1/webhooks/{made['id']}/ping")
    assert answer.status_code == 202
    await api.drain_jobs()
    assert types_of(hook) == ["webhook.ping"]
    assert (await api.acme.get(answer.headers["location"])).json()["state"] == "delivered"
    assert await deliveries(api.acme, sibling) == []


async def test_after_days_of_nothing_but_failures_it_is_disabled_and_who_looks_after_it_is_told(api, hook, types_of):
    with mails() as taken:
        api.settings = api.settings.model_copy(update={"smtp_url": SecretStr(taken.url)})
        await api.acme.put("/v1/automation/contacts/ops", json={"addresses": ["ops@acme.example"]})
        async with receiver("500 No", []) as port:
            made = await make(api.acme, f"http://{HOST}:{port}/", "plugin.*", contact="ops")
            await make(api.acme, hook.url, "webhook.*")
            await publish(api.acme, "one")
            await attempt(api)
            assert (await api.acme.get(f"/v1/webhooks/{made['id']}")).json()["failing_since"] is not None
            await failing_for(api, made, timedelta(days=4, hours=23))
            await make_due(api)
            await attempt(api)
            assert (await api.acme.get(f"/v1/webhooks/{made['id']}")).json()["enabled"] is True
            await failing_for(api, made, timedelta(days=5))
            await publish(api.acme, "two")
            await make_due(api)
            await attempt(api)
            await attempt(api)
        now = (await api.acme.get(f"/v1/webhooks/{made['id']}")).json()
        assert now["enabled"] is False and "500" in now["disabled_reason"]
        [record] = (await api.acme.get("/v1/audit?action=webhook.disabled")).json()["items"]
        assert (record["actor"], record["subject"]) == ("system", f"webhook:{made['id']}")
        assert types_of(hook) == ["webhook.disabled"]
        [mail] = taken.messages
        assert "ops@acme.example" in mail and made["id"] in mail.replace("=\n", "")
        assert "Status of its last answer: 500" in mail and "answered 500" not in mail
    await make_due(api)
    await attempt(api)
    states = [one["state"] for one in await deliveries(api.acme, made)]
    assert states == ["failed", "failed"]
    assert (await patch(api.acme, made, enabled=True)).json()["disabled_reason"] is None


async def test_an_event_that_can_never_be_sent_says_nothing_of_the_receiver(api, hook, monkeypatch):
    made = await make(api.acme, hook.url)
    with monkeypatch.context() as small:
        small.setattr("registry_api.notifications.webhook.LARGEST_BODY", 10)
        await publish(api.acme, "large")
        await attempt(api)
    [large] = await deliveries(api.acme, made, state="failed")
    assert "a webhook carries at most" in large["last_error"]
    since = update(Webhook).where(Webhook.failing_since.is_not(None))
    await set_all(api, since, failing_since=utcnow() - timedelta(days=6))  # as if it had been six days ago
    hook.answers = [503]
    await publish(api.acme, "small")
    await attempt(api)
    now = (await api.acme.get(f"/v1/webhooks/{made['id']}")).json()
    assert now["enabled"] is True, "its first failure is a moment ago"
    assert datetime.fromisoformat(now["failing_since"]) > utcnow() - timedelta(minutes=5)
    await make_due(api)
    await attempt(api)
    assert (await api.acme.get(f"/v1/webhooks/{made['id']}")).json()["failing_since"] is None


async def test_who_looks_after_a_webhook_is_told_once_a_day_and_never_in_the_receivers_words(api, monkeypatch):
    monkeypatch.setattr("registry_api.notifications.webhook.is_public", lambda _: True)
    words = b"HTTP/1.1 410 Gone\r\nContent-Length: 9\r\n\r\nBuy pills"
    with mails() as taken:
        api.settings = api.settings.model_copy(update={"smtp_url": SecretStr(taken.url)})
        async with silence(words) as port:
            made = await make(api.acme, f"http://{HOST}:{port}/", "plugin.*", contact="stranger@example.org")
            for name, mailed in (("one", 1), ("two", 1), ("three", 2)):
                await publish(api.acme, name)
                await attempt(api)
                now = (await patch(api.acme, made, enabled=True)).json()
                assert now["enabled"] and len(taken.messages) == mailed
                if name == "two":
                    async with api.app.state.database.engine.begin() as connection:
                        told = update(Job).where(Job.kind == "webhooks.notice")
                        await connection.execute(told.values(finished_at=utcnow() - timedelta(days=1, minutes=1)))
    assert "pills" not in "".join(taken.messages)
    reasons = [row["change"]["reason"] for row in await items(api.acme, "/v1/audit", action="webhook.disabled")]
    assert len(reasons) == 3 and all("pills" in reason for reason in reasons), "its owner reads them in the registry"


async def test_an_attempt_is_written_down_in_the_order_of_locks_in_which_a_webhook_is_deleted(api, hook):
    if not api.is_postgres:
        pytest.skip("SQLite has one writer at a time")
    made = await make(api.acme, hook.url)
    await publish(api.acme, "one")
    async with api.app.state.database.engine.begin() as connection, asyncio.timeout(20):
        deleted = select(Webhook.id).where(Webhook.id == UUID(made["id"]))
        await connection.execute(deleted.with_for_update(key_share=True))
        working = asyncio.create_task(attempt(api))
        waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
        while (await connection.execute(waiting)).scalar_one() == 0:
            await asyncio.sleep(0.05)
        await connection.execute(select(Delivery.id).with_for_update(nowait=True))
    await working
    assert [one["state"] for one in await deliveries(api.acme, made)] == ["delivered"]


async def test_nobody_is_told_who_has_no_address_or_whose_webhook_was_enabled_again(api):
    async with receiver("410 Gone", []) as port:
        for contact in ("nobody", None, "enabled"):
            made = await make(api.acme, f"http://{HOST}:{port}/", "plugin.*", contact=contact)
        await publish(api.acme, "one")
        await sender(api, lanes=("webhooks",)).drain()
        await patch(api.acme, made, enabled=True)
    assert (await api.acme.get(f"/v1/webhooks/{made['id']}")).json()["failing_since"] is None
    await attempt(api)
    notices = await items(api.acme, "/v1/jobs", kind="webhooks.notice")
    assert [job["result"] for job in notices] == [{"told": []}] * 2


async def test_a_receiver_that_says_it_is_gone_is_disabled_at_once(api):
    async with receiver("410 Gone", []) as port:
        made = await make(api.acme, f"http://{HOST}:{port}/")
        await publish(api.acme, "one")
        await publish(api.acme, "two")
        await attempt(api)
    assert (await api.acme.get(f"/v1/webhooks/{made['id']}")).json()["enabled"] is False
    assert len((await api.acme.get("/v1/audit?action=webhook.disabled")).json()["items"]) == 1


async def test_slow_receivers_delay_no_other_tenants_deliveries_nor_other_work(api, hook, monkeypatch):
    monkeypatch.setattr("registry_api.notifications.webhook.SECONDS", 18)
    async with silence() as port:
        for _ in range(4):
            await make(api.acme, f"http://{HOST}:{port}/")
        for number in range(6):
            await publish(api.acme, f"a{number}")
        await make(api.globex, hook.url)
        working = asyncio.create_task(sender(api, lanes=("webhooks",), slots=8).run())
        acme = UUID((await api.acme.get("/v1/me")).json()["tenant"]["id"])
        async with asyncio.timeout(15):
            while await running_of(api, acme) < 6:
                await asyncio.sleep(0.02)
            for number in range(6):
                await publish(api.globex, f"g{number}")
            while len(hook.ids) < 6:
                await asyncio.sleep(0.02)
        assert await running_of(api, acme) == 6, "a tenant of slow receivers has six senders and no more"
        working.cancel()
        await asyncio.wait([working])


async def running_of(api, tenant):
    async with api.app.state.database.reading(Crossing.SETUP) as session:
        query = select(func.count()).where(
            Job.tenant_id == tenant, Job.kind == "webhooks.deliver", Job.state == "running"
        )
        return (await session.execute(query)).scalar_one()


async def test_a_deleted_webhook_is_sent_nothing_more(api, hook):
    made, other = await make(api.acme, hook.url), await make(api.acme, hook.url)
    hook.answers = [500]
    await publish(api.acme, "one")
    await sender(api, first_pause=timedelta(hours=1), lanes=("webhooks",)).step()
    for path in (made, other):
        assert (await api.acme.delete(f"/v1/webhooks/{path['id']}")).status_code == 204
    await make_due(api)
    await attempt(api)
    assert len(hook.ids) == 1
    jobs = await items(api.acme, "/v1/jobs", kind="webhooks.deliver")
    assert [job["result"] for job in jobs] == [{"state": "gone"}] * 2
    async with api.app.state.database.reading(Crossing.SETUP) as session:
        for table in (Webhook, WebhookSecret, Delivery, Attempt):
            assert (await session.execute(select(func.count()).select_from(table))).scalar_one() == 0


async def test_what_is_found_disabled_while_it_is_being_enabled_is_not_left_behind(api, hook, monkeypatch):
    made = await make(api.acme, hook.url, "plugin.*")
    await publish(api.acme, "one")
    await patch(api.acme, made, enabled=False)
    looks = Webhooks.secrets

    async def enabled_after(webhooks, *given):
        monkeypatch.setattr(Webhooks, "secrets", looks)
        found = await looks(webhooks, *given)
        await patch(api.acme, made, enabled=True)
        await api.acme.post(f"/v1/webhooks/{made['id']}/replay", json={"since": "2026-01-01T00:00:00Z"})
        await sender(api, lanes=("work",)).drain()
        return found

    monkeypatch.setattr(Webhooks, "secrets", enabled_after)
    await attempt(api)
    await make_due(api)
    await attempt(api)
    assert [one["state"] for one in await deliveries(api.acme, made)] == ["delivered"]
    assert len(hook.ids) == 1


async def test_at_its_last_attempt_it_is_given_up_though_the_webhook_is_enabled_at_that_moment(api, hook, monkeypatch):
    made = await make(api.acme, hook.url, "plugin.*")
    await publish(api.acme, "one")
    await patch(api.acme, made, enabled=False)
    looks = Webhooks.secrets

    async def enabled_after(webhooks, *given):
        found = await looks(webhooks, *given)
        await patch(api.acme, made, enabled=True)
        return found

    monkeypatch.setattr(Webhooks, "secrets", enabled_after)
    monkeypatch.setattr(Claim, "is_last", property(lambda _claim: True))
    await attempt(api)
    assert [one["state"] for one in await deliveries(api.acme, made)] == ["failed"]


@pytest.mark.parametrize("look", ["find", "secrets"])
async def test_a_webhook_that_is_deleted_between_two_looks_at_it_is_sent_nothing_unsigned(api, hook, monkeypatch, look):
    made = await make(api.acme, hook.url)
    await publish(api.acme, "one")
    looks = getattr(Webhooks, look)

    async def deleted_before(webhooks, *given, **named):
        monkeypatch.setattr(Webhooks, look, looks)
        assert (await api.acme.delete(f"/v1/webhooks/{made['id']}")).status_code == 204
        return await looks(webhooks, *given, **named)

    monkeypatch.setattr(Webhooks, look, deleted_before)
    await attempt(api)
    assert all("webhook-signature" in headers for headers, _ in hook.received)
    [job] = await items(api.acme, "/v1/jobs", kind="webhooks.deliver")
    assert job["state"] == "succeeded", "what was on its way at that moment may arrive, and nothing is tried again"


@pytest.mark.parametrize("answer", ["204 No Content", "500 No"])
async def test_a_webhook_that_is_deleted_while_it_is_being_sent_to_ends_quietly(api, answer):
    async def deleting(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        assert (await api.acme.delete(f"/v1/webhooks/{made['id']}")).status_code == 204
        writer.write(f"HTTP/1.1 {answer}\r\nContent-Length: 0\r\n\r\n".encode())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(deleting, HOST, 0)
    async with server:
        made = await make(api.acme, f"http://{HOST}:{server.sockets[0].getsockname()[1]}/")
        await publish(api.acme, "one")
        await attempt(api)
    assert (await api.acme.get(f"/v1/webhooks/{made['id']}")).status_code == 404


async def test_old_deliveries_are_removed_by_night_and_those_whose_job_died_are_failed(api, hook):
    made = await make(api.acme, hook.url)
    for name in ("old", "dead", "gone", "kept"):
        await publish(api.acme, name)
    kept, gone, dead, old = await deliveries(api.acme, made)
    async with api.app.state.database.engine.begin() as connection:
        aged = update(Delivery).where(Delivery.type == "plugin.created")
        await connection.execute(delete(Job).where(Job.dedup_key.in_((old["id"], gone["id"]))))
        long_ago = {"recorded_at": utcnow() - timedelta(days=31), "state": "delivered"}
        await connection.execute(aged.where(Delivery.id == UUID(old["id"])).values(**long_ago))
        buried = {"state": "dead", "finished_at": utcnow()}
        await connection.execute(update(Job).where(Job.dedup_key == dead["id"]).values(**buried))
        await connection.execute(update(Job).where(Job.kind == "webhooks.tidy").values(run_at=utcnow()))
    await attempt(api)
    found = {one["id"]: one["state"] for one in await deliveries(api.acme, made)}
    assert found == {kept["id"]: "delivered", gone["id"]: "failed", dead["id"]: "failed"}
    assert len(await items(api.acme, "/v1/jobs", kind="webhooks.tidy")) == 1, "one for all deliveries of the day"
    path = f"/v1/webhooks/{made['id']}/deliveries/{gone['id']}/replay"
    assert (await api.acme.post(path)).status_code == 202, "what nobody knows the job of any more can be sent again"


async def test_each_night_tidies_as_long_as_there_are_deliveries_though_nothing_happens_any_more(api, hook):
    made = await make(api.acme, hook.url, "plugin.*")
    for name in ("one", "two"):
        await publish(api.acme, name)
    await api.operator.patch("/v1/tenants/acme", json={"status": "suspended"}, headers=ANY)
    assert await night(api) == {"pending": 2, "nights": 1}
    await set_all(api, update(Job).where(Job.kind == "webhooks.deliver"), state="dead", finished_at=utcnow())
    assert await night(api) == {"failed": 2, "nights": 1}
    await set_all(api, update(Delivery), recorded_at=utcnow() - timedelta(days=31))
    assert await night(api) == {"nights": 1}
    assert await night(api) == {"nights": 0}
    assert await deliveries(api.acme, made) == []


async def test_a_night_that_fails_on_every_attempt_keeps_no_later_one(api, hook, monkeypatch):
    async def broken(*_):
        raise OSError("a lock that is held for long")

    await make(api.acme, hook.url)
    await publish(api.acme, "one")
    await set_all(api, update(Job).where(Job.kind == "webhooks.tidy"), max_attempts=1)
    with monkeypatch.context() as trouble:
        trouble.setattr(Webhooks, "forget", broken)
        assert await night(api) == {"pending": 1, "nights": 1}
    assert len(await items(api.acme, "/v1/jobs", kind="webhooks.tidy", state="dead")) == 1


async def night(api):
    """Let the next night come; what deliveries there are after it, and how many nights will follow."""
    late = {
        "run_at": utcnow(),
        "dedup_key": f"night of {uuid4()}",
    }  # as a day later, when it is not this night's any more
    await set_all(api, update(Job).where(Job.kind == "webhooks.tidy", Job.state == "queued"), **late)
    await sender(api, lanes=("work",)).drain()
    async with api.app.state.database.reading(Crossing.SETUP) as session:
        states = Counter((await session.execute(select(Delivery.state))).scalars())
        tidying = select(func.count()).where(Job.kind == "webhooks.tidy", Job.state == "queued", Job.run_at > utcnow())
        return {**states, "nights": (await session.execute(tidying)).scalar_one()}


async def set_all(api, change, **values):
    async with api.app.state.database.engine.begin() as connection:
        await connection.execute(change.values(**values))


@pytest.mark.parametrize("way", ["replay", "retry"])
async def test_what_is_sent_again_is_neither_failed_nor_removed_by_night(api, hook, way):
    made = await make(api.acme, hook.url)
    hook.answers = [500]
    await publish(api.acme, "one")
    await make_due(api, age=timedelta(days=3))
    await sender(api, lanes=("webhooks",)).drain()
    [one] = await deliveries(api.acme, made, state="failed")
    async with api.app.state.database.engine.begin() as connection:
        await connection.execute(update(Delivery).values(recorded_at=utcnow() - timedelta(days=31)))
        await connection.execute(update(Job).where(Job.kind == "webhooks.tidy").values(run_at=utcnow()))
    [dead] = await items(api.acme, "/v1/jobs", kind="webhooks.deliver", state="dead")
    paths = {"replay": f"/v1/webhooks/{made['id']}/deliveries/{one['id']}", "retry": f"/v1/jobs/{dead['id']}"}
    assert (await api.acme.post(f"{paths[way]}/{way}")).status_code == 202
    await sender(api, lanes=("work",)).drain()
    [tidied] = await items(api.acme, "/v1/jobs", kind="webhooks.tidy", state="succeeded")
    assert tidied["result"] == {"removed": 0}
    assert [each["state"] for each in await deliveries(api.acme, made)] == [
        {"replay": "pending", "retry": "failed"}[way]
    ]
    await sender(api, lanes=("webhooks",)).drain()
    assert [each["state"] for each in await deliveries(api.acme, made)] == ["delivered"]


async def test_a_delivery_that_is_already_delivered_is_not_sent_by_a_leftover_job(api, hook):
    made = await make(api.acme, hook.url)
    await publish(api.acme, "one")
    async with api.app.state.database.engine.begin() as connection:
        await connection.execute(update(Delivery).values(state="delivered"))
    await attempt(api)
    assert hook.ids == [] and made["enabled"]
    [job] = await items(api.acme, "/v1/jobs", kind="webhooks.deliver")
    assert job["result"] == {"state": "delivered before"}


async def test_a_thousand_deliveries_of_one_change_are_rows_of_its_transaction(api):
    with hooks() as hook:
        made = await make(api.acme, hook.url, "target.*")
        targets = [{"name": f"t{n}", "environment": "dev", "kind": "k"} for n in range(1000)]
        answer = await api.acme.post("/v1/targets/batches", json={"targets": targets})
        assert answer.json()["created"] == 1000, answer.text
    async with api.app.state.database.reading(Crossing.SETUP) as session:
        counted = select(func.count()).where(Delivery.tenant_id == Webhook.tenant_id, Webhook.url == made["url"])
        assert (await session.execute(counted)).scalar_one() == 1000
        jobs = select(func.count(func.distinct(Job.dedup_key))).where(Job.kind == "webhooks.deliver")
        assert (await session.execute(jobs)).scalar_one() == 1000
