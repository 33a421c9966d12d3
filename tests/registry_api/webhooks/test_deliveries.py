"""Deliveries: signed, tried for days, written down, sent again, and never in each other's way."""

import asyncio
import json
from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import select, update
from standardwebhooks import Webhook as Verifier
from standardwebhooks import WebhookVerificationError

from patchbay.core.clock import utcnow
from registry_api.db import Crossing
from registry_api.jobs.models import Job
from registry_api.webhooks.models import WebhookSecret
from tests.registry_api.automation.acting.receivers import HOST
from tests.registry_api.intake_data import items
from tests.registry_api.jobs.test_turns import claim_of
from tests.registry_api.notifications.names import Names
from tests.registry_api.notifications.test_webhook import receiver, silence
from tests.registry_api.webhooks.support import (
    SECRET,
    attempt,
    deliveries,
    delivery,
    make,
    make_due,
    publish,
    sender,
)


def verifies(secret, received):
    headers, body = received
    try:
        return Verifier(secret).verify(body, headers) == json.loads(body)
    except WebhookVerificationError:
        return False


async def rotated(api, hook, **more):
    answer = await api.acme.post(f"/v1/webhooks/{hook['id']}/rotate", json=more)
    assert answer.status_code == 200, answer.text
    return answer.json()["secret"]


async def sent_again(api, hook):
    """Deliver one more event and give what came."""
    hook.received.clear()
    await publish(api.acme, f"p{uuid4().hex[:8]}")
    await api.drain_jobs()
    return hook.received[-1]


async def test_a_receiver_verifies_a_cloud_event_with_the_standards_own_library(api, hook):
    made = await make(api.acme, hook.url)
    plugin = await publish(api.acme, "one")
    await api.drain_jobs()
    assert verifies(made["secret"], hook.received[0])
    headers, body = hook.received[0]
    event = json.loads(body)
    assert headers["content-type"] == "application/cloudevents+json"
    assert (event["specversion"], event["type"]) == ("1.0", "dev.patchbay.plugin.created")
    assert event["id"] == headers["webhook-id"] and event["data"]["id"] == plugin["id"]
    assert not verifies(SECRET, hook.received[0])


async def test_a_callers_own_secret_signs_and_is_shown_nowhere(api, hook):
    made = await make(api.acme, hook.url, secret=SECRET)
    assert made["secret"] is None
    assert verifies(SECRET, await sent_again(api, hook))
    assert SECRET not in json.dumps(await items(api.acme, "/v1/audit"))


async def test_old_and_new_secrets_sign_until_the_overlap_is_over(api, hook):
    made = await make(api.acme, hook.url)
    second = await rotated(api, made)
    third = await rotated(api, made, overlap_hours=1)
    received = await sent_again(api, hook)
    assert all(verifies(secret, received) for secret in (made["secret"], second, third))
    assert received[0]["webhook-signature"].count("v1,") == 3
    async with api.app.state.database.engine.begin() as connection:
        over = update(WebhookSecret).where(WebhookSecret.expires_at.is_not(None))
        await connection.execute(over.values(expires_at=utcnow() - timedelta(seconds=1)))
    received = await sent_again(api, hook)
    assert [verifies(secret, received) for secret in (made["secret"], second, third)] == [False, False, True]


async def test_without_an_overlap_and_beyond_three_at_once_the_former_secrets_end(api, hook):
    made = await make(api.acme, hook.url)
    shown = [made["secret"], *[await rotated(api, made) for _ in range(3)]]
    received = await sent_again(api, hook)
    assert [verifies(secret, received) for secret in shown] == [False, True, True, True]
    last = await rotated(api, made, overlap_hours=0)
    received = await sent_again(api, hook)
    assert [verifies(secret, received) for secret in (shown[-1], last)] == [False, True]


async def test_what_fails_is_tried_again_with_the_same_bytes_and_each_attempt_is_written_down(api, hook):
    made = await make(api.acme, hook.url)
    hook.answers = [500, 404, 301]
    await publish(api.acme, "one")
    for _ in range(4):
        await make_due(api)
        await attempt(api)
    [one] = await deliveries(api.acme, made)
    assert (one["state"], one["attempts"], one["last_status"], one["last_error"]) == ("delivered", 4, 204, None)
    assert len(set(hook.ids)) == 1 and len({body for _, body in hook.received}) == 1
    log = (await delivery(api.acme, made, one["id"]))["log"]
    assert [(each["number"], each["status"]) for each in log] == [(4, 204), (3, 301), (2, 404), (1, 500)]
    assert "redirects are not followed" in log[1]["error"] and all(each["milliseconds"] >= 0 for each in log)
    assert (await api.acme.get(f"/v1/webhooks/{made['id']}")).json()["failing_since"] is None


