"""Signing in and out."""

import asyncio
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select, update

from patchbay.core.clock import utcnow
from registry_api.db import Crossing
from registry_api.identity.models import LoginSession

PASSWORD = "correct horse battery"
ADA = {"email": "Ada@Acme.example", "display_name": "Ada", "password": PASSWORD, "role": "tenant_admin"}


async def signed_in(api, **changes):
    return await api.nobody.post("/v1/sessions", json={"email": "ada@acme.example", "password": PASSWORD, **changes})


async def test_the_first_administrator_signs_in_with_the_generated_password(api):
    password = api.settings.secret_file("admin.password").read_text().strip()
    answer = await api.nobody.post("/v1/sessions", json={"email": "admin@patchbay.local", "password": password})
    assert answer.status_code == 201, answer.text
    session = answer.json()
    assert session["role"] == "platform_admin"
    assert session["tenant"]["slug"] == "operator"
    assert "tenancy:write" in session["scopes"]


async def test_a_session_lasts_eight_hours_and_works_like_a_token(api):
    await api.acme.post("/v1/users", json=ADA)
    session = (await signed_in(api)).json()
    left = datetime.fromisoformat(session["expires_at"]) - datetime.now().astimezone()
    assert timedelta(hours=7, minutes=59) < left <= timedelta(hours=8)
    me = (await api.client(session["token"]).get("/v1/me")).json()
    assert me["user"]["email"] == "ada@acme.example"
    assert me["memberships"] == [{"tenant": me["tenant"], "role": "tenant_admin"}]


async def test_of_two_rotations_of_a_session_at_once_one_gets_a_secret_and_it_works(api, monkeypatch):
    await api.acme.post("/v1/users", json=ADA)
    session = api.client((await signed_in(api)).json()["token"])
    path, limits, both = "/v1/sessions/current/rotate", api.app.state.limits, asyncio.Barrier(2)
    admit = limits.admit

    async def together(*given):
        await both.wait()
        return await admit(*given)

    monkeypatch.setattr(limits, "admit", together)
    answers = await asyncio.gather(*(session.post(path, headers={"Idempotency-Key": "same"}) for _ in range(2)))
    monkeypatch.undo()
    assert sorted(answer.status_code for answer in answers) == [200, 401]
    [secret] = [answer.json()["token"] for answer in answers if answer.status_code == 200]
    assert (await api.client(secret).get("/v1/me")).status_code == 200


async def test_what_is_kept_of_a_session_is_deleted_a_month_after_its_end(api):
    await api.acme.post("/v1/users", json=ADA)
    ids = []
    for days in (31, 29):
        session = api.client((await signed_in(api)).json()["token"])
        ids.append((await session.get("/v1/sessions")).json()["items"][-1]["id"])
        await session.delete("/v1/sessions/current")
        async with api.app.state.database.engine.begin() as connection:
            ended = {"revoked_at": utcnow() - timedelta(days=days)}
            await connection.execute(update(LoginSession).where(LoginSession.id == UUID(ids[-1])).values(**ended))
    await signed_in(api)
    async with api.app.state.database.reading(Crossing.SETUP) as session:
        kept = {str(one) for one in (await session.execute(select(LoginSession.id))).scalars()}
    assert [one in kept for one in ids] == [False, True]


async def test_signing_out_ends_the_session_and_nothing_else(api):
    await api.acme.post("/v1/users", json=ADA)
    first, second = [api.client((await signed_in(api)).json()["token"]) for _ in range(2)]
    assert (await first.delete("/v1/sessions/current")).status_code == 204
    assert (await first.get("/v1/me")).status_code == 401
    assert (await second.get("/v1/me")).status_code == 200
    assert (await api.acme.delete("/v1/sessions/current")).status_code == 404


async def test_unknown_email_wrong_password_and_foreign_tenant_answer_alike(api):
    await api.acme.post("/v1/users", json=ADA)
    answers = [
        await signed_in(api, password="wrong horse battery"),
        await signed_in(api, email="nobody@acme.example"),
        await signed_in(api, tenant="globex"),
        await signed_in(api, tenant="nowhere"),
    ]
    bodies = [{**answer.json(), "request_id": None} for answer in answers]
    assert [answer.status_code for answer in answers] == [401] * 4
    assert all(body == bodies[0] for body in bodies)
    assert bodies[0]["type"].endswith("login_failed")


