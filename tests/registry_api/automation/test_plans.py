"""Plans through the door: approval by another, cancelling, kill switches."""

from typing import Any

from tests.registry_api.automation.support import mail_rule, put_rules, sample, send
from tests.registry_api.identity.people import add_person, sign_in
from tests.registry_api.intake_data import items


async def waiting(api: Any) -> dict[str, Any]:
    """A plan of acme that waits for approval."""
    tenant = (await api.acme.get("/v1/me")).json()["tenant"]["id"]
    await put_rules(api.acme, mail_rule(mode="approve"))
    told = await send(api, sample(12, tenant=tenant))
    [plan] = told["plans"]
    assert plan["state"] == "waiting"
    assert not [row for row in await items(api.acme, "/v1/jobs") if row["kind"] == "automation.act"]
    found: dict[str, Any] = plan
    return found


async def test_another_person_approves_exactly_the_plan_that_was_looked_at(api: Any) -> None:
    plan = await waiting(api)
    path = f"/v1/automation/plans/{plan['id']}/approve"
    await add_person(api, api.acme, "ada@acme.example", role="tenant_admin")
    other, own = await sign_in(api, "ada@acme.example"), api.client(await api.token(api.acme, role="tenant_admin"))
    assert (await own.post(path, json={"hash": plan["hash"]})).status_code == 403, "a token that the author made"
    assert (await other.post(path, json={"hash": "0" * 64})).status_code == 412
    assert (await api.acme.post(path, json={"hash": plan["hash"]})).status_code == 403
    assert (await api.globex.post(path, json={"hash": plan["hash"]})).status_code == 404
    approved = await other.post(path, json={"hash": plan["hash"]})
    assert (approved.json()["state"], approved.json()["approved_by"] is not None) == ("planned", True)
    assert (await other.post(path, json={"hash": plan["hash"]})).status_code == 409
    assert [
        row["payload"]["plan_id"] for row in await items(api.acme, "/v1/jobs") if row["kind"] == "automation.act"
    ] == [plan["id"]]


async def test_a_cancelled_plan_is_stopped_with_its_reason_and_never_again_approved(api: Any) -> None:
    plan = await waiting(api)
    path = f"/v1/automation/plans/{plan['id']}"
    stopped = (await api.acme.post(f"{path}/cancel", json={"reason": "a drill"})).json()
    assert (stopped["state"], stopped["outcome"]["detail"]) == ("stopped", "a drill")
    assert (await api.acme.post(f"{path}/cancel", json={"reason": "again"})).status_code == 409
    assert (await api.acme.get(path)).json()["finished_at"]
    assert "automation.outcome" in [row["action"] for row in await items(api.acme, "/v1/audit")]


async def test_a_kill_switch_holds_what_it_names_until_it_is_off(api: Any) -> None:
    tenant = (await api.acme.get("/v1/me")).json()["tenant"]["id"]
    await put_rules(api.acme, mail_rule())
    for caller, scope in ((api.acme, "rule:Busy"), (api.acme, "tenant"), (api.operator, "global")):
        path = f"/v1/automation/switches/{scope}"
        assert (await caller.put(path, json={"reason": "a drill"})).status_code == 201
        assert (await caller.put(path, json={"reason": "a drill"})).status_code == 200
        at = (await send(api))["at"]
        wanted = {"samples": [sample(12, tenant=tenant)], "at": at}
        dry = (await api.acme.post("/v1/automation/dry-runs", json=wanted)).json()
        assert (dry["plans"], [one["reason"] for one in dry["suppressed"]]) == ([], ["stopped"])
        assert (await caller.delete(path)).status_code == 204
        assert (await caller.delete(path)).status_code == 404
    assert len((await api.acme.post("/v1/automation/dry-runs", json=wanted)).json()["plans"]) == 1


async def test_a_firing_that_was_stopped_is_recorded_once(api: Any) -> None:
    tenant = (await api.acme.get("/v1/me")).json()["tenant"]["id"]
    await put_rules(api.acme, mail_rule())
    await api.acme.put("/v1/automation/switches/tenant", json={"reason": "a drill"})
    for minute in range(3):
        await send(api, sample(12, minute, tenant=tenant), minute=minute)
    [record] = await items(api.acme, "/v1/automation/suppressions")
    assert (record["rule"], record["reason"]) == ("Busy", "stopped")
    assert await items(api.globex, "/v1/automation/suppressions") == []


async def test_only_the_operator_stops_everybody_and_only_known_switches_exist(api: Any) -> None:
    assert (await api.acme.put("/v1/automation/switches/global", json={"reason": "x"})).status_code == 403
    assert (await api.acme.put("/v1/automation/switches/everything", json={"reason": "x"})).status_code == 400


async def test_processes_are_wanted_as_first_reported_and_never_started_less_often(api: Any) -> None:
    one = {"name": "api", "replicas": 1, "generation": 3, "healthy": True, "max_replicas": 4}
    for generation in (3, 5, 4):
        answer = await api.service.put(
            "/v1/automation/processes", json={"processes": [one | {"generation": generation}]}
        )
        assert answer.json()["desired"]["api"] == {
            "replicas": 1,
            "generation": max(generation, 3 if generation == 3 else 5),
        }
    [seen] = await items(api.operator, "/v1/automation/processes")
    assert (seen["name"], seen["desired_generation"]) == ("api", 5)
    assert await items(api.acme, "/v1/automation/processes") == []