async def test_it_is_tried_for_three_days_with_growing_pauses_and_then_given_up(api, hook):
    made = await make(api.acme, hook.url)
    hook.answers = [503] * 50
    await publish(api.acme, "one")
    await sender(api, first_pause=timedelta(seconds=5)).drain()
    [job] = await items(api.acme, "/v1/jobs", kind="webhooks.deliver")
    given_up_after = await seconds_between(api, Job.recorded_at, Job.give_up_at)
    assert given_up_after == pytest.approx(3 * 86400, abs=1) and job["state"] == "queued"
    await make_due(api)
    [one] = await deliveries(api.acme, made)
    assert (one["state"], one["last_status"]) == ("pending", 503)
    await make_due(api, age=timedelta(days=3))
    await attempt(api)
    [job] = await items(api.acme, "/v1/jobs", kind="webhooks.deliver", state="dead")
    [one] = await deliveries(api.acme, made, state="failed")
    assert "503" in job["last_error"] and "503" in one["last_error"]
    for _ in range(2):
        hook.answers, asked = [503], utcnow()
        again = (await api.acme.post(f"/v1/jobs/{job['id']}/retry")).json()
        patience = datetime.fromisoformat(again["give_up_at"]) - asked
        assert patience.total_seconds() == pytest.approx(3 * 86400, abs=60)
        await make_due(api, age=timedelta(days=3))
        await sender(api, lanes=("webhooks",)).drain()
        assert (await api.acme.get(f"/v1/jobs/{job['id']}")).json()["state"] == "dead"
    assert (await api.acme.post(f"/v1/jobs/{job['id']}/retry")).status_code == 202
    await attempt(api)
    assert [one["state"] for one in await deliveries(api.acme, made)] == ["delivered"]


async def seconds_between(api, earlier, later):
    async with api.app.state.database.reading(Crossing.SETUP) as session:
        query = select(earlier, later).where(Job.kind == "webhooks.deliver")
        first, last = (await session.execute(query)).one()
        return (last - first).total_seconds()


async def test_pauses_double_up_to_four_hours_for_what_is_tried_for_days(api):
    patient = sender(api, first_pause=timedelta(seconds=5))
    now = utcnow()
    first, hundredth = (claim_of(attempt=n, give_up_at=now + timedelta(days=2)) for n in (1, 100))
    assert timedelta(seconds=2.5) <= patient._next(first, now) - now <= timedelta(seconds=5)
    assert timedelta(hours=2) <= patient._next(hundredth, now) - now <= timedelta(hours=4)
    soon = claim_of(attempt=100, give_up_at=now + timedelta(minutes=1))
    assert patient._next(soon, now) == now + timedelta(minutes=1)


async def test_a_private_address_is_refused_when_it_is_asked_for_and_when_its_name_leads_there_later(
    api, monkeypatch, hook
):
    names = Names(monkeypatch)
    for url in ("http://10.0.0.1/", "http://169.254.169.254/latest", "http://localhost/"):
        answer = await api.acme.post("/v1/webhooks", json={"url": url})
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/url"), url
    names.known["hook.example"] = ["93.184.216.34"]
    made = await make(api.acme, "https://hook.example/")
    names.known["hook.example"] = ["169.254.169.254"]
    await publish(api.acme, "one")
    await api.drain_jobs()
    [one] = await deliveries(api.acme, made)
    assert (one["state"], one["attempts"], one["last_status"]) == ("failed", 1, None)
    assert "not public" in one["last_error"]
    assert (await make(api.acme, "https://nowhere.invalid/"))["enabled"], "a name may be made later"


async def test_a_redirect_into_the_private_network_is_not_followed(api):
    inner = []
    async with (
        receiver("200 OK", inner) as inside,
        receiver(f"302 Found\r\nLocation: http://{HOST}:{inside}/", []) as port,
    ):
        made = await make(api.acme, f"http://{HOST}:{port}/")
        await publish(api.acme, "one")
        await attempt(api)
    assert inner == []
    assert [one["last_status"] for one in await deliveries(api.acme, made)] == [302]


