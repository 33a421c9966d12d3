"""API tokens: shown once, kept as a hash, bounded by their creator and tenant."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import select, text, update

from patchbay.core.ids import new_id
from registry_api.db import Crossing
from registry_api.identity import last_use
from registry_api.identity.models import ApiToken
from registry_api.identity.tokens import new_secret, parse_secret
from tests.registry_api.conftest import running


async def test_a_token_is_shown_once_and_only_its_hash_is_kept(api):
    made = (await api.acme.post("/v1/tokens", json={"name": "ci", "role": "author"})).json()
    assert made["token"].startswith("pb_t")
    assert made["prefix"] == made["token"][:10]
    listed = await api.acme.get("/v1/tokens")
    assert made["token"] not in listed.text
    assert made["id"] in {item["id"] for item in listed.json()["items"]}
    async with api.app.state.database.reading(Crossing.SETUP) as session:
        for row in (await session.execute(text("SELECT * FROM api_tokens"))).all():
            assert made["token"] not in str(row)


def test_a_mistyped_token_is_told_by_its_checksum():
    secret = new_secret("t").value
    assert parse_secret(secret) is not None
    for place in range(len(secret)):
        other = "0" if secret[place] != "0" else "1"
        assert parse_secret(secret[:place] + other + secret[place + 1 :]) is None
    assert parse_secret(secret + "0") is None
    assert parse_secret("") is None


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer pb_t123", "Basic dXNlcjpwYXNz", "pb_token"])
async def test_what_is_no_token_is_refused(api, header):
    answer = await api.nobody.get("/v1/me", headers={"Authorization": header})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"


async def test_a_well_formed_token_nobody_issued_is_refused(api):
    assert (await api.client(new_secret("t").value).get("/v1/me")).status_code == 401


async def test_a_revoked_token_is_refused_at_once(api):
    made = (await api.acme.post("/v1/tokens", json={"name": "ci", "role": "viewer"})).json()
    caller = api.client(made["token"])
    assert (await caller.get("/v1/me")).status_code == 200
    assert (await api.acme.delete(f"/v1/tokens/{made['id']}")).status_code == 204
    assert (await caller.get("/v1/me")).status_code == 401
    assert (await api.acme.delete(f"/v1/tokens/{made['id']}")).status_code == 204


async def test_an_expired_token_is_refused(api):
    made = (await api.acme.post("/v1/tokens", json={"name": "ci", "role": "viewer", "expires_in_days": 1})).json()
    async with api.app.state.database.engine.begin() as connection:
        past = datetime.now(UTC) - timedelta(seconds=1)
        await connection.execute(update(ApiToken).where(ApiToken.prefix == made["prefix"]).values(expires_at=past))
    assert (await api.client(made["token"]).get("/v1/me")).status_code == 401


async def test_a_token_holds_exactly_the_scopes_it_was_given(api):
    caller = api.client(await api.token(api.acme, scopes=["identity:read"]))
    assert (await caller.get("/v1/me")).json()["scopes"] == ["identity:read"]
    assert (await caller.get("/v1/users")).status_code == 200
    refused = await caller.get("/v1/audit")
    assert refused.status_code == 403
    assert "audit:read" in refused.json()["detail"]


async def test_a_creator_cannot_grant_what_it_lacks(api):
    limited = api.client(await api.token(api.acme, scopes=["identity:write", "catalog:read"]))
    for wanted in ({"role": "author"}, {"scopes": ["catalog:read", "audit:read"]}):
        answer = await limited.post("/v1/tokens", json={"name": "more", **wanted})
        assert (answer.status_code, answer.json()["type"].split("/")[-1]) == (403, "cannot_grant")
    assert (await limited.post("/v1/tokens", json={"name": "less", "scopes": ["catalog:read"]})).status_code == 201


@pytest.mark.parametrize("wanted", [{"role": "platform_admin"}, {"role": "service"}, {"scopes": ["tenancy:act"]}])
async def test_platform_roles_and_scopes_exist_in_no_customer_tenant(api, wanted):
    by_platform = {"name": "x", "tenant": "acme", **wanted}
    for answer in (
        await api.acme.post("/v1/tokens", json={"name": "x", **wanted}),
        await api.operator.post("/v1/tokens", json=by_platform),
        await api.operator.post("/v1/tokens", json={"name": "x", **wanted}, headers={"Patchbay-Tenant": "acme"}),
    ):
        assert (answer.status_code, answer.json()["type"].split("/")[-1]) == (422, "role_not_in_tenant")


async def test_a_row_that_claims_platform_scopes_in_a_customer_tenant_does_not_get_them(api):
    secret = new_secret("t")
    tenant = UUID((await api.acme.get("/v1/me")).json()["tenant"]["id"])
    async with api.app.state.database.engine.begin() as connection:
        forged = {
            "id": new_id(),
            "tenant_id": tenant,
            "name": "forged",
            "prefix": secret.prefix,
            "role": "platform_admin",
        }
        columns = {
            **forged,
            "secret_hash": secret.hash,
            "scopes": [],
            "created_by": "x",
            "recorded_at": datetime.now(UTC),
        }
        await connection.execute(ApiToken.__table__.insert().values(**columns))
    caller = api.client(secret.value)
    assert "tenancy:write" not in (await caller.get("/v1/me")).json()["scopes"]
    assert [item["slug"] for item in (await caller.get("/v1/tenants")).json()["items"]] == ["acme"]


@pytest.mark.parametrize("backend", ["sqlite"])
@pytest.mark.parametrize("wanted", [{}, {"role": "viewer", "scopes": ["catalog:read"]}])
async def test_a_token_has_a_role_or_scopes_and_not_both(api, wanted):
    answer = await api.acme.post("/v1/tokens", json={"name": "x", **wanted})
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "exactly_one")


async def test_unknown_scopes_are_named(api):
    answer = await api.acme.post("/v1/tokens", json={"name": "x", "scopes": ["plugins:read"]})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["code"] == "unknown_scope"


async def test_tokens_of_another_tenant_are_neither_seen_nor_revoked(api):
    made = (await api.acme.post("/v1/tokens", json={"name": "ci", "role": "viewer"})).json()
    assert made["id"] not in (await api.globex.get("/v1/tokens")).text
    assert (await api.globex.delete(f"/v1/tokens/{made['id']}")).status_code == 404
    assert (await api.client(made["token"]).get("/v1/me")).status_code == 200


async def test_last_use_is_written_by_the_flush_and_not_by_the_request(api):
    made = (await api.acme.post("/v1/tokens", json={"name": "ci", "role": "viewer"})).json()
    await api.client(made["token"]).get("/v1/me")

    async def last_used():
        async with api.app.state.database.reading(Crossing.SETUP) as session:
            query = select(ApiToken.last_used_at).where(ApiToken.prefix == made["prefix"])
            return (await session.execute(query)).scalar_one()

    assert await last_used() is None
    await api.app.state.last_use.flush()
    assert (datetime.now(UTC) - await last_used()).total_seconds() < 30


async def test_a_platform_token_acts_for_a_tenant_and_the_audit_log_of_that_tenant_says_so(api):
    operator = (await api.operator.get("/v1/me")).json()
    headers = {"Patchbay-Tenant": "acme"}
    me = (await api.operator.get("/v1/me", headers=headers)).json()
    assert me["tenant"]["slug"] == "acme"
    assert (await api.operator.get("/v1/me", headers={"Patchbay-Tenant": "operator"})).json() == operator
    assert me["acting_for"] == operator["tenant"]["id"]
    assert "tenancy:write" not in me["scopes"]
    await api.operator.post("/v1/tokens", json={"name": "by operator", "role": "viewer"}, headers=headers)
    record = (await api.acme.get("/v1/audit?action=token.created")).json()["items"][0]
    assert record["acting_for"] == operator["tenant"]["id"]
    assert record["patch"][0]["value"]["name"] == "by operator"


async def test_only_platform_tokens_may_act_for_a_tenant(api):
    assert (await api.acme.get("/v1/me", headers={"Patchbay-Tenant": "globex"})).status_code == 403
    for tenant, status in (("globex", 403), ("acme", 201)):
        wanted = {"name": "x", "role": "viewer", "tenant": tenant}
        assert (await api.acme.post("/v1/tokens", json=wanted)).status_code == status
    assert (await api.service.get("/v1/me", headers={"Patchbay-Tenant": "globex"})).status_code == 403
    assert (await api.operator.get("/v1/me", headers={"Patchbay-Tenant": "nowhere"})).status_code == 404


async def test_uses_that_could_not_be_written_are_kept_and_written_later(registry, monkeypatch):
    monkeypatch.setattr(last_use, "FLUSH_SECONDS", 0.05)
    async with running(*registry) as api:
        engine = api.app.state.database.engine
        async with engine.begin() as connection:
            await connection.exec_driver_sql("ALTER TABLE login_sessions RENAME TO away")
        await api.acme.get("/v1/me")
        await asyncio.sleep(0.3)
        assert (await used(api)) is None
        async with engine.begin() as connection:
            await connection.exec_driver_sql("ALTER TABLE away RENAME TO login_sessions")
        await asyncio.sleep(0.3)
        assert await used(api)


async def used(api):
    """When acme's token was last used, as another token sees it."""
    headers = {"Patchbay-Tenant": "acme"}
    return (await api.operator.get("/v1/tokens", headers=headers)).json()["items"][0]["last_used_at"]
