"""Queues in which a job may be taken now, found without looking at the jobs that wait in them.

Queues are found by jumping from one to the next in an index. Whether a queue's tenant is active is asked once, before more of
its jobs than the first is looked at: those that wait until it is active again may be many, and are passed over unseen.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    CTE,
    BindParameter,
    ColumnElement,
    Select,
    Subquery,
    and_,
    bindparam,
    case,
    func,
    null,
    or_,
    select,
    type_coerce,
    union_all,
)
from sqlalchemy.orm import aliased

from registry_api.jobs.models import OPEN, Job
from registry_api.jobs.registry import Handler
from registry_api.tenancy.models import Tenant

NOW: BindParameter[datetime] = bindparam("now", type_=Job.run_at.type)
"""The moment of statements that are built once, as building takes longer than asking: they are executed `at` it."""


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


def at(now: datetime) -> dict[str, Any]:
    """The moment for statements with `NOW`."""
    return {"now": now}


def is_due(now: datetime | ColumnElement[datetime]) -> ColumnElement[bool]:
    """Jobs whose time has come."""
    return and_(Job.state == "queued", Job.run_at <= now)


def is_lost(now: datetime | ColumnElement[datetime]) -> ColumnElement[bool]:
    """Jobs whose worker is gone."""
    return and_(Job.state == "running", Job.lease_until < now)


def waiting(lane: str, kinds: Kinds) -> Subquery:
    """Queues of a lane with their `owner`, and since when a job that may be taken is `due` and another `lost`; null where none is.

    Whoever asks says `at` which moment.
    """
    return _waiting(lane, tuple(kinds.known), tuple(kinds.while_suspended))


@lru_cache
def _waiting(lane: str, known: tuple[str, ...], while_suspended: tuple[str, ...]) -> Subquery:
    kinds = Kinds(known, while_suspended)
    found = union_all(_due(lane, kinds), _lost(lane, kinds)).subquery("found")
    first = (func.min(found.c.due).label("due"), func.min(found.c.lost).label("lost"))
    return select(found.c.queue, found.c.owner, *first).group_by(found.c.queue, found.c.owner).subquery("waiting")


def _due(lane: str, kinds: Kinds) -> Select[Any]:
    """Queues in which a job that may be taken is due; of an active tenant that is the first of them, if its kind is known."""
    ids, head = _heads(lane), aliased(Job)
    active = select(Tenant.id).where(Tenant.id == head.tenant_id, Tenant.status == "active").exists()
    due = case(
        (and_(active, head.kind.in_(kinds.known)), head.run_at),
        (active, _due_behind(head, kinds.known)),
        else_=_due_by_kind(head, kinds.while_suspended),
    )
    never = type_coerce(null(), Job.lease_until.type).label("lost")
    query = select(head.queue, head.tenant_id.label("owner"), due.label("due"), never)
    return query.join_from(ids, head, head.id == ids.c.id).where(head.run_at <= NOW, due.is_not(None))


def _lost(lane: str, kinds: Kinds) -> Select[Any]:
    """Queues with a job whose worker is gone; of all that run, which are few."""
    never = type_coerce(null(), Job.run_at.type).label("due")
    query = select(Job.queue, Job.tenant_id.label("owner"), never, func.min(Job.lease_until).label("lost"))
    return query.where(is_lost(NOW), Job.lane == lane, kinds.served()).group_by(Job.queue, Job.tenant_id)


def _due_behind(head: type[Job], kinds: Sequence[str]) -> ColumnElement[Any]:
    """Since when a job of one of the kinds is due, past those of others, such as newer workers have, at the head of its queue."""
    job = aliased(Job)
    same = (job.state == "queued", job.lane == head.lane, job.queue == head.queue, job.run_at <= NOW)
    first = select(job.run_at).where(*same, job.kind.in_(kinds)).order_by(job.run_at).limit(1)
    return first.correlate(head).scalar_subquery()


def _due_by_kind(head: type[Job], kinds: Sequence[str]) -> ColumnElement[Any]:
    """Since when a job of one of the kinds is due: found by its kind, past all others of its queue."""
    looks = []
    for kind in kinds:
        same = (Job.tenant_id == head.tenant_id, Job.kind == kind, OPEN, is_due(NOW), Job.queue == head.queue)
        # The lane in a form that no index has: SQLite would take the one by lane, and read the whole queue.
        look = select(func.min(Job.run_at).label("due")).where(*same, Job.lane.concat("") == head.lane)
        looks.append(look.correlate(head))
    if not looks:
        return null()
    return select(func.min(union_all(*looks).subquery("looks").c.due)).scalar_subquery()


def _heads(lane: str) -> CTE:
    """The job of each queue that has waited longest, each found from the one before it; the last id is null.

    By the order of an index, not by the queue's name: PostgreSQL would guess how many jobs have one, and where one has very
    many read them for each of the others too.
    """
    queued, order = (Job.state == "queued", Job.lane == lane), (Job.queue, Job.run_at, Job.id)
    first = select(Job.id).where(*queued).order_by(*order).limit(1).scalar_subquery()
    found = select(first.label("id")).cte("heads", recursive=True)
    before = aliased(Job)
    after = select(Job.id).where(*queued, Job.queue > before.queue).order_by(*order).limit(1).scalar_subquery()
    return found.union_all(select(after).join_from(found, before, before.id == found.c.id))
