"""From samples to effects, with the rules that are delivered."""

from pathlib import Path

from tests.registry_api.automation.acting.support import (
    TRACE,
    audited,
    drain,
    make_release,
    report,
    tenant_of,
)
from tests.registry_api.automation.support import put_rules, sample, send
from tests.registry_api.intake_data import items

RULES = Path(__file__).parents[4] / "rules"


async def fail(api, release, callers, minutes):
    """Ticks in which uses of a release fail out of the ordinary for these tenants; all plans that were made."""
    plans = []
    for minute in range(minutes):
        seen = [
            sample(0.999, minute, "error_ratio", tenant=str(await tenant_of(caller)), release=release)
            | {"source": "anomaly", "trace_id": TRACE}
            for caller in callers
        ]
        plans += (await send(api, *seen, minute=minute))["plans"]
        await drain(api)
    return plans


async def test_a_failing_release_is_blocked_once_for_everybody(api):
    release, _ = await make_release(api)
    for caller in (api.acme, api.globex):
        target = {"name": "ci", "environment": "dev", "kind": "test"}
        await caller.post("/v1/targets/batches", json={"targets": [target]})
    assert (await put_rules(api.operator, (RULES / "bad-release.yaml").read_text())).status_code == 200
    plans = await fail(api, release, [api.acme, api.globex], 6)
    assert [plan["action"] for plan in plans] == ["block_release"]
    assert len(await audited(api, "release.blocked")) == len(await audited(api, "automation.outcome")) == 1
    for caller in (api.acme, api.globex):
        asked = await caller.post("/v1/targets/ci/install-checks", json={"plugin": "test:open", "version": "1.0.0"})
        assert (asked.json()["allowed"], "far more often" in asked.json()["reason"]) == (False, True)
    (plan,) = await items(api.operator, "/v1/automation/plans")
    (job,) = await items(api.operator, "/v1/jobs", kind="automation.act")
    (outcome,) = await audited(api, "automation.outcome")
    assert (plan["state"], {plan["trace_id"], job["trace_id"], outcome["trace_id"]}) == ("done", {TRACE})


async def test_a_block_that_was_lifted_stays_lifted_while_the_same_episode_lasts(api):
    release, _ = await make_release(api)
    await put_rules(api.operator, (RULES / "bad-release.yaml").read_text())
    await fail(api, release, [api.acme], 4)
    assert (await api.operator.delete("/v1/plugins/test:open/releases/1.0.0/block")).status_code == 204
    plans = []
    for minute in range(4, 8):
        seen = sample(0.999, minute, "error_ratio", tenant=str(await tenant_of(api.acme)), release=release)
        plans += (await send(api, seen | {"source": "anomaly"}, minute=minute))["plans"]
        await drain(api)
    assert plans == []
    assert len(await audited(api, "release.blocked")) == 1


async def test_a_surge_scales_the_registry(api):
    await report(api, replicas=1)
    await put_rules(api.operator, (RULES / "usage-surge.yaml").read_text())
    plans = []
    for minute in range(3):
        seen = sample(0.9999, minute, "uses_per_minute", tenant=str(await tenant_of(api.acme)), plugin="git")
        plans += (await send(api, seen | {"source": "anomaly"}, minute=minute))["plans"]
        await drain(api)
    assert [plan["desired"] for plan in plans] == [{"operator/process/api": {"replicas": 2}}]
    assert (await report(api, replicas=2))["replicas"] == 2
    await drain(api)
    (plan,) = await items(api.operator, "/v1/automation/plans")
    assert plan["state"] == "done"
