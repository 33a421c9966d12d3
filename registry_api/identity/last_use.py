"""When credentials were last used: noted in memory on each request, written once a minute, so that reads never wait
for a write.
"""

import asyncio
import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, update

from patchbay.core.clock import utcnow
from registry_api.db import Crossing, Database, UnitOfWork, system_principal
from registry_api.identity.models import ApiToken, LoginSession

FLUSH_SECONDS = 60
log = logging.getLogger("registry_api.identity")


class LastUse:
    """Collects uses of tokens and sessions; a crash loses at most the last minute of them."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._seen: dict[UUID, datetime] = {}

    def seen(self, credential_id: UUID) -> None:
        """Note a use."""
        self._seen[credential_id] = utcnow()

    async def run(self) -> None:
        """Flush every minute until cancelled."""
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            await self.flush()

    async def flush(self) -> None:
        """Write what was noted since the last flush; what cannot be written now is kept for the next one."""
        seen, self._seen = self._seen, {}
        try:
            await self._write(seen)
        except Exception:
            log.exception("uses of credentials were not written; they are kept")
            self._seen = seen | self._seen

    async def _write(self, seen: dict[UUID, datetime]) -> None:
        if not seen:
            return
        rows: list[Mapping[str, Any]] = [{"credential": key, "at": at} for key, at in sorted(seen.items())]
        async with self.database.writing(Crossing.LAST_USE) as session:
            for table in (ApiToken.__table__, LoginSession.__table__):
                touch = update(table).where(table.c.id == bindparam("credential")).values(last_used_at=bindparam("at"))  # type: ignore[arg-type]
                await (await session.connection()).execute(touch, rows)
            await UnitOfWork(session, system_principal(UUID(int=0), UUID(int=0))).commit()
