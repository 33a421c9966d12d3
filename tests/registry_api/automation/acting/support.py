"""Plans to carry out, what they act on, and workers that do it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import update

from patchbay.automation.conditions import OPERATOR
from patchbay.automation.plans import Plan, Target
from patchbay.core.clock import utcnow
from patchbay.core.ids import new_id
from registry_api.automation import plans
from registry_api.automation.models import PlanRow
from registry_api.db import UnitOfWork, system_principal
from registry_api.jobs.lanes import LANES
from registry_api.jobs.models import Job
from registry_api.jobs.worker import Worker
from tests.registry_api.intake_data import items

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


async def tenant_of(caller: Any) -> UUID:
    """The caller's tenant."""
    return UUID((await caller.get("/v1/me")).json()["tenant"]["id"])


async def work_as(api: Any, caller: Any, do: Any) -> Any:
    """Run `do(work)` as the registry itself in the caller's tenant, and commit."""
    principal = system_principal(await tenant_of(caller), await tenant_of(api.operator))
    async with api.app.state.database.writing() as session:
        work = UnitOfWork(session, principal)
        made = await do(work)
        await work.commit()
    return made


def make_plan(action: str, desired: dict[str, Any], observed: dict[str, Any], **more: Any) -> Plan:
    """A plan of the operator's rule `Busy`, of a key of its own."""
    plan = Plan(
        key=new_id().hex,
        rule="Busy",
        revision="1",
        tenant=OPERATOR,
        fingerprint="series",
        episode=utcnow().replace(microsecond=0),
        subject={"plugin": "git"},
        value=12.5,
        action=action,
        changes=bool(desired),
        targets=tuple(desired) or ("series",),
        desired=desired,
        observed=observed,
        parameters={},
        priority=0,
        dispatch="auto",
    )
    return replace(plan, **more)


async def store(api: Any, plan: Plan, caller: Any = None, author: str = "user:author") -> UUID:
    """Record a plan as a tick does; its id."""
    owner = caller or api.operator
    tenant = await tenant_of(owner)
    row: PlanRow = await work_as(api, owner, lambda work: plans.store(work, tenant, plan, author, TRACE))
    return row.id


async def make_release(api: Any, name: str = "open") -> tuple[str, Target]:
    """A public plugin's release; its id and the target it is."""
    document = {"namespace": "test", "name": name, "releases": [{"version": "1.0.0"}]}
    assert (await api.operator.post("/v1/plugins", json=document)).status_code == 201
    release = (await api.operator.get(f"/v1/plugins/test:{name}/releases/1.0.0")).json()["id"]
    return release, Target(release, "release", OPERATOR)


def block_plan(release: str, **more: Any) -> Plan:
    """A plan to block a release that is not blocked."""
    key = Target(release, "release", OPERATOR).key
    more = {"parameters": {"reason": "It fails"}} | more
    return make_plan("block_release", {key: {"blocked": True}}, {key: {"blocked": False}}, **more)


def change_plan(action: str, name: str, before: dict[str, int], after: dict[str, int]) -> Plan:
    """A plan to change a process."""
    key = Target(name, "process", OPERATOR).key
    return make_plan(action, {key: after}, {key: before})


async def report(api: Any, name: str = "api", **said: Any) -> dict[str, Any]:
    """What a supervisor says of a process; what is wanted of it."""
    process = {"name": name, "replicas": 1, "generation": 3, "healthy": True, "max_replicas": 4} | said
    answer = await api.service.put("/v1/automation/processes", json={"processes": [process]})
    assert answer.status_code == 200, answer.text
    wanted: dict[str, Any] = answer.json()["desired"][name]
    return wanted


async def drain(api: Any, lanes: Sequence[str] = tuple(LANES), **settings: Any) -> int:
    """Run jobs until none is due; jobs that were put off are due at once first."""
    async with api.app.state.database.engine.begin() as connection:
        await connection.execute(update(Job).where(Job.state == "queued").values(run_at=utcnow()))
    chosen = api.settings.model_copy(update=settings)
    patient: dict[str, Any] = {"lanes": lanes, "first_pause": timedelta(seconds=100)}
    return await Worker(api.app.state.database, api.app.state.storage, chosen, **patient).drain()


async def state_of(api: Any, plan_id: UUID) -> tuple[str, dict[str, Any]]:
    """A plan's state and outcome."""
    found = (await api.operator.get(f"/v1/automation/plans/{plan_id}")).json()
    return found["state"], found["outcome"] or {}


async def audited(api: Any, action: str, caller: Any = None) -> list[dict[str, Any]]:
    """Audit records of an action."""
    return list(await items(caller or api.operator, "/v1/audit", action=action))
