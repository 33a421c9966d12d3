"""What each kind of action does."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from patchbay.automation.engine import remedy
from patchbay.automation.guards import report_restart
from patchbay.automation.plans import Plan, State
from patchbay.core.clock import utcnow
from registry_api.automation import evaluation
from registry_api.automation.acting.messages import mail, webhook
from registry_api.automation.models import PlanRow, ProcessRow
from registry_api.automation.processes import Processes, as_target, is_as_wanted, is_well
from registry_api.automation.repository import Automation
from registry_api.automation.rules import restored
from registry_api.db import Scope, UnitOfWork
from registry_api.installs.blocks import block_release
from registry_api.jobs.context import JobContext
from registry_api.jobs.errors import PermanentFailure

Effect = Callable[[UnitOfWork, PlanRow], Awaitable[None]]
VERIFIED_WITHIN = timedelta(seconds=60)
"""How long a process may take to become what was wanted."""
LOOKS_EVERY = timedelta(seconds=2)
CHANGES = ("scale_up", "scale_down", "restart")


@dataclass(frozen=True, slots=True)
class Done:
    """How it went; `running` is to be looked at again. `effect` is what is written together with that.

    `states` says that it needs the lock on what the rules remember.
    """

    state: str
    outcome: dict[str, Any] = field(default_factory=dict)
    effect: Effect | None = None
    states: bool = False


async def want(work: UnitOfWork, row: PlanRow, plan: Plan) -> None:
    """Write what is wanted of processes, in absolute values; nothing for plans of other kinds.

    Raises `PermanentFailure` where the supervisor can run no more than it does.
    """
    if plan.action not in CHANGES:
        return
    rows = {as_target(one, utcnow()).key: one for one in await work.repository(Processes).all(locked=True)}
    applied = {key: _possible(rows[key], state) for key, state in plan.desired.items()}
    if all(applied[key] == plan.observed[key] for key in applied):
        raise PermanentFailure(f"{', '.join(applied)}: its supervisor can run no more of it")
    for key, state in applied.items():
        for name, value in state.items():
            setattr(rows[key], f"desired_{name}", value)
    row.outcome = {"applied": applied}
    work.audit("automation.applied", f"plan:{row.id}", {"rule": row.rule, "applied": applied}, trace_id=row.trace_id)


def _possible(row: ProcessRow, state: State) -> dict[str, int]:
    """What is wanted of a process, within what its supervisor can run."""
    most = {"replicas": row.max_replicas}
    return {name: min(int(value), most.get(name, int(value))) for name, value in state.items()}


async def change_process(job: JobContext, plan: Plan) -> Done:
    """See whether every process is as wanted: then done, after too long failed, and until then to be seen again."""
    async with job.reading() as reader:
        row = await reader.repository(Automation).plan(UUID(job.payload["plan_id"]))
        now = utcnow()
        seen = {as_target(one, now).key: one for one in await reader.repository(Processes).all()}
    began, applied = row.started_at or now, (row.outcome or {})["applied"]
    late = [key for key in applied if key not in seen or not is_as_wanted(seen[key], applied[key], began, now)]
    if not late:
        return _told(plan, Done("done", {"applied": applied}), helped=True)
    if now - began <= VERIFIED_WITHIN:
        return Done("running")
    detail = f"no report says within {VERIFIED_WITHIN.seconds} s that it came to be"
    outcome = {"applied": applied, "reason": "not_reached", "targets": late, "detail": detail}
    return _told(plan, Done("failed", outcome), helped=False)


def _told(plan: Plan, done: Done, *, helped: bool) -> Done:
    """The same, and the brakes are told whether a restart helped."""
    if plan.action != "restart":
        return done

    async def effect(work: UnitOfWork, row: PlanRow) -> None:
        kept = await work.repository(Automation).locked_states()
        states = evaluation.load(kept)
        brakes = states.brakes
        for key in plan.targets:
            brakes = report_restart(brakes, key, helped=helped, now=utcnow())
        kept.states = evaluation.with_brakes(states, brakes).dump()

    return Done(done.state, done.outcome, effect, states=True)


async def block(job: JobContext, plan: Plan) -> Done:
    """Block each release together with the outcome."""
    releases = sorted(key.split("/", 2)[2] for key in plan.desired)

    async def effect(work: UnitOfWork, row: PlanRow) -> None:
        reason = str(plan.parameters.get("reason") or f"by the rule {plan.rule!r}")
        for release in releases:
            await block_release(work, UUID(release), reason, row.id)

    return Done("done", {"blocked": releases}, effect)


async def check_health(job: JobContext, plan: Plan) -> Done:
    """Look at the processes' reports; for the ill follows what the rule says, within all brakes."""
    async with job.reading() as reader:
        now = utcnow()
        well = {as_target(row, now).key for row in await reader.repository(Processes).all() if is_well(row, now)}
    ill = [key for key in plan.targets if key not in well]
    outcome = {"checked": list(plan.targets), "ill": ill}
    if not ill:
        return Done("done", outcome)

    async def effect(work: UnitOfWork, row: PlanRow) -> None:
        await _follow_up(work, row, plan, ill)

    return Done("done", outcome, effect, states=True)


async def _follow_up(work: UnitOfWork, row: PlanRow, plan: Plan, ill: list[str]) -> None:
    """Plan what follows; nothing where the rule has been changed or deleted since."""
    scope = Scope(work.principal.tenant_id, work.principal.scope.operator_id)
    mine, now = Automation(work.session, scope), utcnow()
    kept, rows = await mine.locked_states(), await mine.standing()
    rule = next((found for found in map(restored, rows) if found is not None and found.name == plan.rule), None)
    if rule is None or rule.revision != plan.revision:
        return
    whose = evaluation.whose_of(scope, rows)
    facts = await evaluation.gather(work, mine, whose.word, set(), now)
    tick = remedy(rule, plan, ill, evaluation.load(kept), now, facts)
    traces = {(plan.rule, plan.fingerprint): row.trace_id} if row.trace_id else {}
    await evaluation.keep(work, mine, whose, tick, traces, now)
    kept.states = tick.states.dump()


async def _send_webhook(job: JobContext, plan: Plan) -> Done:
    return Done("done", await webhook(job, plan))


async def _send_mail(job: JobContext, plan: Plan) -> Done:
    return Done("done", await mail(job, plan))


EFFECTS: dict[str, Callable[[JobContext, Plan], Awaitable[Done]]] = {
    "webhook": _send_webhook,
    "mail": _send_mail,
    "block_release": block,
    "health_check": check_health,
    **dict.fromkeys(CHANGES, change_process),
}
