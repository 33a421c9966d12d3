"""All SQL about jobs."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from registry_api.db.repository import Repository
from registry_api.jobs.context import Claim
from registry_api.jobs.models import STATES, Job
from registry_api.tenancy.models import Tenant


class Jobs(Repository):
    """Jobs of the scope's tenant, or of all for platform readers."""

    def filtered(self, kind: str | None, state: str | None) -> Select[tuple[Job]]:
        """Jobs of a kind, in a state."""
        query = self.owned(Job)
        query = query if kind is None else query.where(Job.kind == kind)
        return query if state is None else query.where(Job.state == state)

    async def find(self, job_id: UUID) -> Job | None:
        """One job."""
        return (await self.session.execute(self.owned(Job).where(Job.id == job_id))).scalar_one_or_none()

    async def locked(self, job_id: UUID) -> Job | None:
        """One job, locked until the end of the transaction."""
        return (
            await self.session.execute(self.owned(Job).where(Job.id == job_id).with_for_update())
        ).scalar_one_or_none()

    async def open_by_key(self, kind: str, dedup_key: str) -> Job | None:
        """The open job of a kind with that key in the tenant acted in."""
        mine = (Job.tenant_id == self.scope.tenant_id, Job.kind == kind, Job.dedup_key == dedup_key)
        query = select(Job).where(*mine, Job.state.in_(("queued", "running")))
        return (await self.session.execute(query)).scalar_one_or_none()


def _due(now: datetime) -> ColumnElement[bool]:
    return or_(and_(Job.state == "queued", Job.run_at <= now), and_(Job.state == "running", Job.lease_until < now))


async def any_due(session: AsyncSession, kinds: list[str], now: datetime) -> bool:
    """Whether there is anything to claim; a cheap look that takes no lock.

    Workers serve every tenant, so there is no scope.
    """
    query = select(Job.id).where(_due(now), Job.kind.in_(kinds)).limit(1)
    return (await session.execute(query)).scalar_one_or_none() is not None


async def claim_next(
    session: AsyncSession, kinds: list[str], worker: str, now: datetime, lease: timedelta
) -> Claim | None:
    """Take the job that has been due longest, passing over those another worker is just taking; None when there is
    none.
    """
    query = select(Job).where(_due(now), Job.kind.in_(kinds)).order_by(Job.run_at, Job.id).limit(1)
    job = (await session.execute(query.with_for_update(skip_locked=True))).scalar_one_or_none()
    if job is None:
        return None
    operator_id = (await session.execute(select(Tenant.id).where(Tenant.kind == "operator"))).scalar_one()
    job.state, job.worker, job.lease_until = "running", worker, now + lease
    job.started_at, job.fence, job.attempts = now, job.fence + 1, job.attempts + 1
    return Claim(
        id=job.id,
        tenant_id=job.tenant_id,
        operator_id=operator_id,
        kind=job.kind,
        payload=job.payload,
        attempt=job.attempts,
        max_attempts=job.max_attempts,
        fence=job.fence,
        trace_id=job.trace_id,
    )


async def bury_exhausted(session: AsyncSession, now: datetime) -> int:
    """Mark jobs dead whose workers died on every attempt; how many."""
    exhausted = (Job.state == "running", Job.lease_until < now, Job.attempts >= Job.max_attempts)
    end = {"state": "dead", "finished_at": now, "last_error": "the worker died on every attempt"}
    result = await session.execute(update(Job).where(*exhausted).values(**end))
    return int(result.rowcount)  # type: ignore[attr-defined]


async def give_back(session: AsyncSession, claim: Claim, changes: dict[str, Any]) -> None:
    """End an attempt that did not finish; does nothing when the job is no longer the worker's."""
    mine = (Job.id == claim.id, Job.fence == claim.fence, Job.state == "running")
    await session.execute(update(Job).where(*mine).values(lease_until=None, **changes))


async def count_by_state(session: AsyncSession) -> dict[str, int]:
    """Jobs of all tenants by state, every state present; for the operator's metrics, so there is no scope."""
    found = await session.execute(select(Job.state, func.count()).group_by(Job.state))
    return dict.fromkeys(STATES, 0) | dict(found.tuples().all())
