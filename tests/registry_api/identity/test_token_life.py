"""Tokens that are rotated, made narrower, about to end, or found in public."""

import asyncio
import contextlib
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from pydantic import SecretStr
from sqlalchemy import update

from patchbay.core.clock import utcnow
from registry_api.identity import leaks
from registry_api.identity.models import ApiToken
from registry_api.identity.tokens import new_secret
from registry_api.jobs.models import Job
from tests.registry_api.conftest import ANY
from tests.registry_api.identity.people import add_person, sign_in
from tests.registry_api.notifications.test_mail import Inbox, serving

PLUGIN = {"namespace": "payments", "name": "pay"}


async def make(caller, **wanted):
    answer = await caller.post("/v1/tokens", json={"name": "ci", "role": "author", **wanted})
    assert answer.status_code == 201, answer.text
    return answer.json()


async def narrow(caller, **wanted):
    return await caller.post("/v1/tokens/narrower", json={"name": "narrow", **wanted})


async def is_live(api, token):
    return (await api.client(token).get("/v1/me")).status_code == 200


async def change(api, token_id, **values):
    async with api.app.state.database.engine.begin() as connection:
        await connection.execute(update(ApiToken).where(ApiToken.id == UUID(token_id)).values(**values))


def refusal(answer):
    return answer.status_code, answer.json()["type"].rsplit("/", 1)[-1]


async def audited(caller):
    return {record["action"] for record in (await caller.get("/v1/audit?limit=500")).json()["items"]}


async def test_a_token_lives_90_days_unless_told_otherwise(api):
    end = datetime.fromisoformat((await make(api.acme))["expires_at"])
    assert abs(end - utcnow() - timedelta(days=90)) < timedelta(minutes=5)


async def test_a_rotated_token_has_a_new_secret_and_the_former_one_for_the_overlap(api):
    old = await make(api.acme)
    new = (await api.acme.post(f"/v1/tokens/{old['id']}/rotate", json={"overlap_minutes": 5})).json()
    assert new["id"] == old["id"] and new["token"] != old["token"]
    assert await is_live(api, old["token"]) and await is_live(api, new["token"])
    await change(api, old["id"], previous_until=utcnow() - timedelta(seconds=1))
    assert not await is_live(api, old["token"])
    assert await is_live(api, new["token"])
    assert "token.rotated" in await audited(api.acme)


async def test_without_overlap_the_former_secret_ends_at_once_and_an_older_one_always(api):
    first = await make(api.acme)
    rotate = f"/v1/tokens/{first['id']}/rotate"
    second = (await api.acme.post(rotate, json={})).json()
    third = (await api.acme.post(rotate, json={})).json()
    assert [await is_live(api, one["token"]) for one in (first, second, third)] == [False, True, True]
    fourth = (await api.acme.post(rotate, json={"overlap_minutes": 0})).json()
    assert fourth["previous_until"] is None
    assert [await is_live(api, one["token"]) for one in (third, fourth)] == [False, True]


async def test_revoking_a_token_ends_both_of_its_secrets(api):
    old = await make(api.acme)
    new = (await api.acme.post(f"/v1/tokens/{old['id']}/rotate", json={})).json()
    await api.acme.delete(f"/v1/tokens/{old['id']}")
    assert not await is_live(api, old["token"]) and not await is_live(api, new["token"])


async def test_rotating_a_token_shows_no_secret_of_more_than_the_caller_holds(api):
    admin = await make(api.acme, role="tenant_admin")
    clerk = api.client(await api.token(api.acme, scopes=["identity:write"]))
    assert refusal(await clerk.post(f"/v1/tokens/{admin['id']}/rotate", json={})) == (403, "cannot_grant")


