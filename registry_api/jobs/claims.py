"""Which job is next: tenants take turns, within a tenant its queues do, and within a queue the longest due goes first.

Turns follow from when each was last served, so that 10,000 jobs of one tenant delay another's by one job, not by 10,000.
Each question about a queue is a look at one end of an index: what a claim costs grows with the number of waiting queues, not
with the number of jobs.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, Subquery, func, or_, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from registry_api.jobs.context import Claim
from registry_api.jobs.lanes import LANES
from registry_api.jobs.models import Job
from registry_api.jobs.waiting import NOW, Kinds, at, is_due, is_lost, waiting
from registry_api.tenancy.models import Tenant

CLAIM_LOCK = 0x7061_7463_6A6F
"""PostgreSQL advisory lock of claims in lanes with limits, so that what is counted still holds when the claim commits."""

LOOKED_AT = 50
"""Jobs that are looked at before the queues are gone over: those of a tenant that is not active may be first, and are mostly few."""

NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue in which a job is due or lost, since when the first of either is, and how many of it and of its tenant run."""

    name: str
    due: datetime | None
    lost: datetime | None
    running: int
    running_of_tenant: int

    def looks(self, now: datetime) -> Iterator[tuple[ColumnElement[bool], ...]]:
        """Where in it a job may be, one look after the other: with OR the database would look at every job of the queue.

        What was due before the first that may be taken has to wait, and is passed over.
        """
        if self.lost is not None:
            yield (is_lost(now),)
        if self.due is not None:
            yield is_due(now), Job.run_at >= self.due


async def any_due(session: AsyncSession, lanes: Sequence[str], kinds: Kinds, now: datetime) -> bool:
    """Whether there is anything to claim; a cheap look that takes no lock.

    Workers serve every tenant, so there is no scope. The queues are gone over only where all that is found first has to wait.
    """
    query = select(kinds.served()).where(or_(is_due(now), is_lost(now)), Job.lane.in_(lanes)).limit(LOOKED_AT)
    served = (await session.execute(query)).scalars().all()
    if any(served) or len(served) < LOOKED_AT:
        return any(served)
    for lane in lanes:
        if (await session.execute(_any(waiting(lane, kinds)), at(now))).first() is not None:
            return True
    return False


async def due_since(session: AsyncSession, lane: str, kinds: Kinds, now: datetime) -> datetime | None:
    """Since when the longest waiting job of a lane that may be taken has been due; None when none is."""
    query = select(Job.run_at, kinds.served()).where(is_due(now), Job.lane == lane).order_by(Job.run_at)
    longest = (await session.execute(query.limit(LOOKED_AT))).tuples().all()
    since = next((run_at for run_at, served in longest if served), None)
    if since is not None or len(longest) < LOOKED_AT:
        return since
    return (await session.execute(_longest(waiting(lane, kinds)), at(now))).scalar_one()


@lru_cache
def _any(one: Subquery) -> Select[Any]:
    return select(one.c.queue).limit(1)


@lru_cache
def _longest(one: Subquery) -> Select[tuple[datetime | None]]:
    return select(func.min(one.c.due))


async def claim_next(
    session: AsyncSession, lane: str, kinds: Kinds, worker: str, now: datetime, lease: timedelta
) -> Claim | None:
    """Take the job whose turn it is, passing over those another worker is just taking; None when there is none, or
    when as many run as the lane allows.
    """
    await _take_turn(session, lane)
    for queue in await _queues(session, lane, kinds, now):
        if not _has_room(lane, queue):
            continue
        mine = (Job.lane == lane, Job.queue == queue.name, kinds.served())
        for look in queue.looks(now):
            query = select(Job).where(*look, *mine).order_by(Job.run_at, Job.id).limit(1)
            job = (await session.execute(query.with_for_update(skip_locked=True))).scalar_one_or_none()
            if job is not None:
                return await _claimed(session, job, worker, now, lease)
    return None


async def _take_turn(session: AsyncSession, lane: str) -> None:
    limits = LANES[lane]
    unlimited = limits.per_queue is None and limits.per_tenant is None
    if not unlimited and session.get_bind().dialect.name == "postgresql":
        await session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": CLAIM_LOCK})


def _has_room(lane: str, queue: Queue) -> bool:
    limits = LANES[lane]
    of_queue = limits.per_queue is None or queue.running < limits.per_queue
    return of_queue and (limits.per_tenant is None or queue.running_of_tenant < limits.per_tenant)


async def _queues(session: AsyncSession, lane: str, kinds: Kinds, now: datetime) -> list[Queue]:
    """Queues with a due job that may be taken, in turn."""
    query = _with_turns(waiting(lane, kinds), lane)
    rows = list((await session.execute(query, at(now))).all())
    rows.sort(key=lambda row: (row.tenant_served or NEVER, row.served or NEVER, _first(row.due, row.lost), row.queue))
    return [Queue(row.queue, row.due, row.lost, row.running, row.running_of_tenant) for row in rows]


@lru_cache
def _with_turns(one: Subquery, lane: str) -> Select[Any]:
    """Waiting queues with when they and their tenants were last served, and how many jobs of either run."""
    of_queue, of_tenant = (Job.lane == lane, Job.queue == one.c.queue), (Job.lane == lane, Job.tenant_id == one.c.owner)
    alive = (Job.state == "running", Job.lease_until >= NOW)
    last, count = func.max(Job.started_at), func.count()
    return select(
        one.c.queue,
        one.c.due,
        one.c.lost,
        select(last).where(*of_tenant).scalar_subquery().label("tenant_served"),
        select(last).where(*of_queue).scalar_subquery().label("served"),
        select(count).where(*alive, *of_queue).scalar_subquery().label("running"),
        select(count).where(*alive, *of_tenant).scalar_subquery().label("running_of_tenant"),
    )


def _first(*moments: datetime | None) -> datetime:
    """The earliest of those that are known; a queue that was found has one."""
    return min(moment for moment in moments if moment is not None)


async def _claimed(session: AsyncSession, job: Job, worker: str, now: datetime, lease: timedelta) -> Claim:
    job.state, job.worker, job.lease_until = "running", worker, now + lease
    job.started_at, job.fence, job.attempts = now, job.fence + 1, job.attempts + 1
    return Claim(
        id=job.id,
        tenant_id=job.tenant_id,
        operator_id=await _operator(session),
        kind=job.kind,
        payload=job.payload,
        attempt=job.attempts,
        max_attempts=job.max_attempts,
        give_up_at=job.give_up_at,
        claimed_at=now,
        fence=job.fence,
        trace_id=job.trace_id,
    )


async def _operator(session: AsyncSession) -> UUID:
    return (await session.execute(select(Tenant.id).where(Tenant.kind == "operator"))).scalar_one()
