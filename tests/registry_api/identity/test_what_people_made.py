"""What becomes of the tokens that a person made: they end with the person's rights, and tell nothing once it is erased."""

import asyncio
from uuid import UUID

import pytest
from sqlalchemy import event

from registry_api.audit.personal import ERASED
from registry_api.caller import bind_address
from registry_api.db import Principal, Scope, UnitOfWork
from tests.registry_api.audit.tampering import lines
from tests.registry_api.automation.support import mail_rule, put_rules, sample, send
from tests.registry_api.conftest import ANY
from tests.registry_api.identity.people import add_person, sign_in

ADA, EVE = "ada@acme.example", "eve@operator.example"
WIDE = {"name": "wide", "role": "tenant_admin"}


@pytest.fixture
async def ada(api):
    return await add_person(api, api.acme, ADA, role="tenant_admin")


@pytest.fixture
async def adas(api, ada):
    return await sign_in(api, ADA)


@pytest.fixture
async def eve(api):
    return await add_person(api, api.operator, EVE, role="platform_admin")


async def family(api, adas):
    """A token of Ada's, a narrower one of that, and one that the narrower one made: their rows and callers."""
    first = (await adas.post("/v1/tokens", json={"name": "first", "role": "tenant_admin"})).json()
    second = (await api.client(first["token"]).post("/v1/tokens/narrower", json={"name": "second"})).json()
    third = (await api.client(second["token"]).post("/v1/tokens", json={"name": "third", "role": "viewer"})).json()
    return [first, second, third]


async def live(api, *tokens):
    return [(await api.client(one["token"]).get("/v1/me")).status_code == 200 for one in tokens]


async def addresses(caller, actor):
    found = (await caller.get("/v1/audit", params={"actor": actor, "limit": 500})).json()["items"]
    return {record["address"] for record in found}


async def test_an_erasure_takes_its_locks_in_the_order_of_every_change(api, ada):
    """Whoever took keys first could wait for a writer who holds jobs, and that one for the keys."""
    await add_person(api, api.acme, "bob@acme.example", role="tenant_admin")
    asked: list[str] = []
    event.listen(
        api.app.state.database.engine.sync_engine, "before_cursor_execute", lambda *seen: asked.append(seen[2])
    )
    assert (await api.acme.delete(f"/v1/users/{ada['id']}")).status_code == 204
    order = [
        next(place for place, sql in enumerate(asked) if sql.startswith(verb) and table in sql)
        for verb, table in (
            ("DELETE", "users"),
            ("SELECT", "webhooks"),
            ("INSERT", "person_keys"),
            ("SELECT", "frontier"),
        )
    ]
    assert order == sorted(order)


async def test_erasing_an_account_ends_all_that_was_made_from_its_tokens_and_shreds_what_they_told(api, ada, adas):
    await add_person(api, api.acme, "bob@acme.example", role="tenant_admin")
    tokens = await family(api, adas)
    facts = lines((await api.acme.get(f"/v1/users/{ada['id']}/data")).content)
    assert [fact["name"] for fact in facts if fact["kind"] == "api_tokens"] == ["first", "second", "third"]
    assert not any({"secret_hash", "previous_hash"} & fact.keys() for fact in facts if fact["kind"] == "api_tokens")
    actors = {fact["actor"] for fact in facts if fact["kind"] == "audit"}
    assert {f"token:{one['id']}" for one in tokens[:2]} <= actors
    assert (await api.acme.delete(f"/v1/users/{ada['id']}")).status_code == 204
    assert await live(api, *tokens) == [False, False, False]
    for one in tokens[:2]:
        assert await addresses(api.acme, f"token:{one['id']}") == {ERASED}


async def test_erasing_an_account_of_the_operator_ends_its_tokens_in_every_tenant_but_not_a_tenants_first(api, eve):
    eves = await sign_in(api, EVE)
    elsewhere = (await eves.post("/v1/tokens", json={"name": "x", "role": "viewer", "tenant": "acme"})).json()
    made = (await eves.post("/v1/tenants", json={"slug": "initech", "name": "Initech"})).json()
    initech = api.client(made["token"])
    assert (await api.operator.delete(f"/v1/users/{eve['id']}")).status_code == 204
    assert await live(api, elsewhere, made) == [False, True]
    for tenant in (api.acme, initech):
        assert await addresses(tenant, f"user:{eve['id']}") == {ERASED}
    [revoked] = (await api.acme.get("/v1/audit?action=token.revoked")).json()["items"]
    assert revoked["subject"] == f"token:{elsewhere['id']}"
    assert (await api.acme.get("/v1/audit/verify")).json()["valid"]


