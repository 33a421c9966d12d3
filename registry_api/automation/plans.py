"""Plans at rest: as JSON, as answered, and what becomes of those that nobody carries out."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter

from patchbay.automation.plans import Plan
from patchbay.core.clock import utcnow
from registry_api.automation.models import PlanRow
from registry_api.automation.repository import ACT, Automation
from registry_api.automation.schemas import PlanView
from registry_api.db import UnitOfWork
from registry_api.identity.rights import Rights
from registry_api.jobs.lanes import WEBHOOKS, WORK
from registry_api.jobs.queue import PATIENT
from registry_api.problems import Conflict, Forbidden, PreconditionFailed

WAITS = timedelta(hours=24)
"""How long a plan waits for an approval; what it was planned from is then too old."""
STATES = {"auto": "planned", "approve": "waiting", "dry_run": "dry_run"}
PLANS: TypeAdapter[Plan] = TypeAdapter(Plan)


def document_of(plan: Plan) -> dict[str, Any]:
    """A plan as plain JSON values."""
    return PLANS.dump_python(plan, mode="json")  # type: ignore[no-any-return]


def restored(row: PlanRow) -> Plan:
    """The plan of a row."""
    return PLANS.validate_python(row.document)


def view(row: PlanRow) -> PlanView:
    """A plan as answered."""
    own = {name: getattr(row, name) for name in PlanView.model_fields if hasattr(row, name)}
    return PlanView(**_told(row.document), **own | {"tenant": str(row.tenant_id)})


def preview(plan: Plan, tenant_id: UUID, author: str, trace_id: str | None) -> PlanView:
    """A plan that was never stored."""
    document = document_of(plan)
    own: dict[str, Any] = {
        name: document[name] for name in ("key", "rule", "revision", "fingerprint", "episode", "action")
    }
    own |= {"id": None, "tenant": str(tenant_id), "hash": plan.hash, "state": STATES[plan.dispatch]}
    return PlanView(**_told(document), **own, author=author, trace_id=trace_id)


def _told(document: Mapping[str, Any]) -> dict[str, Any]:
    return {name: document[name] for name in ("subject", "value", "targets", "desired", "observed", "parameters")}


async def store(work: UnitOfWork, tenant_id: UUID, plan: Plan, author: str, trace_id: str | None) -> PlanRow:
    """Keep a plan, record the intent, and have it carried out if it needs no approval: all in the caller's transaction."""
    row = PlanRow(
        tenant_id=tenant_id,
        key=plan.key,
        rule=plan.rule,
        revision=plan.revision,
        fingerprint=plan.fingerprint,
        episode=plan.episode,
        action=plan.action,
        hash=plan.hash,
        document=document_of(plan),
        state=STATES[plan.dispatch],
        author=author,
        trace_id=trace_id,
    )
    work.session.add(row)
    await work.session.flush()
    if plan.dispatch != "dry_run":
        said: dict[str, Any] = {"key": plan.key, "rule": plan.rule, "action": plan.action, "state": row.state}
        said |= {"targets": list(plan.targets), "desired": row.document["desired"]}
        work.audit("automation.intent", f"plan:{row.id}", said, tenant_id=tenant_id, trace_id=trace_id)
    if row.state == "planned":
        send(work, row)
    return row


def send(work: UnitOfWork, row: PlanRow, due: datetime | None = None) -> None:
    """Hand a plan to the workers, at once or when it is due; webhooks to those of their lane, as receivers may be slow."""
    lane, queue = (WEBHOOKS, f"{row.tenant_id}/{row.rule}") if row.action == "webhook" else (WORK, None)
    work.enqueue(
        ACT,
        {"plan_id": str(row.id)},
        tenant_id=row.tenant_id,
        dedup_key=str(row.id),
        run_at=due,
        max_attempts=PATIENT,
        trace_id=row.trace_id,
        lane=lane,
        queue=queue,
    )


def end(work: UnitOfWork, row: PlanRow, state: str, outcome: dict[str, Any], now: datetime) -> None:
    """Write what became of a plan, and record it."""
    row.state, row.outcome, row.finished_at = state, outcome, now
    said = {"key": row.key, "state": state, "outcome": outcome}
    work.audit("automation.outcome", f"plan:{row.id}", said, tenant_id=row.tenant_id, trace_id=row.trace_id)


async def approve(work: UnitOfWork, plan_id: UUID, seen: str) -> PlanRow:
    """Let a waiting plan run. Raises `Conflict`, `PreconditionFailed` for another hash, `Forbidden` for the rule's author."""
    row = await work.repository(Automation).plan(plan_id, locked=True)
    if row.state != "waiting":
        raise Conflict(f"The plan is {row.state}; only a waiting one can be approved.")
    if row.hash != seen:
        raise PreconditionFailed(f"The plan's hash is {row.hash}; read it again before you approve it.")
    rights = work.repository(Rights)
    if await rights.behind(row.author) == await rights.behind(work.principal.actor):
        raise Forbidden("You last changed the rule; another person has to approve its plans.")
    row.state, row.approved_by, row.approved_at = "planned", work.principal.actor, utcnow()
    work.audit("automation.approve", f"plan:{row.id}", {"hash": seen}, tenant_id=row.tenant_id, trace_id=row.trace_id)
    send(work, row)
    return row


async def cancel(work: UnitOfWork, plan_id: UUID, reason: str) -> PlanRow:
    """Stop a plan before its effect; raises `Conflict` once it has begun."""
    row = await work.repository(Automation).plan(plan_id, locked=True)
    if row.state not in ("waiting", "planned"):
        raise Conflict(f"The plan is {row.state}; only one that has not begun can be cancelled.")
    end(work, row, "stopped", {"reason": "cancelled", "detail": reason, "by": work.principal.actor}, utcnow())
    return row


async def replace(work: UnitOfWork, automation: Automation, keys: Sequence[str], now: datetime) -> None:
    """Stop plans that another takes the place of."""
    for row in await automation.open_plans(keys):
        end(work, row, "stopped", {"reason": "replaced"}, now)


async def give_up(work: UnitOfWork, automation: Automation, now: datetime) -> None:
    """End plans that nobody approved in time, and those whose job is gone."""
    for row in await automation.abandoned(now - WAITS):
        if row.state == "waiting":
            end(work, row, "stale", {"reason": "not_approved", "detail": f"nobody approved it within {WAITS}"}, now)
        else:
            end(work, row, "failed", {"reason": "job_died", "detail": "its job ended without an outcome"}, now)
