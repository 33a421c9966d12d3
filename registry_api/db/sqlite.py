"""SQLite behind SQLAlchemy's async engine, with one hand-over to the connection's thread per statement instead of four.

The stock driver opens a cursor, executes, fetches and closes in a hand-over each, and on a busy event loop each may wait
for the interpreter lock up to the switch interval (5 ms): that, not SQLite, was most of a request's time.
"""

import sqlite3
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import Any

import aiosqlite
from sqlalchemy import Connection, event, make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

PATIENCE_SECONDS = 30.0
"""How long a writer waits for another's lock, unless the URL says otherwise: `?timeout=5`."""

PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
    # 16 MB: at the default of 4 MB nearly every commit of a large batch pays for a checkpoint.
    "wal_autocheckpoint=4000",
)


class OneHopCursor:
    """A cursor whose `execute` brings back all rows; what follows needs the thread no more."""

    def __init__(self, connection: "OneHopConnection") -> None:
        self._connection = connection
        self._rows: list[Any] = []
        self.description: Any = None
        self.lastrowid: int | None = None
        self.rowcount = -1

    async def execute(self, statement: str, parameters: Iterable[Any] = ()) -> None:
        """Run one statement and fetch its rows."""
        await self._connection.hop(self._run, statement, parameters)

    async def executemany(self, statement: str, parameters: Iterable[Iterable[Any]]) -> None:
        """Run one statement for each row of parameters."""
        await self._connection.hop(self._run_many, statement, parameters)

    async def fetchall(self) -> list[Any]:
        """The rows `execute` brought."""
        return self._rows

    async def close(self) -> None:
        """The thread closed the real cursor already."""

    def _run(self, raw: sqlite3.Connection, statement: str, parameters: Any) -> None:
        cursor = raw.execute(statement, parameters)
        self._rows = cursor.fetchall()
        self._note(cursor)

    def _run_many(self, raw: sqlite3.Connection, statement: str, parameters: Any) -> None:
        self._note(raw.executemany(statement, parameters))

    def _note(self, cursor: sqlite3.Cursor) -> None:
        self.description, self.lastrowid, self.rowcount = cursor.description, cursor.lastrowid, cursor.rowcount
        cursor.close()


class OneHopConnection(aiosqlite.Connection):
    """A connection that hands out such cursors."""

    async def cursor(self) -> OneHopCursor:  # type: ignore[override]
        """A cursor; this needs no thread."""
        return OneHopCursor(self)

    async def hop(self, work: Callable[..., None], *arguments: Any) -> None:
        """Run something on the connection's thread."""
        await self._execute(work, self._conn, *arguments)  # type: ignore[no-untyped-call]


def sqlite_engine(url: str, pool_size: int) -> AsyncEngine:
    """An engine for a database file. Parameters are kept out of error texts: they hold password hashes and addresses."""
    path = make_url(url).database
    if not path or path == ":memory:":
        raise ValueError("the registry needs a database file: every connection of a pool must see the same data")

    def connect() -> Awaitable[OneHopConnection]:
        connection = OneHopConnection(lambda: sqlite3.connect(path, check_same_thread=False), iter_chunk_size=64)
        connection._thread.daemon = True
        return _opened(connection)

    engine = create_async_engine(
        url, async_creator=connect, pool_size=pool_size, max_overflow=pool_size, hide_parameters=True
    )
    event.listen(engine.sync_engine, "connect", partial(_prepare, patience(url)))
    event.listen(engine.sync_engine, "begin", _begin)
    return engine


async def _opened(connection: OneHopConnection) -> OneHopConnection:
    return await connection  # type: ignore[return-value]


def patience(url: str) -> float:
    """Seconds for which writers of this URL wait."""
    return float(str(make_url(url).query.get("timeout", PATIENCE_SECONDS)))


def _prepare(seconds: float, connection: Any, _record: Any) -> None:
    # The driver's own transaction control would begin DEFERRED and deadlock two upgrading writers.
    connection.isolation_level = None
    cursor = connection.cursor()
    # First: the others already wait for a process that is just setting the file up.
    cursor.execute(f"PRAGMA busy_timeout={round(seconds * 1000)}")
    for pragma in PRAGMAS:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin(connection: Connection) -> None:
    immediate = connection.get_execution_options().get("immediate", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")