async def test_an_unknown_email_costs_the_same_hashing_as_a_known_one(api, monkeypatch):
    from registry_api.identity import passwords

    for caller in (api.acme, api.globex):
        await caller.post("/v1/users", json=ADA)
    verified = []
    monkeypatch.setattr(passwords, "HASHER", Recording(passwords.HASHER, verified))
    costs = []
    for changes in ({"email": "nobody@acme.example"}, {"password": "wrong horse battery"}):
        for tenant in ({}, {"tenant": "acme"}):
            await signed_in(api, **changes, **tenant)
            costs.append(len(verified))
            verified.clear()
    assert costs == [3, 1, 3, 1]


class Recording:
    """The real hasher, counting its verifications."""

    def __init__(self, real, seen):
        self._real, self._seen, self.hash = real, seen, real.hash

    def verify(self, stored, password):
        self._seen.append(stored)
        return self._real.verify(stored, password)


async def test_of_accounts_in_several_tenants_the_password_or_else_the_tenant_picks_one(api):
    await api.acme.post("/v1/users", json=ADA)
    added = await api.globex.post("/v1/users", json={**ADA, "password": "another long word", "role": "viewer"})
    assert added.status_code == 201, added.text
    assert (await signed_in(api)).json()["tenant"]["slug"] == "acme"
    session = (await signed_in(api, password="another long word")).json()
    assert (session["tenant"]["slug"], session["role"]) == ("globex", "viewer")
    assert (await signed_in(api, tenant="globex")).status_code == 401


async def test_a_password_that_opens_several_accounts_needs_the_tenant(api):
    for caller in (api.acme, api.globex):
        await caller.post("/v1/users", json=ADA)
    unclear = await signed_in(api)
    assert (unclear.status_code, unclear.json()["type"].split("/")[-1]) == (422, "tenant_needed")
    assert "acme, globex" in unclear.json()["detail"]
    assert (await signed_in(api, tenant="globex")).json()["tenant"]["slug"] == "globex"


async def test_whoever_administers_a_tenant_cannot_sign_in_to_another_one_as_its_people(api):
    mallory = {**ADA, "password": "hostile takeover!", "display_name": "Mallory"}
    assert (await api.globex.post("/v1/users", json=mallory)).status_code == 201
    for change in ({"password": None}, {"password": PASSWORD}):
        await api.acme.post("/v1/users", json={**ADA, **change})
    for tenant in ({}, {"tenant": "acme"}):
        session = (await signed_in(api, password="hostile takeover!", **tenant)).json()
        assert session.get("tenant", {"slug": None})["slug"] in ("globex", None)
    assert (await signed_in(api, tenant="acme", password="hostile takeover!")).status_code == 401


async def test_nothing_shows_that_an_email_has_an_account_in_another_tenant(api):
    elsewhere = (await api.acme.post("/v1/users", json=ADA)).json()
    made = await api.globex.post("/v1/users", json={**ADA, "password": "hostile takeover!", "display_name": "A"})
    assert (made.status_code, made.json()["display_name"]) == (201, "A")
    assert made.json()["id"] != elsewhere["id"]
    session = (await signed_in(api, password="hostile takeover!")).json()
    me = (await api.client(session["token"]).get("/v1/me")).json()
    assert [membership["tenant"]["slug"] for membership in me["memberships"]] == ["globex"]
    tenant = {"slug": "new", "name": "New", "admin_email": ADA["email"], "admin_password": "hostile takeover!"}
    assert (await api.operator.post("/v1/tenants", json=tenant)).status_code == 201


async def test_a_password_is_stored_as_argon2id_only(api):
    await api.acme.post("/v1/users", json=ADA)
    async with api.app.state.database.engine.begin() as connection:
        rows = (await connection.exec_driver_sql("SELECT * FROM passwords")).all()
    assert all("$argon2id$" in str(row) and PASSWORD not in str(row) for row in rows)


def test_a_guess_costs_what_rfc_9106_asks_for_where_memory_is_short(products_hasher):
    hashed = products_hasher.hash(PASSWORD)
    assert hashed.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