async def test_neither_rotating_nor_revoking_leads_around_what_a_token_holds_by_a_grant(api):
    held = await make(api.acme, role=None, scopes=["catalog:read"])
    clerk = api.client((await make(api.acme, role=None, scopes=["identity:write", "catalog:read"]))["token"])
    path = f"/v1/tokens/{held['id']}"
    assert (await clerk.post(f"{path}/rotate", json={})).status_code == 200
    await api.acme.post("/v1/namespace-grants", json={"namespace": "payments", "token_id": held["id"]})
    assert refusal(await clerk.post(f"{path}/rotate", json={})) == (403, "cannot_grant")
    assert refusal(await clerk.delete(path)) == (403, "cannot_grant")
    assert (await api.acme.post(f"{path}/rotate", json={})).status_code == 200


async def test_nobody_revokes_a_token_that_holds_more_than_the_caller_but_anybody_reports_a_leak(api):
    admin = await make(api.operator, role="tenant_admin")
    platform = await make(api.operator, role="platform_admin")
    path = f"/v1/tokens/{platform['id']}"
    assert refusal(await api.client(admin["token"]).delete(path)) == (403, "cannot_grant")
    assert await is_live(api, platform["token"])
    assert (await api.operator.delete(f"/v1/tokens/{admin['id']}")).status_code == 204
    found = [{"token": platform["token"], "type": "patchbay", "url": "https://paste.example/1", "source": "content"}]
    assert (await api.nobody.post("/v1/token-leaks", json=found)).status_code == 204
    assert not await is_live(api, platform["token"])


async def test_a_former_secret_does_not_get_its_token_back(api):
    token = await make(api.acme, role="tenant_admin")
    path = f"/v1/tokens/{token['id']}/rotate"
    fresh = (await api.client(token["token"]).post(path, json={}, headers={"Idempotency-Key": "lost"})).json()
    assert refusal(await api.client(token["token"]).post(path, json={})) == (401, "unauthenticated")
    again = await api.client(token["token"]).post(path, json={}, headers={"Idempotency-Key": "lost"})
    assert again.json()["token"] == fresh["token"], "an answer that was lost is given again"
    assert (await api.client(fresh["token"]).post(path, json={})).status_code == 200


async def test_a_former_secret_makes_nothing_that_outlives_its_overlap(api):
    parent = await make(api.acme)
    rotated = (await api.acme.post(f"/v1/tokens/{parent['id']}/rotate", json={"overlap_minutes": 10})).json()
    former, fresh = api.client(parent["token"]), api.client(rotated["token"])
    assert refusal(await narrow(former, expires_in_minutes=20)) == (403, "cannot_grant")
    for caller, most in ((former, 10), (fresh, 60)):
        end = datetime.fromisoformat((await narrow(caller)).json()["expires_at"])
        assert timedelta(minutes=most - 2) < end - utcnow() <= timedelta(minutes=most)
    assert (await narrow(fresh, expires_in_minutes=20)).status_code == 201


async def test_what_is_over_and_what_a_process_keeps_in_a_file_is_not_rotated(api):
    token = await make(api.acme)
    await change(api, token["id"], expires_at=utcnow() - timedelta(seconds=1))
    expired = await api.acme.post(f"/v1/tokens/{token['id']}/rotate", json={})
    assert refusal(expired) == (409, "token_not_rotatable")
    tokens = (await api.operator.get("/v1/tokens")).json()["items"]
    [ours] = [one["id"] for one in tokens if one["name"] == "admin.token"]
    assert refusal(await api.operator.post(f"/v1/tokens/{ours}/rotate", json={})) == (409, "token_not_rotatable")
    assert (await api.acme.post(f"/v1/tokens/{ours}/rotate", json={})).status_code == 404


async def test_a_narrower_token_has_fewer_scopes_and_a_shorter_life(api):
    parent = await make(api.acme)
    made = await narrow(api.client(parent["token"]), scopes=["catalog:read"], expires_in_minutes=10)
    assert made.status_code == 201, made.text
    child = made.json()
    assert (child["scopes"], child["parent_id"]) == (["catalog:read"], parent["id"])
    assert datetime.fromisoformat(child["expires_at"]) < utcnow() + timedelta(minutes=11)
    assert (await api.client(child["token"]).post("/v1/plugins", json=PLUGIN)).status_code == 403


