"""Effects inside the registry: blocks, restarts and scaling, each once, each with its outcome."""

from datetime import timedelta

from sqlalchemy import select, update

from patchbay.core.clock import utcnow
from registry_api.automation.models import PlanRow
from registry_api.db import Crossing, Scope
from registry_api.identity.rights import Rights
from registry_api.tenancy.models import Tenant
from tests.registry_api.automation.acting.support import (
    TRACE,
    audited,
    block_plan,
    change_plan,
    drain,
    make_release,
    report,
    state_of,
    store,
    work_as,
)
from tests.registry_api.conftest import ANY
from tests.registry_api.identity.people import add_person


async def is_blocked(api, name="open"):
    found = (await api.acme.get(f"/v1/plugins/test:{name}/releases/1.0.0")).json()["blocked"]
    return found and found["reason"]


async def set_plan(api, plan_id, **values):
    async with api.app.state.database.engine.begin() as connection:
        await connection.execute(update(PlanRow).where(PlanRow.id == plan_id).values(**values))


async def test_a_block_happens_once_and_is_told_with_the_trace_that_made_it(api):
    release, _ = await make_release(api)
    plan = await store(api, block_plan(release))
    assert await is_blocked(api) is None
    await drain(api)
    assert await is_blocked(api) == "It fails"
    assert (await state_of(api, plan))[0] == "done"
    assert await drain(api) == 0
    assert len(await audited(api, "release.blocked")) == 1
    for action in ("automation.intent", "automation.outcome", "release.blocked"):
        assert [record["trace_id"] for record in await audited(api, action)] == [TRACE]
    (job,) = (await api.operator.get("/v1/jobs?kind=automation.act")).json()["items"]
    assert (job["state"], job["trace_id"], job["result"]["state"]) == ("succeeded", TRACE, "done")


async def test_a_kill_switch_stops_a_plan_that_was_already_made(api):
    release, _ = await make_release(api)
    for scope in ("rule:Busy", "tenant", "global"):
        plan = await store(api, block_plan(release))
        await api.operator.put(f"/v1/automation/switches/{scope}", json={"reason": "a drill"})
        await drain(api)
        assert (await state_of(api, plan))[0] == "stopped", scope
        assert await is_blocked(api) is None
        await api.operator.delete(f"/v1/automation/switches/{scope}")
    assert len(await audited(api, "automation.outcome")) == 3


async def test_a_plan_for_a_world_that_has_changed_is_stale(api):
    release, _ = await make_release(api)
    first, second = await store(api, block_plan(release)), await store(api, block_plan(release))
    await drain(api)
    ended = [await state_of(api, plan) for plan in (first, second)]
    assert sorted(state for state, _ in ended) == ["done", "stale"]
    assert len(await audited(api, "release.blocked")) == 1


async def test_a_plan_about_a_release_that_is_gone_is_stale(api):
    release, _ = await make_release(api)
    plan = await store(api, block_plan(release))
    assert (await api.operator.delete("/v1/plugins/test:open")).status_code == 204
    await drain(api)
    assert (await state_of(api, plan))[0] == "stale"


async def test_a_plan_that_is_not_as_it_was_planned_has_no_effect(api):
    release, _ = await make_release(api)
    other, _ = await make_release(api, "other")
    plan = await store(api, block_plan(release))
    document = (await work_as(api, api.operator, lambda work: work.session.get(PlanRow, plan))).document
    await set_plan(api, plan, document={**document, "parameters": {"reason": "Mine"}, "subject": {"x": other}})
    await drain(api)
    state, outcome = await state_of(api, plan)
    assert (state, outcome["reason"]) == ("failed", "refused")
    assert "hash" in outcome["detail"]
    assert await is_blocked(api) is None


async def approved(api, approver_id):
    """A plan that needs approval, approved by a token."""
    release, _ = await make_release(api)
    plan = await store(api, block_plan(release, dispatch="approve"))
    await drain(api)
    assert (await state_of(api, plan))[0] == "waiting"
    hash_ = (await api.operator.get(f"/v1/automation/plans/{plan}")).json()["hash"]
    answer = await approver_id.post(f"/v1/automation/plans/{plan}/approve", json={"hash": hash_})
    assert answer.status_code == 200, answer.text
    return plan


async def test_an_approved_plan_runs(api):
    plan = await approved(api, api.operator)
    await drain(api)
    assert (await state_of(api, plan))[0] == "done"


