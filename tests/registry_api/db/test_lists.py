"""Lists as one parameter, on both databases."""

from uuid import UUID

import pytest
from sqlalchemy import event, select

from registry_api.catalog.models import Plugin, Release
from registry_api.catalog.sharing.copies import _GRANTS
from registry_api.db import Crossing
from registry_api.db.lists import any_of
from registry_api.db.statements import rows_by, table_of
from registry_api.tenancy.models import Tenant

SLUGS = select(Tenant.slug).where(any_of(Tenant.slug, "slugs")).order_by(Tenant.slug)
OF_IDS = select(Tenant.slug).where(any_of(Tenant.id, "ids"), any_of(Tenant.status, "states")).order_by(Tenant.slug)


@pytest.fixture
async def session(api):
    async with api.app.state.database.reading(Crossing.SETUP) as session:
        yield session


async def slugs(session, query, **values):
    return list((await session.execute(query, values)).scalars())


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ([], []),
        (["acme"], ["acme"]),
        (["globex", "acme", "acme", "nobody"], ["acme", "globex"]),
        (['"', "'", "\\", "],[", "null", "{}", "acme"], ["acme"]),
    ],
)
async def test_what_is_in_the_list_is_found_once_whatever_else_stands_in_it(session, asked, found):
    assert await slugs(session, SLUGS, slugs=asked) == found


async def test_ids_are_found_and_two_lists_hold_both(api, session):
    ids = [UUID((await caller.get("/v1/me")).json()["tenant"]["id"]) for caller in (api.acme, api.globex)]
    assert await slugs(session, OF_IDS, ids=ids, states=["active"]) == ["acme", "globex"]
    assert await slugs(session, OF_IDS, ids=ids[:1], states=["active", "suspended"]) == ["acme"]
    assert await slugs(session, OF_IDS, ids=ids, states=["suspended"]) == []


async def test_an_index_finds_what_is_in_the_list(api, session):
    if api.is_postgres:
        pytest.skip("a table of a few rows is read whole there, whatever indexes it has")
    plans = []
    queries = (rows_by(table_of(Release).c.plugin_id), rows_by(table_of(Plugin).c.ref, own=True), OF_IDS, _GRANTS)
    for query in queries:
        compiled = query.compile(session.get_bind())
        nothing = tuple(["[]"] * len(compiled.positiontup))
        rows = await (await session.connection()).exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled}", nothing)
        plans.append(next(row[3] for row in rows))
    assert ["SEARCH" in plan for plan in plans] == [True] * len(queries), plans
    assert "(tenant_id=? AND ref=?)" in plans[1]


async def test_a_statement_is_the_same_for_lists_of_every_length(api, session):
    asked = set()
    engine = api.app.state.database.engine.sync_engine
    event.listen(engine, "before_cursor_execute", lambda *seen: asked.add(seen[2]))
    asked.clear()
    for length in (0, 1, 2, 5000):
        await slugs(session, SLUGS, slugs=["acme"] * length)
    assert len([statement for statement in asked if "FROM tenants" in statement]) == 1
