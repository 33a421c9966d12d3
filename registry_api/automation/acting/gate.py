"""The last look before an effect: kill switches, the approval, and whether the world is still as it was planned for."""

from dataclasses import dataclass

from patchbay.automation.approvals import Approval, reject
from patchbay.automation.conditions import OPERATOR
from patchbay.automation.facts import Facts
from patchbay.automation.guards import stopped
from patchbay.automation.plans import Plan, drifted
from patchbay.core.clock import utcnow
from registry_api.automation.evaluation import gather
from registry_api.automation.models import PlanRow
from registry_api.automation.plans import WAITS
from registry_api.automation.repository import Automation
from registry_api.db import Reader
from registry_api.identity.rights import Rights

APPROVE = "automation:approve"


@dataclass(frozen=True, slots=True)
class Held:
    """What becomes of a plan that has no effect: its state, and why in a word and in a sentence."""

    state: str
    reason: str
    detail: str


async def look(reader: Reader, row: PlanRow, plan: Plan) -> Held | None:
    """What holds a plan at this moment, if anything."""
    facts = await facts_of(reader, plan)
    refusal = stopped(plan, facts.stopped)
    if refusal is not None:
        return Held("stopped", refusal.reason.value, refusal.detail)
    return await _unapproved(reader, row, plan) or _outdated(plan, facts)


async def facts_of(reader: Reader, plan: Plan) -> Facts:
    """The world around a plan as it is now."""
    scope = reader.principal.scope
    word = OPERATOR if scope.tenant_id == scope.operator_id else str(scope.tenant_id)
    names = {key.rsplit("/", 1)[-1] for key in plan.desired}
    return await gather(reader, reader.repository(Automation), word, names, utcnow())


async def _unapproved(reader: Reader, row: PlanRow, plan: Plan) -> Held | None:
    if plan.dispatch != "approve":
        return None
    if row.approved_by is None or row.approved_at is None:
        return Held("stopped", "not_approved", "nobody approved it")
    rights = reader.repository(Rights)
    author, approver = await rights.behind(row.author), await rights.behind(row.approved_by)
    approval = Approval(row.hash, approver, row.approved_at, row.approved_at + WAITS)
    approvers = {approver} if await rights.has(row.approved_by, APPROVE) else set()
    reason = reject(plan, approval, author=author, approvers=approvers, now=utcnow())
    detail = f"the approval by {row.approved_by} does not count"
    return None if reason is None else Held("stopped", reason.value, detail)


def _outdated(plan: Plan, facts: Facts) -> Held | None:
    changed = drifted(plan, facts.targets) if plan.changes else ()
    return Held("stale", "drifted", f"changed since it was planned: {', '.join(changed)}") if changed else None