async def test_a_token_for_a_namespace_or_a_plugin_changes_nothing_else(api):
    parent = await make(api.acme)
    by_name = (await narrow(api.client(parent["token"]), namespaces=["payments"])).json()["token"]
    by_plugin = (await narrow(api.client(by_name), namespaces=["payments:pay"])).json()["token"]
    other = {"namespace": "payments", "name": "other"}
    elsewhere = {"namespace": "search", "name": "find"}
    assert (await api.client(by_plugin).post("/v1/plugins", json=PLUGIN)).status_code == 201
    assert refusal(await api.client(by_plugin).post("/v1/plugins", json=other)) == (403, "namespace_not_granted")
    assert (await api.client(by_name).post("/v1/plugins", json=other)).status_code == 201
    assert refusal(await api.client(by_name).post("/v1/plugins", json=elsewhere)) == (403, "namespace_not_granted")


@pytest.mark.parametrize(
    "wider",
    [{"scopes": ["catalog:write"]}, {"namespaces": ["search"]}, {"expires_in_minutes": 2 * 24 * 60}],
    ids=["scopes", "namespaces", "life"],
)
async def test_a_narrower_token_is_never_wider_in_any_way(api, wider):
    parent = await make(api.acme, role="viewer", namespaces=["payments"], expires_in_days=1)
    assert refusal(await narrow(api.client(parent["token"]), **wider)) == (403, "cannot_grant")


async def test_what_is_left_out_is_inherited_and_not_lost(api):
    parent = await make(api.acme, namespaces=["payments"], expires_in_days=1)
    child = (await narrow(api.client(parent["token"]))).json()
    assert child["namespaces"] == ["payments"]
    assert "catalog:write" in child["scopes"]


async def test_a_token_of_a_namespace_holds_only_what_a_namespace_bounds(api):
    answer = await api.acme.post("/v1/tokens", json={"name": "x", "role": "operator", "namespaces": ["payments"]})
    assert refusal(answer) == (422, "unprocessable")
    wide = api.client((await make(api.acme, role="tenant_admin"))["token"])
    assert "identity:write" not in (await narrow(wide, namespaces=["payments"])).json()["scopes"]


async def test_children_and_their_children_die_with_the_parent(api):
    parent = await make(api.acme)
    child = (await narrow(api.client(parent["token"]))).json()
    grandchild = (await narrow(api.client(child["token"]))).json()
    assert await is_live(api, grandchild["token"])
    await api.acme.delete(f"/v1/tokens/{parent['id']}")
    assert not await is_live(api, child["token"]) and not await is_live(api, grandchild["token"])


async def test_a_rotated_child_does_not_outlive_its_parent(api):
    parent = await make(api.acme, expires_in_days=1)
    child = (await narrow(api.client(parent["token"]))).json()
    rotated = (await api.acme.post(f"/v1/tokens/{child['id']}/rotate", json={"expires_in_days": 90})).json()
    assert rotated["expires_at"] == parent["expires_at"]


async def test_rotating_to_a_shorter_life_shortens_what_was_made_from_the_token(api):
    parent = await make(api.acme, expires_in_days=90)
    child = (await narrow(api.client(parent["token"]), expires_in_minutes=80 * 24 * 60)).json()
    brief = (await narrow(api.client(child["token"]), expires_in_minutes=60)).json()
    rotated = (await api.acme.post(f"/v1/tokens/{parent['id']}/rotate", json={"expires_in_days": 1})).json()
    ends = {one["id"]: one["expires_at"] for one in (await api.acme.get("/v1/tokens?limit=500")).json()["items"]}
    assert (ends[child["id"]], ends[brief["id"]]) == (rotated["expires_at"], brief["expires_at"])
    [record] = (await api.acme.get("/v1/audit?action=token.rotated")).json()["items"]
    assert record["change"]["shortened"] == [f"token:{child['id']}"]


