"""What a handler gets: its job, and sessions whose commits a worker that lost its lease cannot make."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select, update

from patchbay.core.clock import utcnow
from patchbay.core.settings import Settings
from patchbay.core.storage import Storage
from patchbay.core.telemetry import current_trace_id, redact
from registry_api.db import Database, Principal, Reader, UnitOfWork, system_principal
from registry_api.jobs.errors import LeaseLost
from registry_api.jobs.models import Job


@dataclass(frozen=True, slots=True)
class Claim:
    """A job as one worker holds it."""

    id: UUID
    tenant_id: UUID
    operator_id: UUID
    kind: str
    payload: dict[str, Any]
    attempt: int
    max_attempts: int
    give_up_at: datetime | None
    claimed_at: datetime
    fence: int
    trace_id: str | None

    @property
    def is_last(self) -> bool:
        """Whether a failure of this attempt is not followed by another."""
        late = self.give_up_at is not None and self.claimed_at >= self.give_up_at
        return late or self.attempt >= self.max_attempts


@dataclass(slots=True)
class JobContext:
    """One attempt at a job. Effects act as the registry itself, in the job's tenant."""

    claim: Claim
    database: Database
    storage: Storage
    settings: Settings
    lease: timedelta
    finished: bool = field(default=False, init=False)

    @property
    def payload(self) -> dict[str, Any]:
        """What the job was enqueued with."""
        return self.claim.payload

    @property
    def tenant_id(self) -> UUID:
        """The job's tenant."""
        return self.claim.tenant_id

    @property
    def principal(self) -> Principal:
        """The registry itself."""
        return system_principal(self.claim.tenant_id, self.claim.operator_id)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Reader]:
        """A read-only session."""
        async with self.database.reading(self.principal.scope) as session:
            yield Reader(session, self.principal)

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[UnitOfWork]:
        """A step's own transaction, which also renews the lease; raises `LeaseLost` instead when the job is no
        longer ours.
        """
        async with self._fenced() as work:
            yield work
            await self._renew(work)

    @asynccontextmanager
    async def finishing(self, result: dict[str, Any] | None = None) -> AsyncIterator[UnitOfWork]:
        """The last transaction: the effect and the job's end commit as one.

        `result` may be filled until the block ends.
        """
        async with self._fenced(state="succeeded", finished_at=utcnow(), lease_until=None) as work:
            yield work
            await self._set(work, result=result)
        self.finished = True

    @asynccontextmanager
    async def giving_up(self, reason: str) -> AsyncIterator[UnitOfWork]:
        """The last transaction of a job that is dead: what is noted of it commits with its end."""
        end = {"state": "dead", "finished_at": utcnow(), "lease_until": None, "last_error": redact(reason)}
        async with self._fenced(**end) as work:
            yield work
        self.finished = True

    async def progress(self, done: int, of: int | None = None, what: str = "") -> None:
        """Say how far it is: `done` of `of` things, where their number is known, called `what`; renews the lease."""
        async with self.writing() as work:
            await self._set(work, progress={"done": done, "of": of, "what": what})

    async def heartbeat(self) -> None:
        """Renew the lease."""
        async with self.writing():
            pass

    @asynccontextmanager
    async def _fenced(self, **changes: Any) -> AsyncIterator[UnitOfWork]:
        async with self.database.writing(self.principal.scope) as session:
            work = UnitOfWork(session, self.principal, current_trace_id())
            mine = (Job.id == self.claim.id, Job.fence == self.claim.fence, Job.state == "running")
            held = await session.execute(select(Job.id).where(*mine).with_for_update())
            if held.scalar_one_or_none() is None:
                raise LeaseLost(f"job {self.claim.id} was taken over or cancelled")
            if changes:
                await self._set(work, **changes)
            yield work
            await work.commit()

    async def _renew(self, work: UnitOfWork) -> None:
        """As the last change: a lease that began with the wait for the lock, or with the step, might be over at its end."""
        await work.session.flush()
        await self._set(work, lease_until=utcnow() + self.lease)

    async def _set(self, work: UnitOfWork, **changes: Any) -> None:
        await work.session.execute(update(Job).where(Job.id == self.claim.id).values(**changes))
