"""What a request's reading costs, in statements, and in steps of SQLite's engine: the same on every machine."""

import sqlite3
from typing import Any

import httpx
import pytest
from sqlalchemy import event as listening


async def steps(api: Any, client: httpx.AsyncClient, path: str) -> int:
    """Steps of all selects of a GET, counted by running them again; skips on PostgreSQL."""
    if api.is_postgres:
        pytest.skip("steps are counted on SQLite; both have the same indexes")
    seen = await statements(api, client, path)
    with sqlite3.connect(api.app.state.database.engine.url.database) as connection:
        return sum(_count(connection, *call) for call in seen if call[0].startswith("SELECT"))


async def statements(api: Any, client: httpx.AsyncClient, path: str) -> list[tuple[str, Any]]:
    """Every statement of a GET with its parameters."""
    engine, seen = api.app.state.database.engine.sync_engine, list[tuple[str, Any]]()

    def note(_: Any, __: Any, statement: str, parameters: Any, *___: Any) -> None:
        seen.append((statement, parameters))

    listening.listen(engine, "before_cursor_execute", note)
    try:
        assert (await client.get(path)).status_code == 200
    finally:
        listening.remove(engine, "before_cursor_execute", note)
    return seen


def _count(connection: sqlite3.Connection, statement: str, parameters: Any) -> int:
    passed = 0

    def step() -> None:
        nonlocal passed
        passed += 1

    connection.set_progress_handler(step, 1)
    connection.execute(statement, parameters).fetchall()
    return passed
