"""The state of the whole registry, for operators: counts over all tenants, so nothing here has a scope."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from sqlalchemy import ScalarSelect, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from patchbay.core.storage import Storage
from registry_api.catalog.models import Advisory, Dependency, Plugin, Release
from registry_api.db import Crossing, Database
from registry_api.db.migrate import current_revision, head_revision
from registry_api.feeds.models import OutboxRow
from registry_api.installs.models import Observation, Target
from registry_api.intake.models import Segment

PROBE_KEY = "probe"
SECONDS_TO_ANSWER = 5
log = logging.getLogger("registry_api.system")


async def revision_of(session: AsyncSession) -> str | None:
    """The migration the database is at."""
    connection = await session.connection()
    return await connection.run_sync(current_revision)


async def head_seq(session: AsyncSession) -> int:
    """The newest sequence number of all feeds; 0 before the first."""
    return (await session.execute(select(func.max(OutboxRow.seq)))).scalar_one() or 0


async def count_things(session: AsyncSession) -> dict[str, int]:
    """Rows of each kind over all tenants; `segments` and `usage_rows` count only what has not been replaced."""
    live = select(func.count()).select_from(Segment).where(Segment.retired_at.is_(None))
    rows = select(func.coalesce(func.sum(Segment.rows), 0)).where(
        Segment.retired_at.is_(None), Segment.stream == "usage"
    )
    counts: dict[str, ScalarSelect[int]] = {
        "plugins": select(func.count()).select_from(Plugin).scalar_subquery(),
        "releases": select(func.count()).select_from(Release).scalar_subquery(),
        "dependencies": select(func.count()).select_from(Dependency).scalar_subquery(),
        "advisories": select(func.count()).select_from(Advisory).scalar_subquery(),
        "targets": select(func.count()).select_from(Target).scalar_subquery(),
        "observations": select(func.count()).select_from(Observation).scalar_subquery(),
        "segments": live.scalar_subquery(),
        "usage_rows": rows.scalar_subquery(),
    }
    found = (await session.execute(select(*(count.label(name) for name, count in counts.items())))).one()
    return {name: int(found._mapping[name]) for name in counts}


async def failing_parts(database: Database, storage: Storage) -> dict[str, str]:
    """The parts that are not ready and why, in words without addresses or secrets; empty when all are."""
    probes: dict[str, Callable[[], Awaitable[str | None]]] = {
        "database": lambda: _database_fault(database),
        "storage": lambda: _storage_fault(storage),
    }
    faults = {}
    for part, probe in probes.items():
        try:
            fault = await asyncio.wait_for(probe(), SECONDS_TO_ANSWER)
        except Exception as error:
            log.exception("a part is not ready", extra={"part": part})
            fault = f"it fails with {type(error).__name__}; the log says more"
        if fault is not None:
            faults[part] = fault
    return faults


async def _database_fault(database: Database) -> str | None:
    async with database.reading(Crossing.HEALTH) as session:
        revision = await revision_of(session)
    head = head_revision()
    return None if revision == head else f"its schema is at {revision}, this code needs {head}; run the bootstrap"


async def _storage_fault(storage: Storage) -> str | None:
    await asyncio.to_thread(_probe, storage)
    return None


def _probe(storage: Storage) -> None:
    """The probe is written where it is missing, so a store that is gone or cannot be written to is noticed."""
    if not storage.exists(PROBE_KEY):
        storage.put(PROBE_KEY, b"")