async def test_sessions_and_tokens_that_act_elsewhere_make_no_narrower_ones(api):
    await add_person(api, api.acme, "ada@acme.example", role="tenant_admin")
    session = await sign_in(api, "ada@acme.example")
    assert refusal(await narrow(session)) == (403, "forbidden")
    away = api.client(api.tokens["operator"], **{"Patchbay-Tenant": "acme"})
    assert refusal(await narrow(away)) == (403, "forbidden")
    await api.operator.patch("/v1/tenants/acme", json={"status": "suspended"}, headers=ANY)
    assert refusal(await narrow(api.acme)) == (403, "tenant_suspended")


@pytest.mark.parametrize(
    ("method", "place", "body"),
    [("DELETE", "", None), ("POST", "/rotate", {"overlap_minutes": 0})],
    ids=["revoked", "rotated"],
)
async def test_a_token_that_is_revoked_or_rotated_at_this_moment_makes_no_narrower_one(
    api, monkeypatch, method, place, body
):
    parent = await make(api.acme)
    limits, admit = api.app.state.limits, api.app.state.limits.admit

    async def overtaken(request, principal):
        monkeypatch.setattr(limits, "admit", admit)
        assert (await api.acme.request(method, f"/v1/tokens/{parent['id']}{place}", json=body)).is_success
        return await admit(request, principal)

    monkeypatch.setattr(limits, "admit", overtaken)
    assert refusal(await narrow(api.client(parent["token"]))) == (401, "unauthenticated")
    assert "narrow" not in [one["name"] for one in (await api.acme.get("/v1/tokens")).json()["items"]]


async def test_a_grant_in_a_namespace_is_not_passed_on(api):
    viewer = await make(api.acme, role="viewer")
    await api.acme.post("/v1/namespace-grants", json={"namespace": "payments", "token_id": viewer["id"]})
    asked = await narrow(api.client(viewer["token"]), scopes=["catalog:write"], namespaces=["payments"])
    assert refusal(asked) == (403, "cannot_grant")


async def test_a_reported_secret_is_revoked_with_its_children_and_the_answer_tells_nothing(api):
    parent = await make(api.acme)
    child = (await narrow(api.client(parent["token"]))).json()
    await add_person(api, api.globex, "bob@globex.example")
    bob = await sign_in(api, "bob@globex.example")
    session = bob.headers["authorization"].removeprefix("Bearer ")
    found = [
        {"token": parent["token"], "url": "https://code.example/a", "source": "content", "type": "patchbay"},
        {"token": child["token"]},
        {"token": session},
        {"token": new_secret("t").value},
        {"token": "ghp_something"},
    ]
    answers = [await api.nobody.post("/v1/token-leaks", json=part) for part in (found[3:], found, found)]
    assert [(answer.status_code, answer.content) for answer in answers] == [(204, b"")] * 3
    assert [await is_live(api, one) for one in (parent["token"], child["token"], session)] == [False] * 3
    assert "token.leaked" in await audited(api.acme)
    assert "session.leaked" in await audited(api.globex)
    records = (await api.acme.get("/v1/audit?action=token.leaked")).json()["items"]
    assert {record["change"]["url"] for record in records} == {"https://code.example/a"}
    assert parent["token"] not in str(records)


@pytest.mark.postgres
@pytest.mark.parametrize("backend", ["postgres"])  # SQLite has one writer at a time
@pytest.mark.parametrize("named", ["the same tokens", "a token and what was made from it"])
async def test_two_reports_at_once_in_opposite_order_both_succeed(api, monkeypatch, named):
    first, second = [(await make(api.acme))["token"] for _ in range(2)]
    child = (await narrow(api.client(first))).json()["token"]
    meet_after_the_first(monkeypatch)
    reports = [[first if named == "the same tokens" else child, second], [second, first]]
    found = [[{"token": token} for token in report] for report in reports]
    answers = await asyncio.gather(*(api.nobody.post("/v1/token-leaks", json=one) for one in found))
    assert [answer.status_code for answer in answers] == [204, 204], [answer.text for answer in answers]
    assert [await is_live(api, token) for token in (first, child, second)] == [False] * 3
    records = (await api.acme.get("/v1/audit?action=token.leaked")).json()["items"]
    assert len({record["subject"] for record in records}) == len(records) == 3


