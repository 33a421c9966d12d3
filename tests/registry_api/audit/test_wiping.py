"""Evidence that is made unreadable is told from evidence that was erased."""

import asyncio
from uuid import UUID

import orjson
import pytest
from sqlalchemy import delete, insert, select, text

from patchbay.core.ids import new_id
from registry_api.audit.models import PersonKey
from registry_api.audit.personal import Personal
from registry_api.audit.repository import AuditLog
from registry_api.db import UnitOfWork, system_principal
from tests.registry_api.audit.tampering import RECORDS, history, rewritten, tenant_id, verdict
from tests.registry_api.audit.test_records import GRACE, records, signed_in

WIPED = "cannot be opened, and no record tells of an erasure"
SHREDDED = "subject.keys_shredded"
KEYS = PersonKey.__table__


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
    page = (await api.acme.get("/v1/audit", params={"action": SHREDDED})).json()
    [record] = page["items"]
    assert record["change"] == {"persons": [f"token:{token['id']}", f"user:{account['id']}"]}
    assert (await verdict(api))["valid"]


async def of_operator(api):
    """An account of the operator, and a caller with its session that acts in acme."""
    grace = {"email": "grace@operator.example", "display_name": "Grace", "role": "platform_admin"}
    account = (await api.operator.post("/v1/users", json={**grace, "password": "correct horse battery"})).json()
    login = {"email": grace["email"], "password": "correct horse battery", "tenant": "operator"}
    session = (await api.nobody.post("/v1/sessions", json=login)).json()["token"]
    return account["id"], api.client(session, **{"Patchbay-Tenant": "acme"})


async def test_an_erasure_that_takes_keys_of_another_tenant_is_told_in_that_tenants_own_chain(api):
    account, there = await of_operator(api)
    assert (await there.post("/v1/tokens", json={"name": "x", "role": "viewer"})).status_code == 201
    assert (await api.operator.delete(f"/v1/users/{account}")).status_code == 204
    for caller in ("acme", "globex", "operator"):
        assert (await verdict(api, caller))["valid"]
    [told] = await records(api.acme, action=SHREDDED)
    assert (told["change"], told["subject"]) == ({"persons": [f"user:{account}"]}, f"user:{account}")
    assert await records(api.globex, action=SHREDDED) == [], "no key of that account's was there"
    await rewritten(api, lambda documents: [one for one in documents if one["action"] != SHREDDED])
    assert WIPED in (await verdict(api))["reason"]


@pytest.mark.parametrize("document", ["{}", '{"change": {"persons": 1}}'])
async def test_a_record_of_an_erasure_that_names_nobody_excuses_nothing(api, document):
    await history(api, 2)
    await at_keys(api, "DELETE FROM audit_person_keys")
    await rewritten(api, lambda documents: [*documents[:-1], documents[-1] | told(document)])
    assert WIPED in (await verdict(api))["reason"]


def told(document):
    return {"action": SHREDDED, "change": None, **orjson.loads(document)}


async def test_what_is_recorded_of_erased_people_where_they_had_no_key_is_told_once_as_erased(api):
    account, _ = await of_operator(api)
    assert (await api.operator.delete(f"/v1/users/{account}")).status_code == 204
    assert await records(api.acme, action=SHREDDED) == []
    for _ in range(2):  # as a request does that was under way
        await told_of(api, f"user:{account}")
        assert (await verdict(api))["valid"]
    [told] = await records(api.acme, action=SHREDDED)
    assert told["change"] == {"persons": [f"user:{account}"]}


async def test_people_erased_while_they_act_in_another_tenant_leave_a_chain_that_verifies(api):
    for _ in range(3):
        account, there = await of_operator(api)
        made = [there.post("/v1/tokens", json={"name": f"t{number}", "role": "viewer"}) for number in range(4)]
        erased, *others = await asyncio.gather(api.operator.delete(f"/v1/users/{account}"), *made)
        assert erased.status_code == 204, erased.text
        assert {answer.status_code for answer in others} <= {201, 401}
        for caller in ("acme", "operator"):
            found = await verdict(api, caller)
            assert (found["valid"], found["reason"]) == (True, None)


async def told_of(api, person):
    """A record of acme with a value of somebody's in it."""
    tenant = UUID((await api.acme.get("/v1/me")).json()["tenant"]["id"])
    async with api.app.state.database.writing() as session:
        work = UnitOfWork(session, system_principal(tenant, new_id()))
        work.audit("test.told", "test", {"of": Personal(person, "Grace")})
        await work.commit()


async def test_a_record_that_stands_in_no_chain_makes_no_erasure_of_keys_that_were_taken_away(api):
    await history(api, 2)
    async with api.app.state.database.engine.begin() as connection:
        operator = await tenant_id(connection, "operator")
        persons = list((await connection.execute(select(KEYS.c.subject))).scalars())
        await connection.execute(delete(KEYS))
        chain = select(RECORDS).where(RECORDS.c.tenant_id == operator).order_by(RECORDS.c.position)
        row = dict((await connection.execute(chain)).first()._mapping)
        loose = {"id": new_id(), "position": 0, "action": SHREDDED}
        loose["canonical"] = orjson.dumps({"change": {"persons": persons}})
        await connection.execute(insert(RECORDS), [row | loose])
    found = await verdict(api)
    assert (found["valid"], WIPED in found["reason"]) == (False, True)


async def test_an_erasure_while_a_chain_is_being_verified_is_no_fault(api, monkeypatch):
    account, grace = await signed_in(api)
    assert (await api.acme.post("/v1/users", json={**GRACE, "email": "ada@acme.example"})).status_code == 201
    assert (await grace.post("/v1/tokens", json={"name": "own", "role": "viewer"})).status_code == 201
    stretch, erased = AuditLog.stretch, []

    async def and_then_erased(log, *arguments, **options):
        rows = await stretch(log, *arguments, **options)
        if not erased:
            erased.append(await api.acme.delete(f"/v1/users/{account['id']}"))
        return rows

    monkeypatch.setattr(AuditLog, "stretch", and_then_erased)
    found = await verdict(api)
    assert (erased[0].status_code, found["valid"], found["reason"]) == (204, True, None)
    found = await verdict(api)
    assert (found["valid"], found["reason"]) == (True, None)
