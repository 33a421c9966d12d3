"""All SQL about jobs."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from registry_api.db.repository import Repository
from registry_api.jobs.claims import due_since
from registry_api.jobs.context import Claim
from registry_api.jobs.lanes import LANES
from registry_api.jobs.models import STATES, Job
from registry_api.jobs.waiting import Kinds
from registry_api.problems import NotFound


class Jobs(Repository):
    """Jobs of the scope's tenant, or of all for platform readers."""

    def all(self) -> Select[tuple[Job]]:
        """Jobs."""
        return self.owned(Job)

    async def find(self, job_id: UUID) -> Job | None:
        """One job."""
        return (await self.session.execute(self.owned(Job).where(Job.id == job_id))).scalar_one_or_none()

    async def locked(self, job_id: UUID) -> Job | None:
        """One job, locked until the end of the transaction."""
        return (
            await self.session.execute(self.owned(Job).where(Job.id == job_id).with_for_update())
        ).scalar_one_or_none()

    async def known(self, job_id: UUID) -> Job:
        """One job, locked; raises `NotFound`."""
        if (job := await self.locked(job_id)) is None:
            raise NotFound(f"There is no job {job_id} in this tenant.")
        return job

    async def open_by_key(self, kind: str, dedup_key: str, tenant_id: UUID | None = None) -> Job | None:
        """The open job of a kind with that key in a tenant, or in the one acted in."""
        mine = (Job.tenant_id == (tenant_id or self.scope.tenant_id), Job.kind == kind, Job.dedup_key == dedup_key)
        query = select(Job).where(*mine, Job.state.in_(("queued", "running")))
        return (await self.session.execute(query)).scalar_one_or_none()

    async def any_dead(self, kind: str, tenant_id: UUID) -> bool:
        """Whether a job of a kind died in a tenant."""
        dead = select(Job.id).where(Job.tenant_id == tenant_id, Job.kind == kind, Job.state == "dead")
        return (await self.session.execute(dead.limit(1))).first() is not None

    async def results(self, kind: str, dedup_key: str, since: datetime) -> Sequence[dict[str, Any] | None]:
        """Results of the jobs of a kind with that key that succeeded since a time."""
        mine = (Job.tenant_id == self.scope.tenant_id, Job.kind == kind, Job.dedup_key == dedup_key)
        query = select(Job.result).where(*mine, Job.state == "succeeded", Job.finished_at >= since)
        return (await self.session.execute(query)).scalars().all()


async def bury_exhausted(session: AsyncSession, now: datetime) -> int:
    """Mark jobs dead whose workers died on every attempt; how many."""
    exhausted = (Job.state == "running", Job.lease_until < now, Job.attempts >= Job.max_attempts)
    end = {"state": "dead", "finished_at": now, "last_error": "the worker died on every attempt"}
    # What another transaction holds is buried another time: every claim of every worker would wait for it.
    found = select(Job.id).where(*exhausted).with_for_update(skip_locked=True)
    result = await session.execute(update(Job).where(Job.id.in_(found.scalar_subquery())).values(**end))
    return int(result.rowcount)  # type: ignore[attr-defined]


async def give_back(session: AsyncSession, claim: Claim, changes: dict[str, Any]) -> None:
    """End an attempt that did not finish; does nothing when the job is no longer the worker's."""
    mine = (Job.id == claim.id, Job.fence == claim.fence, Job.state == "running")
    await session.execute(update(Job).where(*mine).values(lease_until=None, **changes))


async def count_by_state(session: AsyncSession, states: Sequence[str] = STATES) -> dict[str, int]:
    """Jobs of all tenants by state, each of the states present; for the operator's figures, so there is no scope."""
    query = select(Job.state, func.count()).where(Job.state.in_(states)).group_by(Job.state)
    return dict.fromkeys(states, 0) | dict((await session.execute(query)).tuples().all())


async def oldest_due(session: AsyncSession, kinds: Kinds, now: datetime) -> dict[str, float]:
    """Seconds for which the longest waiting job of each lane that may be taken has been due, every lane present; 0 when
    none waits.
    """
    ages = dict.fromkeys(LANES, 0.0)
    for lane in LANES:
        if (since := await due_since(session, lane, kinds, now)) is not None:
            ages[lane] = (now - since).total_seconds()
    return ages
