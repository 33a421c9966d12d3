"""The audit log: complete, per tenant, and impossible to change without a trace."""

from uuid import uuid4

import pytest
from sqlalchemy import text

ACTION = "token.created"


async def some_history(api):
    for number in range(4):
        await api.acme.post("/v1/tokens", json={"name": f"t{number}", "role": "viewer"})


async def tamper(api, statement, slug="acme", **values):
    async with api.app.state.database.engine.begin() as connection:
        tenant = (
            await connection.execute(text("SELECT id FROM tenants WHERE slug = :slug"), {"slug": slug})
        ).scalar_one()
        result = await connection.execute(text(statement), {"tenant": tenant, **values})
        assert result.rowcount >= 1, "the tampering did nothing"


async def verdict(api, caller="acme"):
    answer = await getattr(api, caller).get("/v1/audit/verify")
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_every_change_has_a_record_that_says_who_did_what(api):
    await some_history(api)
    records = (await api.acme.get("/v1/audit")).json()["items"]
    assert [record["position"] for record in records] == [7, 6, 5, 4, 3, 2, 1]
    assert [record["action"] for record in records] == ["data.read", *[ACTION] * 5, "tenant.created"]
    assert records[1]["patch"][0]["value"]["name"] == "t3"
    own = (await api.acme.get("/v1/tokens")).json()["items"][0]["id"]
    assert records[1]["actor"] == f"token:{own}"


async def test_the_log_is_filtered_by_action_and_paged(api):
    await some_history(api)
    first = (await api.acme.get("/v1/audit", params={"action": ACTION, "limit": 3})).json()
    rest = (await api.acme.get("/v1/audit", params={"action": ACTION, "limit": 3, "cursor": first["next"]})).json()
    assert [record["position"] for record in first["items"] + rest["items"]] == [6, 5, 4, 3, 2]
    assert rest["next"] is None


async def test_a_refused_change_leaves_no_record(api):
    before = (await verdict(api))["records"]
    await api.acme.post("/v1/tokens", json={"name": "x", "role": "service"})
    assert (await verdict(api))["records"] == before


async def test_an_untouched_chain_is_valid_for_every_tenant(api):
    await some_history(api)
    for caller in ("acme", "globex", "operator"):
        found = await verdict(api, caller)
        assert found["valid"], found
        assert found["records"] == found["head_position"] > 0
        assert found["broken_at"] is found["reason"] is None


async def test_an_edited_record_is_found(api):
    await some_history(api)
    await tamper(api, "UPDATE audit_records SET canonical = :c WHERE tenant_id = :tenant AND position = 3", c=b"{}")
    found = await verdict(api)
    assert (found["valid"], found["broken_at"]) == (False, 3)
    assert found["reason"] == "its content is not what was hashed"


@pytest.mark.parametrize("column", ["actor", "action", "subject"])
async def test_an_edited_column_beside_the_hashed_bytes_is_found(api, column):
    await some_history(api)
    statement = f"UPDATE audit_records SET {column} = 'somebody else' WHERE tenant_id = :tenant AND position = 4"
    await tamper(api, statement)
    found = await verdict(api)
    assert (found["valid"], found["broken_at"]) == (False, 4)
    assert column in found["reason"]


async def test_an_edited_time_is_found(api):
    await some_history(api)
    statement = (
        "UPDATE audit_records SET recorded_at = '2020-01-01 00:00:00.000000' WHERE tenant_id = :tenant AND position = 2"
    )
    await tamper(api, statement)
    found = await verdict(api)
    assert (found["broken_at"], found["reason"]) == (2, "its column at differs from what was hashed")


async def test_a_record_missing_in_the_middle_is_found(api):
    await some_history(api)
    await tamper(api, "DELETE FROM audit_records WHERE tenant_id = :tenant AND position = 3")
    found = await verdict(api)
    assert (found["broken_at"], found["reason"]) == (3, "record 3 is missing; the next one is 4")


async def test_a_record_missing_at_the_end_is_found_by_the_head(api):
    await some_history(api)
    await tamper(api, "DELETE FROM audit_records WHERE tenant_id = :tenant AND position = 6")
    found = await verdict(api)
    assert (found["valid"], found["records"]) == (False, 5)
    assert found["reason"] == "the chain ends at 5, its head says 6"


async def test_a_cut_end_with_a_matching_head_position_is_found_by_the_heads_hash(api):
    await some_history(api)
    await tamper(api, "DELETE FROM audit_records WHERE tenant_id = :tenant AND position = 6")
    await tamper(api, "UPDATE audit_heads SET position = 5 WHERE tenant_id = :tenant")
    assert (await verdict(api))["reason"] == "the head's hash is not the last record's"


async def test_records_in_another_order_are_found(api):
    await some_history(api)
    for old, new in ((3, 99), (4, 3), (99, 4)):
        statement = "UPDATE audit_records SET position = :new WHERE tenant_id = :tenant AND position = :old"
        await tamper(api, statement, old=old, new=new)
    found = await verdict(api)
    assert (found["valid"], found["broken_at"]) == (False, 3)


async def test_a_chain_that_belongs_to_another_tenant_is_found(api):
    await some_history(api)
    swap = "(SELECT id FROM tenants WHERE slug = 'globex')"
    for table in ("audit_records", "audit_heads"):
        await tamper(api, f"DELETE FROM {table} WHERE tenant_id = :tenant", slug="globex")
    for table in ("audit_records", "audit_heads"):
        await tamper(api, f"UPDATE {table} SET tenant_id = {swap} WHERE tenant_id = :tenant")
    found = await verdict(api, "globex")
    assert (found["valid"], found["broken_at"], found["reason"]) == (
        False,
        1,
        "it belongs to another tenant's chain",
    )
    emptied = await verdict(api, "acme")
    assert (emptied["valid"], emptied["records"]) == (False, 0)


async def test_the_log_is_read_by_its_own_tenant_only(api):
    assert "globex" not in (await api.acme.get("/v1/audit")).text
    viewer = api.client(await api.token(api.acme, role="viewer"))
    assert (await viewer.get("/v1/audit")).status_code == 403
    assert (await viewer.get("/v1/audit/verify")).status_code == 403


async def test_a_record_forged_after_the_head_is_found(api):
    await some_history(api)
    columns = "tenant_id, recorded_at, action, subject, actor, canonical, previous_hash, hash"
    forged = (
        f"INSERT INTO audit_records (id, position, {columns}) SELECT :id, 7, {columns} FROM audit_records "
        "WHERE tenant_id = :tenant AND position = 6"
    )
    await tamper(api, forged, id=uuid4().hex if not api.is_postgres else uuid4())
    found = await verdict(api)
    assert (found["valid"], found["broken_at"]) == (False, 7)
    assert found["reason"] == "there is a record 7 that the head does not know of"