async def test_an_approval_by_somebody_who_may_no_longer_approve_does_not_count(api):
    made = (await api.operator.post("/v1/tokens", json={"name": "brief", "role": "platform_admin"})).json()
    plan = await approved(api, api.client(made["token"]))
    assert (await api.operator.delete(f"/v1/tokens/{made['id']}")).status_code == 204
    await drain(api)
    state, outcome = await state_of(api, plan)
    assert (state, outcome["reason"]) == ("stopped", "not_an_approver")
    assert await is_blocked(api) is None


async def may_approve_for_acme(api, actor):
    async with api.app.state.database.reading(Crossing.SETUP) as session:
        tenants = {tenant.slug: tenant for tenant in (await session.execute(select(Tenant))).scalars()}
        operator = next(tenant for tenant in tenants.values() if tenant.kind == "operator")
        return await Rights(session, Scope(tenants["acme"].id, operator.id)).has(actor, "automation:approve")


async def test_an_approver_of_the_operator_counts_in_a_tenant_only_while_they_may_act_there(api):
    eve = await add_person(api, api.operator, "eve@operator.example", role="platform_admin")
    assert await may_approve_for_acme(api, f"user:{eve['id']}")
    await api.operator.patch(f"/v1/users/{eve['id']}", json={"role": "tenant_admin"}, headers=ANY)
    assert not await may_approve_for_acme(api, f"user:{eve['id']}")
    assert not await may_approve_for_acme(api, "system")
    for role, may in (("platform_admin", True), ("tenant_admin", False)):
        token = (await api.operator.post("/v1/tokens", json={"name": "approver", "role": role})).json()
        assert await may_approve_for_acme(api, f"token:{token['id']}") is may


async def test_an_approval_that_is_too_old_does_not_count(api):
    plan = await approved(api, api.operator)
    await set_plan(api, plan, approved_at=utcnow() - timedelta(hours=25))
    await drain(api)
    state, outcome = await state_of(api, plan)
    assert (state, outcome["reason"]) == ("stopped", "expired")


async def test_a_process_is_scaled_to_an_absolute_number_and_done_when_its_report_says_so(api):
    await report(api, replicas=2)
    plan = await store(api, change_plan("scale_up", "api", {"replicas": 2}, {"replicas": 3}))
    await drain(api)
    assert (await state_of(api, plan))[0] == "running"
    assert (await report(api, replicas=2))["replicas"] == 3
    await drain(api)
    assert (await state_of(api, plan))[0] == "running"
    await report(api, replicas=3)
    await drain(api)
    assert await state_of(api, plan) == ("done", {"applied": {"operator/process/api": {"replicas": 3}}})
    assert len(await audited(api, "automation.applied")) == len(await audited(api, "automation.outcome")) == 1


async def test_no_more_replicas_are_wanted_than_the_supervisor_can_run(api):
    await report(api, replicas=2, max_replicas=3)
    plan = await store(api, change_plan("scale_up", "api", {"replicas": 2}, {"replicas": 8}))
    await drain(api)
    assert (await report(api, replicas=3, max_replicas=3))["replicas"] == 3
    again = await store(api, change_plan("scale_up", "api", {"replicas": 3}, {"replicas": 8}))
    await drain(api)
    assert (await state_of(api, plan))[0] == "done"
    state, outcome = await state_of(api, again)
    assert (state, "can run no more" in outcome["detail"]) == ("failed", True)


async def test_a_restart_is_done_when_the_process_was_started_anew_and_is_well(api):
    await report(api)
    plan = await store(api, change_plan("restart", "api", {"generation": 3}, {"generation": 4}))
    await drain(api)
    assert (await report(api))["generation"] == 4
    await report(api, generation=4, healthy=False)
    await drain(api)
    assert (await state_of(api, plan))[0] == "running"
    await report(api, generation=4)
    await drain(api)
    assert (await state_of(api, plan))[0] == "done"
    assert (await report(api, generation=4))["generation"] == 4


async def test_a_change_that_no_report_confirms_has_failed_after_a_minute(api):
    await report(api)
    plan = await store(api, change_plan("restart", "api", {"generation": 3}, {"generation": 4}))
    await drain(api)
    await set_plan(api, plan, started_at=utcnow() - timedelta(seconds=61))
    await drain(api)
    state, outcome = await state_of(api, plan)
    assert (state, outcome["reason"], outcome["targets"]) == ("failed", "not_reached", ["operator/process/api"])
    assert await drain(api) == 0


async def test_a_process_that_came_back_by_itself_is_not_restarted(api):
    await report(api)
    plan = await store(api, change_plan("restart", "api", {"generation": 3}, {"generation": 4}))
    await report(api, generation=4)
    await drain(api)
    assert (await state_of(api, plan))[0] == "stale"
    assert (await report(api, generation=4))["generation"] == 4
