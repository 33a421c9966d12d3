"""How a tenant's world stands: the heads of its own audit chain and of the operator's.

No change without an audit record: whatever a tenant can see in the catalogue, and whoever may act in it, changes in a
transaction that moves one of the two. A head is a hash over all before it, so it never comes again.
"""

import asyncio
import logging
import sqlite3
from collections.abc import Sequence
from typing import Protocol
from urllib.parse import quote
from uuid import UUID

from sqlalchemy import select

from registry_api.audit.models import AuditHead
from registry_api.cache.basis import Revision
from registry_api.db import Crossing, Database

log = logging.getLogger("registry_api.cache")


class Fence(Protocol):
    """Tells revisions as they stand at some moment after they were asked for."""

    async def revision(self, tenant_id: UUID, operator_id: UUID) -> Revision:
        """The revision of a tenant's world; raises the database's errors when it cannot be told."""
        ...

    async def close(self) -> None:
        """Close what is open."""
        ...


def open_fence(database: Database) -> Fence:
    """The fence of a database."""
    return SqliteFence(str(database.url.database)) if database.is_sqlite else SharedFence(database)


class SqliteFence:
    """Heads are read again only when any other connection, of any process, has committed; nothing is ever waited for.

    `PRAGMA data_version` tells that from shared memory within microseconds, so it is asked on the event loop itself. The database is
    opened when it is first asked: it may not be there when the application starts.
    """

    def __init__(self, path: str) -> None:
        self._uri = f"file:{quote(path)}?mode=rw"
        self._opened: sqlite3.Connection | None = None
        self._version = -1
        self._heads: dict[UUID, bytes | None] = {}

    async def revision(self, tenant_id: UUID, operator_id: UUID) -> Revision:
        """See `Fence`."""
        ((version,),) = self._connection().execute("PRAGMA data_version")
        if version != self._version:
            self._heads.clear()
            self._version = version
        return Revision(self._head(tenant_id), self._head(operator_id))

    def _head(self, tenant_id: UUID) -> bytes | None:
        """A commit between the question and this read makes the head newer, and the next version another one."""
        if tenant_id not in self._heads:
            asked = "SELECT hash FROM audit_heads WHERE tenant_id = ?"
            found = self._connection().execute(asked, (tenant_id.hex,)).fetchone()
            self._heads[tenant_id] = None if found is None else found[0]
        return self._heads[tenant_id]

    def _connection(self) -> sqlite3.Connection:
        if self._opened is None:
            self._opened = sqlite3.connect(
                self._uri, uri=True, timeout=0, isolation_level=None, check_same_thread=False
            )
        return self._opened

    async def close(self) -> None:
        """See `Fence`."""
        if self._opened is not None:
            self._opened.close()


class _Round:
    """One question for many: all tenants that were named before it was sent."""

    def __init__(self) -> None:
        self.tenants: set[UUID] = set()
        self.heads: asyncio.Future[dict[UUID, bytes]] = asyncio.get_running_loop().create_future()


class SharedFence:
    """One small query at a time; whoever comes while it is under way shares the next one."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._next: _Round | None = None
        self._asking: asyncio.Task[None] | None = None

    async def revision(self, tenant_id: UUID, operator_id: UUID) -> Revision:
        """See `Fence`."""
        if self._next is None:
            self._next = _Round()
        joined = self._next
        joined.tenants |= {tenant_id, operator_id}
        if self._asking is None:
            self._asking = asyncio.create_task(self._ask())
        heads = await asyncio.shield(joined.heads)
        return Revision(heads.get(tenant_id), heads.get(operator_id))

    async def _ask(self) -> None:
        try:
            while self._next is not None:
                # From here on nobody joins it: its query might have seen the database before they came.
                sent, self._next = self._next, None
                await self._settle(sent)
        finally:
            self._asking = None

    async def _settle(self, sent: _Round) -> None:
        try:
            sent.heads.set_result(await self._heads(list(sent.tenants)))
        except Exception as error:
            log.exception("revisions cannot be told for now; reads are answered anew")
            sent.heads.set_exception(error)
            sent.heads.exception()  # all who asked may have gone
        except asyncio.CancelledError:
            sent.heads.cancel()
            raise

    async def _heads(self, tenants: Sequence[UUID]) -> dict[UUID, bytes]:
        async with self._database.reading(Crossing.FRESHNESS) as session:
            query = select(AuditHead.tenant_id, AuditHead.hash).where(AuditHead.tenant_id.in_(tenants))
            return dict((await session.execute(query)).tuples().all())

    async def close(self) -> None:
        """See `Fence`."""
        if self._asking is not None:
            self._asking.cancel()