@pytest.mark.parametrize("public", [True, False])
async def test_first_bytes_of_a_public_receivers_error_are_kept_without_secrets(api, monkeypatch, public):
    if public:
        monkeypatch.setattr("registry_api.notifications.webhook.is_public", lambda _: True)
    begun = (
        b"HTTP/1.1 500 No\r\nContent-Length: 9999\r\n\r\nno such tenant, Authorization: Bearer abcdefgh \0" + b"x" * 900
    )
    async with silence(begun) as port:
        made = await make(api.acme, f"http://{HOST}:{port}/")
        await publish(api.acme, "one")
        await attempt(api)
    [one] = await deliveries(api.acme, made)
    assert ("no such tenant" in one["last_error"]) is public
    assert "abcdefgh" not in one["last_error"] and len(one["last_error"]) < 700


async def test_an_error_that_never_comes_whole_is_not_waited_for(api, monkeypatch):
    monkeypatch.setattr("registry_api.notifications.webhook.is_public", lambda _: True)
    monkeypatch.setattr("registry_api.notifications.webhook.SECONDS_OF_AN_EXCERPT", 0.1)
    async with silence(b"HTTP/1.1 500 No\r\nContent-Length: 9999\r\n\r\nbegun") as port:
        made = await make(api.acme, f"http://{HOST}:{port}/")
        await publish(api.acme, "one")
        async with asyncio.timeout(10):
            await attempt(api)
    [one] = await deliveries(api.acme, made)
    assert one["last_error"].endswith("answered 500. begun")


async def failed_before(api, hook, count):
    """So many deliveries that were given up, and the time before them."""
    since = utcnow()
    hook.answers = [500] * count
    for number in range(count):
        await publish(api.acme, f"f{number}")
    await make_due(api, age=timedelta(days=3))
    await attempt(api)
    return since.isoformat()


async def test_one_delivery_is_sent_again_under_its_own_id(api, hook):
    made = await make(api.acme, hook.url)
    hook.answers = [500]
    await publish(api.acme, "one")
    [one] = await deliveries(api.acme, made)
    path = f"/v1/webhooks/{made['id']}/deliveries/{one['id']}"
    pending = await api.acme.post(f"{path}/replay")
    assert (pending.status_code, pending.json()["type"].split("/")[-1]) == (409, "delivery_pending")
    await make_due(api, age=timedelta(days=3))
    await attempt(api)
    assert (await delivery(api.acme, made, one["id"]))["state"] == "failed"
    for _ in range(2):
        answer = await api.acme.post(f"{path}/replay")
        assert (answer.status_code, answer.headers["location"], answer.json()["state"]) == (202, path, "pending")
        assert answer.headers["retry-after"] == "1"
        await attempt(api)
    assert len(hook.ids) == 3 and len(set(hook.ids)) == 1
    assert (await delivery(api.acme, made, one["id"]))["state"] == "delivered"


async def test_all_that_failed_since_a_time_is_sent_again_by_a_job_that_says_how_far_it_is(api, hook, monkeypatch):
    monkeypatch.setattr("registry_api.webhooks.jobs.AT_ONCE", 2)
    made, other = await make(api.acme, hook.url), await make(api.globex, hook.url)
    await failed_before(api, hook, 1)
    since = await failed_before(api, hook, 0)
    hook.answers = [500] * 3
    for number in range(3):
        await publish(api.acme, f"later{number}")
    await make_due(api, age=timedelta(days=3))
    await attempt(api)
    assert len(await deliveries(api.acme, made, state="failed")) == 4
    answer = await api.acme.post(f"/v1/webhooks/{made['id']}/replay", json={"since": since})
    assert (answer.status_code, answer.json()["state"]) == (202, "queued")
    assert answer.headers["location"] == f"/v1/jobs/{answer.json()['id']}"
    await attempt(api)
    job = (await api.acme.get(answer.headers["location"])).json()
    assert (job["state"], job["result"]) == ("succeeded", {"replayed": 3})
    assert job["progress"] == {"done": 3, "of": 3, "what": "deliveries"}
    assert len(await deliveries(api.acme, made, state="failed")) == 1
    assert await deliveries(api.globex, other) == []
