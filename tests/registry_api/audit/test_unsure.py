"""What no column should hold, and SQLite takes all the same: found when the chain is verified, and told wherever it is read."""

from uuid import UUID

import pytest

from patchbay.core.audit.merkle import Frontier, leaf_hash
from patchbay.core.audit.records import link
from tests.registry_api.audit.tampering import (
    anchored_history,
    checkpoint,
    exported,
    history,
    is_found,
    offline,
    put_back,
    stolen,
    verdict,
)

pytestmark = pytest.mark.parametrize("backend", ["sqlite"])
"""PostgreSQL takes nothing that the column's type cannot be."""

NO_TEXT = "CAST(x'ff' AS TEXT)"
CONTENT = "its content is not what was hashed"


async def overwritten(api, table, change, which="true"):
    """Have a statement change rows of acme's, as the plainest tool at hand would."""
    async with api.app.state.database.engine.begin() as connection:
        mine = "tenant_id = (SELECT id FROM tenants WHERE slug = 'acme')"
        await connection.exec_driver_sql(f"UPDATE {table} SET {change} WHERE {mine} AND {which}")


async def listed(api):
    """The records as the list answers them."""
    page = await api.acme.get("/v1/audit?limit=500")
    assert page.status_code == 200, page.text
    return page.json()["items"]


def unreadable(items):
    return [item for item in items if list(item["change"]) == ["unreadable"]]


@pytest.mark.parametrize("change", ["canonical = replace(canonical, '\"t0\"', '\"no\"')", f"canonical = {NO_TEXT}"])
async def test_bytes_that_were_made_a_text_are_found(api, change):
    await history(api)
    await overwritten(api, "audit_records", change, "position = 3")
    file = await is_found(api, CONTENT)
    assert ((await verdict(api))["broken_at"], (await offline(api, file)).broken_at) == (3, 3)
    [told] = unreadable(await listed(api))
    assert (told["position"], told["action"]) == (3, "token.created")
    assert (await checkpoint(api))["state"] == "dead"


@pytest.mark.parametrize("value", ["'yesterday'", NO_TEXT, "32", "hex(hash)", "replace(hash, 'a', 'b')"])
async def test_a_hash_that_is_no_bytes_is_found(api, value):
    await history(api)
    await overwritten(api, "audit_records", f"hash = {value}", "position = 3")
    file = await is_found(api, CONTENT)
    assert ((await verdict(api))["broken_at"], (await offline(api, file)).broken_at) == (3, 3)
    assert [(told["position"], told["hash"]) for told in unreadable(await listed(api))] == [(3, "")]


async def test_a_link_that_is_no_bytes_is_found(api):
    await history(api)
    await overwritten(api, "audit_records", "previous_hash = hex(previous_hash)", "position = 3")
    assert (await verdict(api))["reason"] == "it does not follow the record before it"
    assert not unreadable(await listed(api)), "it is no part of the answer"


NEITHER_TIME_NOR_ID = [
    (column, value) for column in ("recorded_at", "id") for value in ("'yesterday'", NO_TEXT, "x'ff'", "7")
]
INSTEAD = {"at": "1970-01-01T00:00:00Z", "id": str(UUID(int=0)), "actor": ""}


@pytest.mark.parametrize(
    ("column", "value"), [*NEITHER_TIME_NOR_ID, ("actor", NO_TEXT), ("actor", "CAST(actor AS BLOB)")]
)
async def test_a_column_that_cannot_even_be_read_is_found(api, column, value):
    await history(api)
    await overwritten(api, "audit_records", f"{column} = {value}", "position = 3")
    told = {"recorded_at": "at"}.get(column, column)
    found = await verdict(api)
    assert (found["broken_at"], found["reason"]) == (3, f"its column {told} differs from what was hashed")
    [broken] = unreadable(await listed(api))
    assert (broken["position"], broken[told]) == (3, INSTEAD[told])
    assert (await offline(api, await exported(api))).valid, "the file has the bytes alone"


async def test_a_place_that_is_no_number_is_found_and_does_not_hide_the_rest_of_the_log(api):
    await history(api)
    await overwritten(api, "audit_records", "position = 'nowhere'", "position = 3")
    await is_found(api, "record 3 is missing; the next one is 4")
    seen, path = [], "/v1/audit?limit=1"
    while path:
        page = (await api.acme.get(path)).json()
        seen += page["items"]
        path = page["next"] and f"/v1/audit?limit=1&cursor={page['next']}"
    assert [told["position"] for told in unreadable(seen)] == [0]
    assert {told["position"] for told in seen} >= {1, 2, 4, 5, 6}


@pytest.mark.parametrize("value", ["'yesterday'", NO_TEXT])
@pytest.mark.parametrize(
    ("column", "reason"),
    [
        ("hash", "the head's hash is not the last record's"),
        ("frontier", "the head's tree is not that of the records"),
        ("position", "the chain ends at 0, its head says -1"),
    ],
)
async def test_a_head_that_cannot_be_read_is_found(api, column, reason, value):
    await history(api)
    await overwritten(api, "audit_heads", f"{column} = {value}")
    assert (await verdict(api))["reason"] == reason


@pytest.mark.parametrize("column", ["anchored_size", "anchored_frontier", "moved_at"])
async def test_what_the_chain_does_not_rest_on_keeps_nobody_from_verifying_it(api, column):
    await anchored_history(api)
    await overwritten(api, "audit_heads", f"{column} = 'yesterday'")
    found = await verdict(api)
    assert (found["valid"], found["anchored"]) == (True, 7)


async def test_a_column_that_cannot_be_read_is_found_where_the_bytes_do_not_hold_it_either(api):
    await history(api, 2)
    rows, [head] = await stolen(api)
    last, tree = rows[-1], Frontier()
    last["canonical"] = last["canonical"].replace(b'"action"', b'"motion"')
    last["hash"] = link(last["previous_hash"], last["canonical"])
    for row in rows:
        tree.append(leaf_hash(row["canonical"]))
    await put_back(api, rows, [head | {"hash": last["hash"], "frontier": tree.stored}])
    await overwritten(api, "audit_records", f"action = {NO_TEXT}", f"position = {last['position']}")
    found = await verdict(api)
    assert (found["valid"], found["broken_at"]) == (False, last["position"])
    assert "its column action differs" in found["reason"]
