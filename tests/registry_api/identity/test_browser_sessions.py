"""Sessions: as a cookie for browsers, rotated, listed, ended; and the door that opens them."""

from datetime import datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import update

from patchbay.core.clock import utcnow
from registry_api.identity.errors import LoginFailed
from registry_api.identity.models import Identity, LoginSession
from registry_api.identity.providers import AssertedIdentity, Visit, enter
from tests.registry_api.identity.people import PASSWORD, add_person, sign_in

ADA = "ada@acme.example"
OURS = {"Origin": "https://registry.test"}


@pytest.fixture
async def ada(api):
    return await add_person(api, api.acme, ADA, role="tenant_admin")


async def with_cookie(api, **headers):
    body = {"email": ADA, "password": PASSWORD, "cookie": True}
    return await api.nobody.post("/v1/sessions", json=body, headers=OURS | headers)


async def browser(api):
    """The Cookie header of a signed-in browser, as it would send it over TLS."""
    answer = await with_cookie(api)
    assert answer.status_code == 201, answer.text
    return {"Cookie": answer.headers["set-cookie"].split(";")[0]}


def refusal(answer):
    return answer.status_code, answer.json()["type"].rsplit("/", 1)[-1]


async def test_a_browser_gets_its_session_in_a_cookie_that_no_script_and_no_other_site_reads(api, ada):
    answer = await with_cookie(api)
    assert answer.json()["token"] is None
    name, *attributes = answer.headers["set-cookie"].split("; ")
    assert name.startswith("__Host-patchbay=pb_s")
    assert {"HttpOnly", "Secure", "SameSite=lax", "Path=/", "Max-Age=28800"} <= set(attributes)
    assert not any(attribute.startswith("Domain") for attribute in attributes)
    me = await api.nobody.get("/v1/me", headers={"Cookie": name})
    assert me.json()["user"]["email"] == ADA


@pytest.mark.parametrize(
    "origin", [None, "null", "https://evil.test", "https://registry.test.evil.test", "http://registry.test"]
)
async def test_a_change_with_a_cookie_comes_from_our_own_pages_or_not_at_all(api, ada, origin):
    cookie = await browser(api)
    headers = cookie | ({"Origin": origin} if origin else {})
    assert refusal(await api.nobody.put("/v1/teams/pay", json={"display_name": "P"}, headers=headers)) == (
        403,
        "cross_site",
    )
    assert (await api.nobody.get("/v1/teams", headers=headers)).json()["items"] == []
    made = await api.nobody.put("/v1/teams/pay", json={"display_name": "P"}, headers=cookie | OURS)
    assert made.status_code == 201, made.text


async def test_another_site_cannot_sign_a_browser_in(api, ada):
    assert refusal(await with_cookie(api, Origin="https://evil.test")) == (403, "cross_site")


async def test_an_api_token_is_no_cookie_and_a_header_goes_before_one(api, ada):
    token = {"Cookie": f"__Host-patchbay={api.tokens['acme']}"}
    assert (await api.nobody.get("/v1/me", headers=token)).status_code == 401
    both = await browser(api) | {"Authorization": f"Bearer {api.tokens['globex']}"}
    assert (await api.nobody.get("/v1/me", headers=both)).json()["tenant"]["slug"] == "globex"


async def test_signing_out_takes_the_cookie_back(api, ada):
    cookie = await browser(api)
    answer = await api.nobody.delete("/v1/sessions/current", headers=cookie | OURS)
    assert (answer.status_code, "Max-Age=0" in answer.headers["set-cookie"]) == (204, True)
    assert (await api.nobody.get("/v1/me", headers=cookie)).status_code == 401


async def test_rotating_a_session_ends_its_former_secret_at_once(api, ada):
    cookie = await browser(api)
    answer = await api.nobody.post("/v1/sessions/current/rotate", headers=cookie | OURS)
    assert answer.json()["token"] is None
    fresh = {"Cookie": answer.headers["set-cookie"].split(";")[0]}
    assert (await api.nobody.get("/v1/me", headers=cookie)).status_code == 401
    assert (await api.nobody.get("/v1/me", headers=fresh)).status_code == 200
    session = await sign_in(api, ADA)
    rotated = (await session.post("/v1/sessions/current/rotate")).json()
    assert (await session.get("/v1/me")).status_code == 401
    assert (await api.client(rotated["token"]).get("/v1/me")).status_code == 200
    assert (await api.acme.post("/v1/sessions/current/rotate")).status_code == 404


async def test_rotating_keeps_a_session_alive_for_a_day_at_most(api, ada):
    session = await sign_in(api, ADA)
    opened = utcnow() - timedelta(hours=23)
    async with api.app.state.database.engine.begin() as connection:
        await connection.execute(update(LoginSession).values(recorded_at=opened))
    rotated = (await session.post("/v1/sessions/current/rotate")).json()
    assert datetime.fromisoformat(rotated["expires_at"]) == opened + timedelta(hours=24)


async def test_one_sees_and_ends_ones_own_sessions_and_no_others(api, ada):
    await add_person(api, api.acme, "bob@acme.example")
    first, second, bob = [await sign_in(api, email) for email in (ADA, ADA, "bob@acme.example")]
    listed = (await first.get("/v1/sessions")).json()["items"]
    assert [one["current"] for one in listed] == [True, False]
    assert {one["issuer"] for one in listed} == {"patchbay"} and listed[0]["user_agent"].startswith("python-httpx")
    assert (await api.acme.get("/v1/sessions")).json()["items"] == []
    assert (await bob.delete(f"/v1/sessions/{listed[1]['id']}")).status_code == 404
    for _ in range(2):
        assert (await first.delete(f"/v1/sessions/{listed[1]['id']}")).status_code == 204
    assert (await second.get("/v1/me")).status_code == 401
    assert [one["current"] for one in (await first.get("/v1/sessions")).json()["items"]] == [True]


async def test_another_issuers_word_opens_a_session_of_the_account_it_names_in_that_tenant_only(api, ada):
    tenant = UUID((await api.acme.get("/v1/me")).json()["tenant"]["id"])
    other = UUID((await api.globex.get("/v1/me")).json()["tenant"]["id"])
    named = {"issuer": "https://idp.example", "subject": "8f3c"}
    database = api.app.state.database
    async with database.engine.begin() as connection:
        row = Identity(tenant_id=tenant, user_id=UUID(ada["id"]), **named)
        values = {"id": UUID(int=7), "recorded_at": utcnow(), "tenant_id": tenant, "user_id": row.user_id, **named}
        await connection.execute(Identity.__table__.insert().values(**values))
    entered = await enter(database, api.settings, AssertedIdentity(**named, tenant_id=tenant), Visit())
    caller = api.client(entered.secret.value)
    assert (await caller.get("/v1/me")).json()["user"]["email"] == ADA
    assert (await caller.get("/v1/sessions")).json()["items"][0]["issuer"] == "https://idp.example"
    for wrong in (
        AssertedIdentity("https://other.example", "8f3c", tenant),
        AssertedIdentity("patchbay", "8f3c", tenant),
        AssertedIdentity(**named, tenant_id=other),
    ):
        with pytest.raises(LoginFailed):
            await enter(database, api.settings, wrong, Visit())
