"""Webhooks and mails of plans: at least once, always under the plan's key."""

import base64
import hashlib
import hmac
import socket

import pytest
from pydantic import SecretStr
from sqlalchemy import update

from registry_api.automation.models import PlanRow
from registry_api.jobs.models import Job
from tests.registry_api.automation.acting.receivers import HOST, hooks, mails
from tests.registry_api.automation.acting.support import (
    TRACE,
    audited,
    drain,
    make_plan,
    state_of,
    store,
    work_as,
)

LOCAL = {"webhook_private_hosts": (HOST,)}


@pytest.fixture
def hook():
    with hooks() as taken:
        yield taken


@pytest.fixture
def smtp():
    with mails() as taken:
        yield taken


def webhook(url, secret=None):
    return make_plan("webhook", {}, {}, parameters={"url": url, "secret": secret})


def mail(*to):
    return make_plan("mail", {}, {}, parameters={"to": list(to), "subject": "Look"})


async def test_a_webhook_is_signed_and_says_what_fired(api, hook):
    given = await api.operator.put("/v1/automation/signing-keys/ops", json={})
    assert given.status_code == 201, given.text
    plan = webhook(hook.url, "ops")
    plan_id = await store(api, plan)
    await drain(api, **LOCAL)
    assert (await state_of(api, plan_id))[0] == "done"
    ((headers, body),) = hook.received
    key = base64.b64decode(given.json()["secret"].removeprefix("whsec_"))
    signed = f"{plan.key}.{headers['webhook-timestamp']}.".encode() + body
    digest = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert (headers["webhook-id"], headers["webhook-signature"]) == (plan.key, f"v1,{digest}")
    event = hook.event()
    assert (event["id"], event["data"]["rule"], event["data"]["value"]) == (plan.key, "Busy", 12.5)
    assert (event["source"], event["data"]["trace_id"]) == ("/v1/automation/rules/Busy", TRACE)


async def test_a_receiver_that_is_away_gets_the_same_delivery_later(api, hook):
    hook.answers = [503, 429]
    plan = webhook(hook.url)
    plan_id = await store(api, plan)
    for state in ("running", "running", "done"):
        await drain(api, **LOCAL)
        assert (await state_of(api, plan_id))[0] == state
    assert hook.ids == [plan.key] * 3
    assert len({body for _, body in hook.received}) == 1
    assert len(await audited(api, "automation.outcome")) == 1


async def test_a_silent_receiver_keeps_none_of_the_other_work_waiting(api, hook):
    sent, done = await store(api, webhook(hook.url)), await store(api, mail("nobody"))
    await drain(api, lanes=("work",), **LOCAL)
    assert [(await state_of(api, plan_id))[0] for plan_id in (sent, done)] == ["planned", "failed"]
    assert hook.ids == []
    await drain(api, lanes=("webhooks",), **LOCAL)
    assert (await state_of(api, sent))[0] == "done"


async def test_a_receiver_that_refuses_is_not_asked_again(api, hook):
    hook.answers = [410]
    plan_id = await store(api, webhook(hook.url))
    await drain(api, **LOCAL)
    state, outcome = await state_of(api, plan_id)
    assert (state, "410" in outcome["detail"]) == ("failed", True)
    assert await drain(api, **LOCAL) == 0
    assert len(hook.ids) == 1


async def test_a_kill_switch_holds_a_webhook_between_two_attempts(api, hook):
    hook.answers = [503]
    plan_id = await store(api, webhook(hook.url))
    await drain(api, **LOCAL)
    await api.operator.put("/v1/automation/switches/rule:Busy", json={"reason": "a drill"})
    await drain(api, **LOCAL)
    assert (await state_of(api, plan_id))[0] == "stopped"
    assert len(hook.ids) == 1


async def test_a_private_address_is_not_reached_unless_it_is_listed(api, hook):
    plan_id = await store(api, webhook(hook.url))
    await drain(api)
    assert (await state_of(api, plan_id))[0] == "failed"
    assert hook.ids == []


async def test_a_webhook_without_its_signing_key_is_not_sent(api, hook):
    plan_id = await store(api, webhook(hook.url, "missing"))
    await drain(api, **LOCAL)
    state, outcome = await state_of(api, plan_id)
    assert (state, "missing" in outcome["detail"]) == ("failed", True)
    assert hook.ids == []


async def test_another_tenants_signing_key_and_contacts_are_not_there(api, hook, smtp):
    await api.acme.put("/v1/automation/signing-keys/ops", json={})
    await api.acme.put("/v1/automation/contacts/ops", json={"addresses": ["a@acme.example"]})
    sent = [await store(api, webhook(hook.url, "ops")), await store(api, mail("ops"))]
    await drain(api, smtp_url=SecretStr(smtp.url), **LOCAL)
    assert [(await state_of(api, plan_id))[0] for plan_id in sent] == ["failed", "failed"]
    assert (hook.ids, smtp.messages) == ([], [])


async def test_a_mail_goes_to_people_and_teams_and_is_put_off_while_the_server_is_busy(api, smtp):
    await api.operator.put("/v1/automation/contacts/ops", json={"addresses": ["ops@registry.example"]})
    smtp.busy = 1
    plan_id = await store(api, mail("ops", "ann@registry.example"))
    await drain(api, smtp_url=SecretStr(smtp.url))
    assert (await state_of(api, plan_id))[0] == "running"
    await drain(api, smtp_url=SecretStr(smtp.url))
    assert (await state_of(api, plan_id))[0] == "done"
    (message,) = smtp.messages
    assert "Subject: Look" in message
    assert all(part in message for part in ("Busy", "ops@registry.example", "ann@registry.example"))


async def test_a_mail_without_a_mail_server_has_failed_with_a_reason(api):
    plan_id = await store(api, mail("ann@registry.example"))
    await drain(api)
    state, outcome = await state_of(api, plan_id)
    assert state == "failed"
    assert "SMTP" in outcome["detail"].upper()


async def test_after_its_last_attempt_a_plan_has_failed(api):
    with socket.socket() as free:
        free.bind((HOST, 0))
        port = free.getsockname()[1]
    plan_id = await store(api, webhook(f"http://{HOST}:{port}/"))
    async with api.app.state.database.engine.begin() as connection:
        await connection.execute(update(Job).values(max_attempts=2))
    await drain(api, **LOCAL)
    assert (await state_of(api, plan_id))[0] == "running"
    await drain(api, **LOCAL)
    state, outcome = await state_of(api, plan_id)
    assert (state, outcome["reason"]) == ("failed", "gave_up")
    row = await work_as(api, api.operator, lambda work: work.session.get(PlanRow, plan_id))
    assert row.finished_at is not None
