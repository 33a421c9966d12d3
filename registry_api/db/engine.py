"""Engines and sessions for SQLite and PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import make_url
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker

from registry_api.db.binding import BOUND, Binding, BoundSession, Crossing
from registry_api.db.changes import watch
from registry_api.db.postgres import postgres_engine
from registry_api.db.scope import Scope
from registry_api.db.sqlite import patience, sqlite_engine
from registry_api.secrets import Key


class Database:
    """One registry database.

    On SQLite writers queue in this process and begin IMMEDIATE, so none fails half-way with a lock error. A session is
    bound to a scope or a crossing, here or by the reader made of it; on PostgreSQL one that is not sees nothing.
    """

    def __init__(self, url: str, *, pool_size: int = 10, persons_key: Key | None = None) -> None:
        """`persons_key` seals the keys of persons in the audit log; without it nothing personal can be recorded."""
        self.url = make_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        if self.is_sqlite and self.url.database:
            Path(self.url.database).parent.mkdir(parents=True, exist_ok=True)
        self.engine = sqlite_engine(url, pool_size) if self.is_sqlite else postgres_engine(url, pool_size)
        info = {"persons_key": persons_key}
        self._readers = _sessions(self.engine, info)
        writing = self.engine.execution_options(immediate=True)
        watch(writing.sync_engine)
        self._writers = _sessions(writing, info)
        self._writer_turn = asyncio.Lock()
        self._patience = patience(url) if self.is_sqlite else None

    @asynccontextmanager
    async def reading(self, reach: Scope | Crossing | Binding | None = None) -> AsyncIterator[AsyncSession]:
        """A session that is rolled back at the end."""
        async with self._readers(info=_info(reach)) as session:
            yield session

    @asynccontextmanager
    async def writing(self, reach: Scope | Crossing | Binding | None = None) -> AsyncIterator[AsyncSession]:
        """A session whose transaction holds the write lock from its first statement; a unit of work commits it."""
        if not self.is_sqlite:
            async with self._writers(info=_info(reach)) as session:
                yield session
            return
        async with self._turn(), self._writers(info=_info(reach)) as session:
            yield session

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """This process's turn to write. Who queues behind one that waits for another process's lock waits no longer than it.

        Raises SQLAlchemy's TimeoutError when the turn did not come in that time.
        """
        try:
            async with asyncio.timeout(self._patience):
                await self._writer_turn.acquire()
        except TimeoutError as error:
            raise PoolTimeout("the turn to write did not come in time") from error
        try:
            yield
        finally:
            self._writer_turn.release()

    async def close(self) -> None:
        """Close every connection."""
        await self.engine.dispose()


def _sessions(engine: AsyncEngine, info: dict[str, Any]) -> async_sessionmaker[AsyncSession]:
    """Sessions that carry `info`, to which each adds what it is bound to."""
    return async_sessionmaker(engine, expire_on_commit=False, sync_session_class=BoundSession, info=info)


def _info(reach: Scope | Crossing | Binding | None) -> dict[str, Binding]:
    return {} if reach is None else {BOUND: Binding.to(reach)}