@pytest.mark.parametrize("change", [{"status": "disabled"}, {"role": "viewer"}])
async def test_who_is_disabled_or_may_do_less_keeps_no_token_that_may_do_more(api, ada, adas, change):
    await add_person(api, api.acme, "bob@acme.example", role="tenant_admin")
    tokens = await family(api, adas)
    reads = (await adas.post("/v1/tokens", json={"name": "reads", "role": "viewer"})).json()
    assert (
        await api.acme.patch(f"/v1/users/{ada['id']}", json={"display_name": "Ada"}, headers=ANY)
    ).status_code == 200
    assert await live(api, *tokens, reads) == [True, True, True, True]
    assert (await api.acme.patch(f"/v1/users/{ada['id']}", json=change, headers=ANY)).status_code == 200
    keeps = change == {"role": "viewer"}
    assert await live(api, *tokens, reads) == [False, False, keeps, keeps]
    assert (
        await api.acme.patch(f"/v1/users/{ada['id']}", json={"role": "tenant_admin", "status": "active"}, headers=ANY)
    ).is_success
    assert await live(api, *tokens) == [False, False, keeps]


@pytest.mark.parametrize("change", [{"status": "disabled"}, {"role": "viewer"}])
@pytest.mark.parametrize("by_token", [False, True])
async def test_who_is_disabled_or_may_do_less_while_asking_for_a_token_gets_none(
    api, ada, adas, change, by_token, monkeypatch
):
    await add_person(api, api.acme, "bob@acme.example", role="tenant_admin")
    caller = api.client(await api.token(adas, role="tenant_admin")) if by_token else adas
    limits = api.app.state.limits
    admit = limits.admit

    async def overtaken(request, principal):
        monkeypatch.setattr(limits, "admit", admit)
        assert (await api.acme.patch(f"/v1/users/{ada['id']}", json=change, headers=ANY)).status_code == 200
        return await admit(request, principal)

    monkeypatch.setattr(limits, "admit", overtaken)
    assert (await caller.post("/v1/tokens", json={"name": "late", "role": "viewer"})).status_code == 401
    assert "late" not in [one["name"] for one in (await api.acme.get("/v1/tokens")).json()["items"]]


async def test_who_acts_for_tenants_no_more_keeps_no_token_in_one(api, eve):
    eves = await sign_in(api, EVE)
    elsewhere = (await eves.post("/v1/tokens", json={"name": "x", "role": "viewer", "tenant": "acme"})).json()
    at_home = (await eves.post("/v1/tokens", json={"name": "x", "role": "viewer"})).json()
    await api.operator.patch(f"/v1/users/{eve['id']}", json={"role": "tenant_admin"}, headers=ANY)
    assert await live(api, elsewhere, at_home) == [False, True]


async def test_a_request_that_was_under_way_when_its_account_was_erased_leaves_no_address_that_can_be_read(
    api, ada, adas
):
    await add_person(api, api.acme, "bob@acme.example", role="tenant_admin")
    me = (await adas.get("/v1/me")).json()
    operator = (await api.operator.get("/v1/me")).json()["tenant"]["id"]
    await api.acme.delete(f"/v1/users/{ada['id']}")
    scope = Scope(UUID(me["tenant"]["id"]), UUID(operator))
    late = Principal(scope, "tenant_admin", frozenset(), user_id=UUID(ada["id"]))
    async with api.app.state.database.writing(scope) as session:
        work = UnitOfWork(session, late)
        bind_address("192.0.2.7")
        work.audit("team.created", "team:late")
        await work.commit()
    [record] = (await api.acme.get("/v1/audit?subject=team:late")).json()["items"]
    assert record["address"] == ERASED


async def rotated(caller, token, **wanted):
    answer = await caller.post(f"/v1/tokens/{token['id']}/rotate", json=wanted)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def firsts(api):
    """The row of acme's first token, and one that it made."""
    [first] = (await api.acme.get("/v1/tokens")).json()["items"]
    return first | {"token": api.tokens["acme"]}, (await api.acme.post("/v1/tokens", json=WIDE)).json()


async def test_who_rotates_a_token_of_nobody_stands_behind_it_and_not_behind_what_it_made(api, ada, adas):
    await add_person(api, api.acme, "bob@acme.example", role="tenant_admin")
    bob, (first, second) = await sign_in(api, "bob@acme.example"), await firsts(api)
    taken = await rotated(adas, first, expires_in_days=3650)
    assert (first["created_by"].partition(":")[0], taken["created_by"]) == ("tenant", f"user:{ada['id']}")
    [record] = (await bob.get("/v1/audit?action=token.rotated")).json()["items"]
    assert {"path": "/created_by", "was": first["created_by"]}.items() <= record["patch"][0].items()
    assert record["change"]["left"] == [f"token:{second['id']}"]
    assert await live(api, first, taken, second) == [True] * 3, "the first one for the overlap"
    assert (await bob.patch(f"/v1/users/{ada['id']}", json={"status": "disabled"}, headers=ANY)).status_code == 200
    assert await live(api, first, taken, second) == [False, False, True]


async def test_whoever_acts_for_a_tenant_stands_behind_what_they_rotate_there(api, eve):
    eves = await sign_in(api, EVE)
    first, second = await firsts(api)
    answer = await eves.post(f"/v1/tokens/{first['id']}/rotate", json={}, headers={"Patchbay-Tenant": "acme"})
    assert (answer.status_code, answer.json()["created_by"]) == (200, f"user:{eve['id']}")
    assert (await api.operator.delete(f"/v1/users/{eve['id']}")).status_code == 204
    assert await live(api, first, answer.json(), second) == [False, False, True]


