"""PostgreSQL behind SQLAlchemy's async engine, with fewer messages to the server: each costs both sides as much as a small query.

A transaction begins, and says what it may reach, by one message; and one that its last statement's message committed
already needs none to end.
"""

import math
import time
from typing import Any

import asyncpg
from sqlalchemy import event
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

RESTED_SECONDS = 1.0
"""A connection that was given back longer ago than that is asked whether it is there still."""


class TersePostgres(asyncpg.Connection):  # type: ignore[misc]  # the library is not typed
    """A connection whose owner may set `opening`, SQL that the next transaction begins with, and `committed` when the
    transaction under way has been committed by a message of the owner's own.
    """

    opening = ""
    committed = False

    async def execute(self, query: str, *arguments: Any, timeout: float | None = None) -> str:
        """As ever, but for what the library itself sends at either end of a transaction."""
        if query == "COMMIT;" and self.committed:
            return "COMMIT"
        if not query.startswith("BEGIN"):
            return str(await super().execute(query, *arguments, timeout=timeout))
        self.committed = False
        try:
            return str(await super().execute(f"{query} {self.opening}", timeout=timeout))
        except asyncpg.PostgresError:
            self.terminate()  # else the pool would hand on a transaction that is begun and broken
            raise


def postgres_engine(url: str, pool_size: int) -> AsyncEngine:
    """An engine for a server. Parameters are kept out of error texts: they hold password hashes and addresses."""
    engine = create_async_engine(
        url,
        pool_size=pool_size,
        max_overflow=pool_size,
        hide_parameters=True,
        connect_args={"connection_class": TersePostgres},
    )
    event.listen(engine.sync_engine, "checkin", _rested)
    event.listen(engine.sync_engine, "checkout", _require_alive)
    return engine


def _rested(_connection: Any, record: Any) -> None:
    record.info["since"] = time.monotonic()


def _require_alive(connection: Any, record: Any, _proxy: Any) -> None:
    """Ask a connection that has rested whether it is there still; the pool makes another in the place of one that is not.

    Not each time, as SQLAlchemy's `pool_pre_ping` does: that would be three round trips more for each transaction.
    """
    connection.driver_connection.opening = ""
    if time.monotonic() - record.info.get("since", math.inf) < RESTED_SECONDS:
        return
    try:
        connection.ping()
    except Exception as error:
        raise DisconnectionError("the database closed a connection that rested") from error
