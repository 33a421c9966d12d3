"""Signing keys and contacts through the door: sealed at rest, shown once, each tenant's own."""

import asyncio
import base64
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, text

from registry_api.db import Crossing, Scope
from registry_api.notifications.errors import Undeliverable
from registry_api.notifications.models import SigningKey
from registry_api.notifications.repository import Notifications
from registry_api.notifications.sealing import secret_bytes, unseal
from tests.registry_api.intake_data import items

KEYS, CONTACTS = "/v1/automation/signing-keys", "/v1/automation/contacts"
SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()


async def kept(api: Any, name: str) -> Any:
    """Acme's key as it lies in the database."""
    async with api.app.state.database.reading(Crossing.SETUP) as session:
        return (await session.execute(select(SigningKey).where(SigningKey.name == name))).scalars().one()


async def test_a_key_that_is_made_is_shown_once_and_one_that_is_given_never(api: Any) -> None:
    made = await api.acme.put(f"{KEYS}/made", json={})
    assert made.status_code == 201 and len(secret_bytes(made.json()["secret"])) == 32
    given = await api.acme.put(f"{KEYS}/given", json={"secret": SECRET})
    assert (given.status_code, given.json()["secret"]) == (201, None)
    listed = await api.acme.get(KEYS)
    assert [row["name"] for row in listed.json()["items"]] == ["given", "made"]
    for secret in (SECRET, made.json()["secret"]):
        assert secret not in listed.text and secret not in (await api.acme.get("/v1/audit")).text


async def test_a_key_lies_sealed_and_opens_only_for_its_tenant_and_name_with_its_key_file(api: Any) -> None:
    await api.acme.put(f"{KEYS}/given", json={"secret": SECRET})
    row = await kept(api, "given")
    assert bytes(range(32)) not in base64.b64decode(row.sealed)
    assert unseal(api.settings, row) == bytes(range(32))
    row.name = "other"
    with pytest.raises(Undeliverable, match="does not open it"):
        unseal(api.settings, row)
    row.name, row.sealed_by = "given", "another"
    with pytest.raises(Undeliverable, match="Put the former file back"):
        unseal(api.settings, row)


async def test_a_key_is_in_no_column_of_the_database(api: Any) -> None:
    await api.acme.put(f"{KEYS}/given", json={"secret": SECRET})
    async with api.app.state.database.reading(Crossing.SETUP) as session:
        rows = [
            (await session.execute(text(f"SELECT * FROM {one}"))).all() for one in ("signing_keys", "audit_records")
        ]
    kept = repr(rows)
    assert "given" in kept
    for form in (SECRET, SECRET.removeprefix("whsec_"), bytes(range(32)).hex(), repr(bytes(range(32)))):
        assert form not in kept


async def test_two_who_set_the_same_key_at_once_both_succeed_and_one_of_them_stands(api: Any) -> None:
    secrets = ["whsec_" + base64.b64encode(bytes([number]) * 32).decode() for number in range(8)]
    answers = await asyncio.gather(*(api.acme.put(f"{KEYS}/k", json={"secret": one}) for one in secrets))
    assert {answer.status_code for answer in answers} <= {200, 201}
    assert unseal(api.settings, await kept(api, "k")) in [secret_bytes(one) for one in secrets]


async def test_the_operator_and_a_tenant_have_keys_of_one_name_each_their_own(api: Any) -> None:
    await api.acme.put(f"{KEYS}/k", json={"secret": SECRET})
    assert (await api.operator.put(f"{KEYS}/k", json={})).status_code == 201
    assert (await api.operator.delete(f"{KEYS}/k")).status_code == 204
    assert unseal(api.settings, await kept(api, "k")) == bytes(range(32))
    assert await items(api.operator, KEYS) == []


async def test_a_key_is_replaced_and_deleted(api: Any) -> None:
    await api.acme.put(f"{KEYS}/k", json={})
    assert (await api.acme.put(f"{KEYS}/k", json={"secret": SECRET})).status_code == 200
    assert unseal(api.settings, await kept(api, "k")) == bytes(range(32))
    assert (await api.acme.delete(f"{KEYS}/k")).status_code == 204
    assert (await api.acme.delete(f"{KEYS}/k")).status_code == 404


@pytest.mark.parametrize("secret", ["whsec_AAAA", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_***"])
async def test_a_bad_key_is_refused_without_being_repeated(api: Any, secret: str) -> None:
    answer = await api.acme.put(f"{KEYS}/k", json={"secret": secret})
    assert answer.status_code == 400 and "24 to 64 bytes" in answer.text
    assert secret not in answer.text


async def test_a_team_has_addresses_and_a_bad_one_is_named(api: Any) -> None:
    assert (await api.acme.put(f"{CONTACTS}/ops", json={"addresses": ["a@acme.example"]})).status_code == 201
    more = {"addresses": ["a@acme.example", "b@acme.example"]}
    assert (await api.acme.put(f"{CONTACTS}/ops", json=more)).status_code == 200
    assert [row["addresses"] for row in await items(api.acme, CONTACTS)] == [more["addresses"]]
    bad = await api.acme.put(f"{CONTACTS}/ops", json={"addresses": ["a@acme.example", "nobody"]})
    assert (bad.status_code, bad.json()["errors"][0]["pointer"]) == (400, "/addresses/1")
    assert (await api.acme.delete(f"{CONTACTS}/ops")).status_code == 204
    assert (await api.acme.delete(f"{CONTACTS}/ops")).status_code == 404


async def test_names_of_teams_and_addresses_become_addresses_each_once(api: Any) -> None:
    await api.acme.put(f"{CONTACTS}/ops", json={"addresses": ["a@acme.example", "b@acme.example"]})
    tenant = (await api.acme.get("/v1/me")).json()["tenant"]["id"]
    async with api.app.state.database.reading(Crossing.SETUP) as session:
        known = Notifications(session, Scope(UUID(tenant), UUID(int=0)))
        assert await known.addresses(["ops", "c@x.example", "a@acme.example", "nobody"]) == (
            ["a@acme.example", "b@acme.example", "c@x.example"],
            ["nobody"],
        )