def meet_after_the_first(monkeypatch):
    """Two reports go on once both have revoked something, or one has waited long enough for the other."""
    revoke, met, begun = leaks._revoke, asyncio.Event(), []

    async def together(*given):
        await revoke(*given)
        begun.append(given)
        if len(begun) == 2:
            met.set()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(met.wait(), 2)

    monkeypatch.setattr(leaks, "_revoke", together)


async def test_a_former_secret_that_leaks_in_the_overlap_ends_the_token(api):
    old = await make(api.acme)
    new = (await api.acme.post(f"/v1/tokens/{old['id']}/rotate", json={})).json()
    await api.nobody.post("/v1/token-leaks", json=[{"token": old["token"]}])
    assert not await is_live(api, new["token"])


async def due_now(api):
    async with api.app.state.database.engine.begin() as connection:
        past = datetime.now(UTC) - timedelta(seconds=1)
        late = Job.kind == "identity.token_notice"
        await connection.execute(update(Job).where(late, Job.state == "queued").values(run_at=past))


async def test_before_a_token_ends_its_maker_is_told_twice_and_of_a_leak_too(api):
    await add_person(api, api.acme, "ada@acme.example", role="tenant_admin")
    token = await make(await sign_in(api, "ada@acme.example"))
    machine = await make(api.acme, name="machine")
    inbox = Inbox()
    with serving(inbox) as port:
        api.settings = api.settings.model_copy(update={"smtp_url": SecretStr(f"smtp://127.0.0.1:{port}")})
        await due_now(api)
        await api.drain_jobs()
        told = [(to, mail["Subject"]) for to, mail in inbox.mails if "the token ci " in mail["Subject"]]
        assert told == [(["ada@acme.example"], "Patchbay: the token ci ends soon")] * 2
        assert any(to == ["ada@acme.example"] and "machine" in mail["Subject"] for to, mail in inbox.mails)
        inbox.mails.clear()
        await api.nobody.post("/v1/token-leaks", json=[{"token": machine["token"]}])
        await api.drain_jobs()
        [(to, mail)] = inbox.mails
    assert (to, mail["Subject"]) == (["ada@acme.example"], "Patchbay: the token machine was found in public")
    assert machine["token"] not in mail.get_content()
    records = (await api.acme.get("/v1/audit?action=token.expiring&limit=500")).json()["items"]
    assert sorted(r["change"]["days"] for r in records if r["subject"] == f"token:{token['id']}") == [3, 14]


async def test_nobody_is_told_of_a_token_that_is_revoked_or_ends_later_and_none_without_mail(api):
    gone, kept = await make(api.acme, name="gone"), await make(api.acme, name="kept")
    await api.acme.delete(f"/v1/tokens/{gone['id']}")
    await api.acme.post(f"/v1/tokens/{kept['id']}/rotate", json={"expires_in_days": 365})
    await make(api.acme, name="short", expires_in_days=2)
    leaked = await make(api.acme, name="leaked")
    await api.nobody.post("/v1/token-leaks", json=[{"token": leaked["token"]}])
    async with api.app.state.database.engine.begin() as connection:
        now = datetime.now(UTC)
        soon = Job.run_at < now + timedelta(days=100)
        await connection.execute(update(Job).where(soon).values(run_at=now - timedelta(seconds=1)))
    await api.drain_jobs()
    records = (await api.acme.get("/v1/audit?action=token.expiring")).json()["items"]
    assert not {record["change"]["name"] for record in records} & {"gone", "kept", "short"}
    jobs = (await api.acme.get("/v1/jobs?kind=identity.token_mail")).json()["items"]
    assert [(job["state"], job["result"]) for job in jobs] == [("succeeded", {"mailed": 0})]
