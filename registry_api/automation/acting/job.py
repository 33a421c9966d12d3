"""The job `automation.act`: one plan, looked at once more, carried out, and its outcome kept with the job's end.

An effect inside the registry commits together with the plan's outcome, so it happens once. A message is sent at least
once, always under the plan's key as its id. A wanted state of a process is written once, together with the plan's being
under way; whether it came to be is seen by later jobs of the same kind, so that none keeps a worker waiting.
"""

from typing import Any
from uuid import UUID

from pydantic import ValidationError

from patchbay.automation.plans import Plan
from patchbay.core.clock import utcnow
from patchbay.core.telemetry import redact
from registry_api.automation import plans
from registry_api.automation.acting.effects import CHANGES, EFFECTS, LOOKS_EVERY, Done, want
from registry_api.automation.acting.gate import Held, look
from registry_api.automation.models import PlanRow
from registry_api.automation.repository import ACT, Automation
from registry_api.db import UnitOfWork
from registry_api.jobs.context import JobContext
from registry_api.jobs.errors import LeaseLost, PermanentFailure, reason_of
from registry_api.jobs.registry import handler
from registry_api.schemas import Input

READY = ("planned", "running")


class ActPayload(Input):
    """Which plan."""

    plan_id: UUID


@handler(ACT, payload=ActPayload)
async def act(job: JobContext) -> dict[str, Any] | None:
    """Carry a plan out; its outcome is the job's result."""
    try:
        plan = await _begin(job)
        if plan is None:
            return {"state": "not begun"}
        return await _finish(job, await EFFECTS[plan.action](job, plan), plan)
    except LeaseLost:
        raise
    except PermanentFailure as error:
        return await _finish(job, Done("failed", {"reason": "refused", "detail": redact(str(error))}))
    except Exception as error:
        if job.claim.attempt < job.claim.max_attempts:
            raise
        return await _finish(job, Done("failed", {"reason": "gave_up", "detail": reason_of(error)}))


async def _begin(job: JobContext) -> Plan | None:
    """The plan, now running; None where it is over, or ends here because something holds it."""
    async with job.writing() as work:
        row = await work.repository(Automation).plan(_plan_id(job), locked=True)
        if row.state not in READY:
            return None
        plan = _restored(row)
        if row.state == "running" and plan.action in CHANGES:
            return plan  # what is wanted was written; only what came of it is not known
        held = await look(work, row, plan)
        if held is not None:
            _end_held(work, row, held)
            return None
        if row.state == "planned":
            row.state, row.started_at = "running", utcnow()
            await want(work, row, plan)
        return plan


def _restored(row: PlanRow) -> Plan:
    try:
        plan = plans.restored(row)
    except ValidationError as error:
        raise PermanentFailure(f"the plan cannot be read: {error.error_count()} faults") from error
    if plan.hash != row.hash:
        raise PermanentFailure("the plan is not as it was planned: its hash differs")
    return plan


async def _finish(job: JobContext, done: Done, plan: Plan | None = None) -> dict[str, Any]:
    """The effect inside the registry, the outcome, the audit and the job's end, in one transaction."""
    result: dict[str, Any] = {}
    async with job.finishing(result) as work:
        automation = work.repository(Automation)
        if done.states:
            await automation.locked_states()  # before the plan, in the order of whoever evaluates
        row = await automation.plan(_plan_id(job), locked=True)
        if row.state in READY:
            await _conclude(work, row, plan, done)
        result |= {"state": row.state, "outcome": row.outcome or done.outcome}
    return result


async def _conclude(work: UnitOfWork, row: PlanRow, plan: Plan | None, done: Done) -> None:
    if done.state == "running":
        plans.send(work, row, utcnow() + LOOKS_EVERY)
        return
    if done.effect is not None and plan is not None:
        held = await look(work, row, plan) if plan.action == "block_release" else None
        if held is not None:
            _end_held(work, row, held)
            return
        await done.effect(work, row)
    plans.end(work, row, done.state, done.outcome, utcnow())


def _end_held(work: UnitOfWork, row: PlanRow, held: Held) -> None:
    plans.end(work, row, held.state, {"reason": held.reason, "detail": held.detail}, utcnow())


def _plan_id(job: JobContext) -> UUID:
    return UUID(job.payload["plan_id"])
