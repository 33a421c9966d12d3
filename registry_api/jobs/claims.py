"""Which job is next: tenants take turns, within a tenant its queues do, and within a queue the longest due goes first.

Turns follow from when each was last served, so that 10,000 jobs of one tenant delay another's by one job, not by 10,000.
Queues are found by jumping from one to the next in an index, and each question about one is a look at one end of an
index: what a claim costs grows with the number of waiting queues, not with the number of jobs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, Subquery, and_, func, or_, select, text, union
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from registry_api.jobs.context import Claim
from registry_api.jobs.lanes import LANES
from registry_api.jobs.models import Job
from registry_api.jobs.registry import Handler
from registry_api.tenancy.models import Tenant

CLAIM_LOCK = 0x7061_7463_6A6F
"""PostgreSQL advisory lock of claims in lanes with limits, so that what is counted still holds when the claim commits."""

NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue in which a job is due, and how many of it and of its tenant run."""

    name: str
    running: int
    running_of_tenant: int


@dataclass(frozen=True, slots=True)
class Kinds:
    """Kinds of jobs that a worker serves; those `while_suspended` also for tenants that are not active."""

    known: Sequence[str]
    while_suspended: Sequence[str] = ()

    @classmethod
    def of(cls, handlers: Mapping[str, Handler]) -> "Kinds":
        """Those that there are handlers for."""
        return cls(sorted(handlers), [kind for kind in sorted(handlers) if handlers[kind].while_suspended])

    def served(self) -> ColumnElement[bool]:
        """Jobs that may be taken now; the others wait until their tenant is active."""
        inactive = select(Tenant.id).where(Tenant.status != "active")
        may_run = or_(Job.kind.in_(self.while_suspended), Job.tenant_id.not_in(inactive))
        return and_(Job.kind.in_(self.known), may_run)


def _ready(now: datetime) -> ColumnElement[bool]:
    return and_(Job.state == "queued", Job.run_at <= now)


def _lost(now: datetime) -> ColumnElement[bool]:
    return and_(Job.state == "running", Job.lease_until < now)


async def any_due(session: AsyncSession, lanes: Sequence[str], kinds: Kinds, now: datetime) -> bool:
    """Whether there is anything to claim; a cheap look that takes no lock.

    Workers serve every tenant, so there is no scope.
    """
    query = select(Job.id).where(or_(_ready(now), _lost(now)), Job.lane.in_(lanes), kinds.served()).limit(1)
    return (await session.execute(query)).scalar_one_or_none() is not None


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
        # One after the other: with OR the database would look at every job of the queue.
        for due in (_lost(now), _ready(now)):
            query = select(Job).where(due, *mine).order_by(Job.run_at, Job.id).limit(1)
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
    one = _waiting(lane, now)
    tenant = aliased(Job)
    owner = select(tenant.tenant_id).where(tenant.lane == lane, tenant.queue == one.c.queue).limit(1)
    mine = owner.correlate(one).scalar_subquery()
    of_queue, of_tenant = (Job.lane == lane, Job.queue == one.c.queue), (Job.lane == lane, Job.tenant_id == mine)
    alive = (Job.state == "running", Job.lease_until >= now)
    last, count = func.max(Job.started_at), func.count()
    query = select(
        one.c.queue,
        select(func.min(Job.run_at)).where(Job.state == "queued", *of_queue).scalar_subquery().label("due"),
        select(func.min(Job.lease_until)).where(Job.state == "running", *of_queue).scalar_subquery().label("lost"),
        select(last).where(*of_tenant).scalar_subquery().label("tenant_served"),
        select(last).where(*of_queue).scalar_subquery().label("served"),
        select(count).where(*alive, *of_queue).scalar_subquery().label("running"),
        select(count).where(*alive, *of_tenant).scalar_subquery().label("running_of_tenant"),
    )
    may_be_taken = (select(Job.id).where(due, *of_queue, kinds.served()).exists() for due in (_lost(now), _ready(now)))
    query = query.where(or_(*may_be_taken))
    rows = [row for row in (await session.execute(query)).all() if _first(row.due, row.lost) <= now]
    rows.sort(key=lambda row: (row.tenant_served or NEVER, row.served or NEVER, _first(row.due, row.lost), row.queue))
    return [Queue(row.queue, row.running, row.running_of_tenant) for row in rows]


def _first(*moments: datetime | None) -> datetime:
    """The earliest of those that are known; a queue that was found has one."""
    return min(moment for moment in moments if moment is not None)


def _waiting(lane: str, now: datetime) -> Subquery:
    """Names of queues with queued jobs, each found from the one before it, and of those whose workers are lost."""
    queued = (Job.state == "queued", Job.lane == lane)
    found = select(func.min(Job.queue).label("queue")).where(*queued).cte("found", recursive=True)
    after = select(func.min(Job.queue)).where(*queued, Job.queue > found.c.queue).scalar_subquery()
    found = found.union_all(select(after).where(found.c.queue.is_not(None)))
    lost = select(Job.queue).where(Job.state == "running", Job.lane == lane, Job.lease_until < now)
    return union(select(found.c.queue).where(found.c.queue.is_not(None)), lost).subquery("waiting")


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
