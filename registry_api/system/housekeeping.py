"""Removing what has had its time, whosever it was: ended jobs, expired answers, ended sessions and traces of sign-ins."""

import asyncio
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, and_, delete, or_, select
from sqlalchemy.orm import InstrumentedAttribute

from patchbay.core.clock import utcnow
from registry_api.db import Crossing, Database, UnitOfWork, system_principal
from registry_api.idempotency.models import IdempotentAnswer
from registry_api.identity.lockout import FORGOTTEN
from registry_api.identity.models import LoginAttempts, LoginSession
from registry_api.identity.providers import KEPT, LONGEST_SESSION
from registry_api.identity.publishing.models import ExchangedToken
from registry_api.identity.repository import ended_before
from registry_api.job_kinds import HANDLERS
from registry_api.jobs.models import Job

AT_ONCE = 200
PAUSE_SECONDS = 0.1
"""Between two batches: writers of other processes, who wait for SQLite's lock by looking again and again, get their turn."""

NOBODY = system_principal(UUID(int=0), UUID(int=0))
log = logging.getLogger("registry_api.system")


@dataclass(frozen=True, slots=True)
class Remains:
    """Rows of one table that may go: found by an indexed column that is below a moment, where the rest holds too."""

    key: InstrumentedAttribute[UUID] | InstrumentedAttribute[bytes]
    ended: InstrumentedAttribute[datetime] | InstrumentedAttribute[datetime | None]
    before: datetime
    also: tuple[ColumnElement[bool], ...] = ()


def remains(now: datetime, jobs_kept: timedelta) -> Iterator[Remains]:
    """What has had its time at a moment."""
    yield Remains(Job.id, Job.finished_at, now - jobs_kept, (_is_over(),))
    yield Remains(IdempotentAnswer.id, IdempotentAnswer.expires_at, now)
    # One that was revoked would have expired within a day, so few more are looked at than are removed.
    ended = now - KEPT
    yield Remains(LoginSession.id, LoginSession.expires_at, ended + LONGEST_SESSION, (ended_before(ended),))
    yield Remains(LoginAttempts.key, LoginAttempts.updated_at, now - FORGOTTEN)
    yield Remains(ExchangedToken.key, ExchangedToken.keep_until, now)


def _is_over() -> ColumnElement[bool]:
    """Jobs that ended, but for dead ones that are still owed: without its row nobody would know of what was not done."""
    owed = [kind for kind, one in HANDLERS.items() if one.owed]
    return or_(Job.state.in_(("succeeded", "cancelled")), and_(Job.state == "dead", Job.kind.not_in(owed)))


@dataclass(frozen=True, slots=True)
class Housekeeping:
    """Removes in batches, each a short transaction. Several processes may do so at once: they pass over each other's rows."""

    database: Database
    jobs_kept: timedelta
    count_fault: Callable[[], None]
    at_once: int = AT_ONCE

    async def run(self, every: float) -> None:
        """Remove again and again until cancelled."""
        while True:
            await asyncio.sleep(every)
            try:
                await self.round()
            except Exception:
                self.count_fault()
                log.exception("not everything that has had its time was removed; it is tried again")

    async def round(self) -> None:
        """Remove all that has had its time. A table that fails does not keep the others; what failed is raised in the end."""
        failed = []
        for some in remains(utcnow(), self.jobs_kept):
            try:
                await self._remove(some)
            except Exception as error:  # noqa: BLE001 - told with the others at the end of the round
                failed.append(error)
        if failed:
            raise ExceptionGroup("tables that could not be tidied", failed)

    async def _remove(self, some: Remains) -> None:
        while await self._batch(some) == self.at_once:
            await asyncio.sleep(PAUSE_SECONDS)

    async def _batch(self, some: Remains) -> int:
        """Remove the oldest, passing over rows that others hold; how many.

        Two statements: in one the database may look for the batch anew while it is deleting it, and find the next.
        """
        query = select(some.key).where(some.ended < some.before, *some.also).order_by(some.ended).limit(self.at_once)
        async with self.database.writing(Crossing.HOUSEKEEPING) as session:
            keys = (await session.execute(query.with_for_update(skip_locked=True))).scalars().all()
            if keys:
                await session.execute(delete(some.key.class_).where(some.key.in_(keys)))
                await UnitOfWork(session, NOBODY).commit()
        return len(keys)
