"""Each route that takes a key is answered again as it was, whatever has changed since."""

import base64
import hashlib
import socket
from datetime import timedelta

import pytest

from patchbay.core.clock import utcnow
from registry_api.identity.second_factor import totp
from tests.registry_api.idempotency.test_keys import NOT_KEYED, POSTS
from tests.registry_api.identity.people import PASSWORD, add_person, sign_in
from tests.registry_api.insights_data import publish, risk
from tests.registry_api.jobs.support import ended
from tests.registry_api.test_document import OPERATIONS
from tests.registry_api.test_isolation import CASES, call, things  # noqa: F401 - a fixture
from tests.registry_api.test_problems import problem

KEYED = sorted(set(POSTS) - set(NOT_KEYED))
OF_PEOPLE = {"put_password", "begin_totp", "confirm_totp", "disable_totp"}
OF_THINGS = {"create_plugin_grants", "approve_plan", "replay_webhook_delivery", "retry_job", "roll_back_insights"}
"""Refused with the common things: they take a person who is signed in, or things in another state."""

HOST, NEW = "hook.example", "another horse battery"


async def replayed(caller, name, things, body=None):  # noqa: F811
    """Call a route twice with one key; the first answer, after it was found to have come again."""
    caller.headers["Idempotency-Key"] = name
    first = await call(caller, name, things, body)
    assert first.is_success, (name, first.text)
    assert "idempotency-replayed" not in first.headers
    again = await call(caller, name, things, body)
    assert again.headers.get("idempotency-replayed") == "true", (name, again.text)
    assert (again.status_code, again.content) == (first.status_code, first.content), name
    for header in ("content-type", "etag", "location", "retry-after"):
        assert again.headers.get(header) == first.headers.get(header), (name, header)
    del caller.headers["Idempotency-Key"]
    return first


async def test_every_keyed_route_replays_its_answer(api, things):  # noqa: F811
    assert {"create_token", "create_user", "create_tenant", "create_job"} < set(KEYED)
    assert set(KEYED) >= OF_PEOPLE | OF_THINGS
    for name in KEYED:
        caller = api.operator if CASES[name].platform else api.acme
        if name in OF_PEOPLE | OF_THINGS:
            assert not (await call(caller, name, things)).is_success, name
        else:
            await replayed(caller, name, things)


async def test_what_a_person_does_with_their_own_account_is_replayed(api, things):  # noqa: F811
    await add_person(api, api.acme, "ada@acme.example")
    ada, done = await sign_in(api, "ada@acme.example"), set()

    async def does(name, **body):
        done.add(name)
        return await replayed(ada, name, things, body)

    secret = base64.b32decode((await does("begin_totp", password=PASSWORD)).json()["secret"])
    now = totp.step_of(utcnow())
    confirmed = await does("confirm_totp", code=totp.code_at(secret, now - 1))
    assert len(confirmed.json()["recovery_codes"]) == 10
    await does("disable_totp", password=PASSWORD, code=totp.code_at(secret, now))
    await does("put_password", current=PASSWORD, new=NEW)
    assert done == OF_PEOPLE
    await sign_in(api, "ada@acme.example", NEW)


async def test_what_takes_things_in_another_state_is_replayed(api, things):  # noqa: F811
    await add_person(api, api.acme, "ada@acme.example", role="tenant_admin")
    ada = await sign_in(api, "ada@acme.example")
    globex = (await api.globex.get("/v1/me")).json()["tenant"]["id"]
    plan = (await api.acme.get(f"/v1/automation/plans/{things['plan_id']}")).json()
    await publish(api.service, "risk", [risk(things["plugin"], 50.0)])
    await ended(api)
    bodies = {"create_plugin_grants": {"tenants": [globex]}, "approve_plan": {"hash": plan["hash"]}}
    for name in sorted(OF_THINGS):
        await replayed(api.operator if CASES[name].platform else ada, name, things, bodies.get(name))


async def test_a_webhook_is_answered_again_though_its_host_is_refused_by_now(api, monkeypatch):
    places, wanted, key = {HOST: "93.184.216.34"}, {"url": f"https://{HOST}/"}, {"Idempotency-Key": "hook-1"}
    find = socket.getaddrinfo
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda host, *more, **named: find(places.get(host, host), *more, **named)
    )
    first = await api.acme.post("/v1/webhooks", json=wanted, headers=key)
    assert first.status_code == 201, first.text
    places[HOST] = "10.0.0.1"
    problem(await api.acme.post("/v1/webhooks", json=wanted), 422, "webhook_refused")
    again = await api.acme.post("/v1/webhooks", json=wanted, headers=key)
    assert (again.status_code, again.json()["secret"]) == (201, first.json()["secret"])


async def test_a_grant_is_answered_again_though_its_end_is_past_by_now(api, things, monkeypatch):  # noqa: F811
    globex = (await api.globex.get("/v1/me")).json()["tenant"]["id"]
    body = {"tenants": [globex], "expires_at": (utcnow() + timedelta(minutes=1)).isoformat()}
    api.acme.headers["Idempotency-Key"] = "grant-1"
    first = await call(api.acme, "create_plugin_grants", things, body)
    assert first.status_code == 201, first.text
    monkeypatch.setattr("registry_api.catalog.sharing.schemas.utcnow", lambda: utcnow() + timedelta(minutes=2))
    again = await call(api.acme, "create_plugin_grants", things, body)
    assert (again.status_code, again.content) == (201, first.content)


@pytest.mark.parametrize("name", ["create_user", "create_tenant"])
async def test_an_account_is_answered_again_though_its_password_was_breached_meanwhile(api, tmp_path, name):
    method, path, _ = OPERATIONS[name]
    person = {"display_name": "Ada", "role": "viewer", "email": "ada@new.example", "password": PASSWORD}
    tenant = {"slug": "new", "name": "New", "admin_email": "ada@new.example", "admin_password": PASSWORD}
    caller, body = (api.acme, person) if name == "create_user" else (api.operator, tenant)
    key = {"Idempotency-Key": "account-1"}
    first = await caller.request(method, path, json=body, headers=key)
    assert first.status_code == 201, first.text
    digest = hashlib.sha1(PASSWORD.encode(), usedforsecurity=False).hexdigest().upper()
    (tmp_path / f"{digest[:5]}.txt").write_text(f"{digest[5:]}:7\n")
    api.app.state.settings = api.settings.model_copy(update={"breached_passwords": tmp_path})
    problem(await caller.request(method, path, json=body), 422, "password_breached")
    again = await caller.request(method, path, json=body, headers=key)
    assert (again.status_code, again.content) == (201, first.content)
