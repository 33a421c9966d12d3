"""Whom the registry knows by a name only, an address or a token: what the audit log has of them goes when they are erased."""

import re
from typing import Any

import pytest

from registry_api.audit.personal import ERASED
from tests.registry_api.audit.tampering import exported, offline

HOME = "127.0.0.1"


async def made(caller: Any, **wanted: Any) -> dict[str, Any]:
    answer = await caller.post("/v1/tokens", json={"name": "x", "role": "tenant_admin", **wanted})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def use(api: Any, token: dict[str, Any], **headers: str) -> None:
    """Leave a record of the token."""
    assert (await api.client(token["token"], **headers).get("/v1/audit/export")).status_code == 200


async def addresses(caller: Any, **filters: str) -> list[str]:
    return [one["address"] for one in (await caller.get("/v1/audit", params=filters)).json()["items"]]


async def erase(caller: Any, person: str, status: int = 204) -> None:
    answer = await caller.delete("/v1/subjects", params={"person": person})
    assert answer.status_code == status, answer.text


async def report(api: Any, token: dict[str, Any]) -> None:
    found = [{"token": token["token"], "type": "patchbay", "url": "https://paste.example", "source": "content"}]
    assert (await api.nobody.post("/v1/token-leaks", json=found)).status_code == 204


async def test_the_address_of_who_sent_something_without_signing_in_goes_with_an_erasure_by_address(api: Any) -> None:
    mine, theirs = await made(api.acme), await made(api.globex)
    for token in (mine, theirs):
        await report(api, token)
    assert await addresses(api.acme, action="token.leaked") == [HOME]
    assert HOME.encode() not in await exported(api)
    await erase(api.acme, "192.0.2.1")
    assert await addresses(api.acme, action="token.leaked") == [HOME]
    await erase(api.acme, HOME)
    assert await addresses(api.acme, action="token.leaked") == [ERASED]
    assert await addresses(api.globex, action="token.leaked") == [HOME], "each tenant erases what it has"
    assert await addresses(api.acme, action="subject.erasure_asked") == [HOME, HOME], "of whoever signed in is kept"
    assert (await offline(api, await exported(api))).valid


async def test_one_address_is_called_otherwise_in_each_tenant(api: Any) -> None:
    for caller in (api.acme, api.globex):
        await report(api, await made(caller))
    acme, globex = [set(re.findall(b'"of":"(person:[^"]+)"', await exported(api, who))) for who in ("acme", "globex")]
    assert acme and globex and not acme & globex


async def test_the_addresses_of_a_token_go_once_it_opens_nothing(api: Any) -> None:
    token, other = await made(api.acme), await made(api.acme)
    for one in (token, other):
        await use(api, one)
    person = f"token:{token['id']}"
    await erase(api.acme, person, 409)
    assert await addresses(api.acme, actor=person) == [HOME]
    assert (await api.acme.delete(f"/v1/tokens/{token['id']}")).status_code == 204
    await erase(api.globex, person)
    assert await addresses(api.acme, actor=person) == [HOME]
    await erase(api.acme, person)
    assert await addresses(api.acme, actor=person) == [ERASED]
    assert await addresses(api.acme, actor=f"token:{other['id']}") == [HOME]
    [record] = (await api.acme.get("/v1/audit", params={"action": "subject.erased"})).json()["items"]
    assert record["subject"] == person


async def test_a_tenant_erases_no_address_of_the_operators_token_which_the_operator_does_everywhere(api: Any) -> None:
    token = await made(api.operator, role="platform_admin")
    await use(api, token)
    await use(api, token, **{"Patchbay-Tenant": "acme"})
    assert (await api.operator.delete(f"/v1/tokens/{token['id']}")).status_code == 204
    person = f"token:{token['id']}"
    await erase(api.acme, person)
    assert await addresses(api.acme, actor=person) == [HOME]
    await erase(api.operator, person)
    for caller in (api.acme, api.operator):
        assert await addresses(caller, actor=person) == [ERASED]


@pytest.mark.parametrize("person", ["token:", "token:x", "token:0197a0b0-0000-7000-8000-000000000000", "user:x"])
async def test_a_name_that_is_no_token_is_a_name(api: Any, person: str) -> None:
    await erase(api.acme, person)
    assert await addresses(api.acme, action="subject.erased") == []
