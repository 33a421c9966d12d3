"""Connections to PostgreSQL, which begin a transaction and say what it may reach by one message."""

import asyncpg
import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError

from registry_api.db import Crossing, binding
from registry_api.db.binding import SYSTEM_ROLE
from tests.registry_api.identity.people import add_person

WHO = text("SELECT current_user")


@pytest.fixture
async def database(api):
    """The database, with a single connection in its pool."""
    if not api.is_postgres:
        pytest.skip("SQLite has no such connections")
    await api.app.state.database.engine.dispose()
    return api.app.state.database


async def test_what_a_session_never_said_is_not_said_for_the_next_user_of_its_connection(database):
    async with database.engine.connect() as plain:
        login = await plain.scalar(WHO)
    async with database.reading(Crossing.HEALTH) as session:
        await session.connection()  # begins, and sends nothing
    async with database.engine.connect() as plain:
        assert await plain.scalar(WHO) == login != SYSTEM_ROLE


async def test_a_savepoint_keeps_to_what_its_transaction_may_reach(database):
    async with database.reading(Crossing.HEALTH) as session:
        await session.execute(WHO)
        async with session.begin_nested():
            assert await session.scalar(WHO) == SYSTEM_ROLE


async def test_a_transaction_that_cannot_begin_leaves_no_broken_connection_behind(database, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(binding, "SYSTEM_ROLE", "patchbay_nobody")
        with pytest.raises(DBAPIError, match="patchbay_nobody"):
            async with database.reading(Crossing.HEALTH) as session:
                await session.execute(WHO)
    async with database.reading(Crossing.HEALTH) as session:
        assert await session.scalar(WHO) == SYSTEM_ROLE


@pytest.fixture
def sent(database, monkeypatch):
    """What the database is sent, in order."""
    messages: list[str] = []
    plainly = asyncpg.Connection.execute

    async def counted(connection, query, *arguments, timeout=None):
        messages.append(query)
        return await plainly(connection, query, *arguments, timeout=timeout)

    monkeypatch.setattr(asyncpg.Connection, "execute", counted)
    event.listen(database.engine.sync_engine, "before_cursor_execute", lambda *seen: messages.append(seen[2]))
    return messages


@pytest.mark.parametrize("visibility", ["private", "shared"])
async def test_a_publications_last_message_commits_it_and_nothing_is_sent_after_it(api, sent, visibility):
    await api.acme.post("/v1/plugins", json={"namespace": "acme", "name": "a", "visibility": visibility})
    if visibility == "shared":
        globex = (await api.globex.get("/v1/me")).json()["tenant"]["id"]
        assert (await api.acme.post("/v1/plugins/acme:a/grants", json={"tenants": [globex]})).status_code == 201
    sent.clear()
    assert (await api.acme.post("/v1/plugins/acme:a/releases", json={"version": "1.0.0"})).status_code == 201
    ends = [
        message for message in sent if message.startswith(("BEGIN", "ROLLBACK", "COMMIT")) or message.endswith("COMMIT")
    ]
    authentication, rolled_back, writing, committed = ends
    assert authentication.startswith("BEGIN; SELECT set_config") and writing.startswith("BEGIN; SELECT set_config")
    assert rolled_back == "ROLLBACK;" and committed == sent[-1] and committed.startswith("SELECT feed_rows_in_turn")


async def test_what_is_committed_last_is_no_license_for_the_next_transaction(database, api):
    """A commit that was left out once is not left out again."""
    for version in ("1.0.0", "1.1.0"):
        await api.acme.post("/v1/plugins", json={"namespace": "acme", "name": "a"})
        await api.acme.post("/v1/plugins/acme:a/releases", json={"version": version})
        assert (await api.acme.post("/v1/tokens", json={"name": "t", "role": "viewer"})).status_code == 201
    assert len((await api.acme.get("/v1/plugins/acme:a/releases")).json()["items"]) == 2
    named = [one["name"] for one in (await api.acme.get("/v1/tokens")).json()["items"]]
    assert named.count("t") == 2
    assert (await api.acme.get("/v1/audit/verify")).json()["valid"]


async def test_a_commit_that_fails_is_told_as_the_outage_also_where_other_tenants_rows_are_written(
    database, api, monkeypatch
):
    for email in ("ada@acme.example", "bob@acme.example"):
        ada = await add_person(api, api.acme, email, role="tenant_admin")
    plainly = asyncpg.Connection.execute

    async def failing(connection, query, *arguments, timeout=None):
        if query == "COMMIT;":
            connection.terminate()
            raise asyncpg.AdminShutdownError("terminating connection due to administrator command")
        return await plainly(connection, query, *arguments, timeout=timeout)

    with monkeypatch.context() as outage:
        outage.setattr(asyncpg.Connection, "execute", failing)
        assert (await api.acme.delete(f"/v1/users/{ada['id']}")).status_code == 503
    assert (await api.acme.delete(f"/v1/users/{ada['id']}")).status_code == 204