async def test_a_rotated_token_approves_no_plan_of_who_rotated_it_and_resets_no_second_factor_of_theirs(api, ada, adas):
    first, _ = await firsts(api)
    tenant = (await adas.get("/v1/me")).json()["tenant"]["id"]
    await put_rules(adas, mail_rule(mode="approve"))
    [plan] = (await send(api, sample(12, tenant=tenant)))["plans"]
    taken = api.client((await rotated(adas, first))["token"])
    path = f"/v1/automation/plans/{plan['id']}/approve"
    assert (await taken.post(path, json={"hash": plan["hash"]})).status_code == 403
    assert (await taken.delete(f"/v1/users/{ada['id']}/totp")).status_code == 403
    apart = api.client(await api.token(api.operator, role="tenant_admin", tenant="acme"))
    assert (await apart.post(path, json={"hash": plan["hash"]})).status_code == 200


async def test_a_persons_token_is_rotated_by_that_person_and_their_tokens_only(api, ada, adas):
    await add_person(api, api.acme, "bob@acme.example", role="tenant_admin")
    first, second, third = await family(api, adas)
    away = api.client(api.tokens["operator"], **{"Patchbay-Tenant": "acme"})
    for caller in (await sign_in(api, "bob@acme.example"), api.acme, away):
        for token in (first, third):
            answer = await caller.post(f"/v1/tokens/{token['id']}/rotate", json={})
            assert (answer.status_code, answer.json()["type"].rsplit("/", 1)[-1]) == (409, "token_not_rotatable")
    assert (await rotated(adas, third))["created_by"] == f"token:{second['id']}"
    fresh = api.client((await rotated(api.client(first["token"]), first))["token"])
    assert (await rotated(fresh, third))["created_by"] == f"token:{second['id']}"


@pytest.mark.parametrize("path", ["/v1/tokens/narrower", "/v1/tokens"])
async def test_what_was_made_from_a_token_does_not_rotate_it_since_a_former_secret_makes_such_too(api, ada, adas, path):
    first = (await adas.post("/v1/tokens", json={"name": "first", "role": "tenant_admin"})).json()
    fresh, wanted = await rotated(adas, first, overlap_minutes=60), {"name": "next"}
    if path == "/v1/tokens":
        wanted |= {"role": "tenant_admin"}
    thief = api.client((await api.client(first["token"]).post(path, json=wanted)).json()["token"])
    answer = await thief.post(f"/v1/tokens/{first['id']}/rotate", json={"overlap_minutes": 0})
    assert (answer.status_code, answer.json()["type"].rsplit("/", 1)[-1]) == (409, "token_not_rotatable")
    assert await live(api, fresh) == [True]


async def test_who_rotates_a_token_of_nobody_by_a_token_is_kept_from_being_disabled_before_that_token_is(
    api, ada, adas
):
    """Whoever disables a person locks the person first: the other way round, two could wait for each other."""
    (first, _), own = (
        await firsts(api),
        (await adas.post("/v1/tokens", json={"name": "own", "role": "tenant_admin"})).json(),
    )
    asked: list[str] = []
    event.listen(
        api.app.state.database.engine.sync_engine, "before_cursor_execute", lambda *seen: asked.append(seen[2])
    )
    await rotated(api.client(own["token"]), first)
    role = next(place for place, sql in enumerate(asked) if sql.startswith("SELECT memberships.role"))
    kept = [place for place, sql in enumerate(asked) if "api_tokens.revoked_at IS NULL" in sql and place > role]
    assert kept
    assert "FOR SHARE" in asked[role] or api.app.state.database.is_sqlite


async def test_tokens_that_rotate_each_other_are_no_circle(api):
    first, _ = await firsts(api)
    other = (await api.operator.post("/v1/tokens", json={**WIDE, "tenant": "acme"})).json()
    callers = [(api.client(other["token"]), first), (api.client(first["token"]), other)]
    asked = [caller.post(f"/v1/tokens/{token['id']}/rotate", json={}) for caller, token in callers]
    assert [answer.status_code for answer in await asyncio.gather(*asked)] == [200, 200]
    made = (await api.operator.get("/v1/tokens", headers={"Patchbay-Tenant": "acme"})).json()["items"]
    assert not {one["created_by"] for one in made} & {f"token:{one['id']}" for one in (first, other)}


async def test_who_is_disabled_while_rotating_a_token_of_nobody_does_not_get_it(api, ada, adas, monkeypatch):
    await add_person(api, api.acme, "bob@acme.example", role="tenant_admin")
    (first, _), limits = await firsts(api), api.app.state.limits
    admit = limits.admit

    async def overtaken(request, principal):
        monkeypatch.setattr(limits, "admit", admit)
        await api.acme.patch(f"/v1/users/{ada['id']}", json={"status": "disabled"}, headers=ANY)
        return await admit(request, principal)

    monkeypatch.setattr(limits, "admit", overtaken)
    assert (await adas.post(f"/v1/tokens/{first['id']}/rotate", json={})).status_code == 401
    assert (await api.acme.get("/v1/tokens")).json()["items"][0]["created_by"] == first["created_by"]
