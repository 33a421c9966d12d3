"""Evidence that is made unreadable is told from evidence that was erased."""

import pytest
from sqlalchemy import text

from tests.registry_api.audit.tampering import history, verdict
from tests.registry_api.audit.test_records import GRACE, signed_in

WIPED = "cannot be opened, and no record tells of an erasure"


async def at_keys(api, statement):
    async with api.app.state.database.engine.begin() as connection:
        assert (await connection.execute(text(statement))).rowcount


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM audit_person_keys",
        "UPDATE audit_person_keys SET sealed = ''",
        "UPDATE audit_person_keys SET sealed_by = 'other'",
    ],
)
async def test_keys_that_are_taken_away_without_an_erasure_are_found(api, statement):
    await history(api, 2)
    assert (await verdict(api))["valid"]
    await at_keys(api, statement)
    found = await verdict(api)
    assert (found["valid"], WIPED in found["reason"], found["broken_at"]) == (False, True, 1)


async def test_a_new_key_in_the_place_of_one_that_was_taken_away_does_not_hide_it(api):
    await history(api, 2)
    await at_keys(api, "DELETE FROM audit_person_keys")
    await history(api, 2)
    found = await verdict(api)
    assert (found["valid"], WIPED in found["reason"], found["broken_at"]) == (False, True, 1)


async def test_who_is_erased_is_told_by_a_record_and_is_no_fault(api):
    account, grace = await signed_in(api)
    assert (await api.acme.post("/v1/users", json={**GRACE, "email": "ada@acme.example"})).status_code == 201
    token = (await grace.post("/v1/tokens", json={"name": "own", "role": "viewer"})).json()
    assert (await api.acme.delete(f"/v1/users/{account['id']}")).status_code == 204
    page = (await api.acme.get("/v1/audit", params={"action": "subject.keys_shredded"})).json()
    [record] = page["items"]
    assert record["change"] == {"persons": [f"token:{token['id']}", f"user:{account['id']}"]}
    assert (await verdict(api))["valid"]


async def test_the_operators_erased_people_are_no_fault_of_the_tenants_they_acted_in(api):
    grace = {"email": "grace@operator.example", "display_name": "Grace", "role": "platform_admin"}
    account = (await api.operator.post("/v1/users", json={**grace, "password": "correct horse battery"})).json()
    login = {"email": grace["email"], "password": "correct horse battery", "tenant": "operator"}
    session = (await api.nobody.post("/v1/sessions", json=login)).json()["token"]
    there = api.client(session, **{"Patchbay-Tenant": "acme"})
    assert (await there.post("/v1/tokens", json={"name": "x", "role": "viewer"})).status_code == 201
    assert (await api.operator.delete(f"/v1/users/{account['id']}")).status_code == 204
    for caller in ("acme", "operator"):
        assert (await verdict(api, caller))["valid"]
    await at_keys(api, "UPDATE audit_records SET canonical = '{}' WHERE action = 'subject.keys_shredded'")
    assert WIPED in (await verdict(api))["reason"], "what somebody was at says nothing of an erasure"
