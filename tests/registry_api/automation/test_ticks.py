"""Ticks through the door: once each, all or nothing, and equal to their dry run."""

import asyncio
from datetime import timedelta
from typing import Any

from tests.registry_api.automation.support import START, mail_rule, put_rules, sample, send, tick
from tests.registry_api.intake_data import items

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SCHEDULED = """automation_rules:
  - name: "Hourly"
    trigger: {schedule: "0 * * * *", overlap: allow}
    action: {type: mail, to: [ops@acme.example]}
"""


async def acmes_id(api: Any) -> str:
    return str((await api.acme.get("/v1/me")).json()["tenant"]["id"])


async def test_a_series_that_fires_gives_one_episode_one_plan_one_intent_and_one_job(api: Any) -> None:
    tenant = await acmes_id(api)
    await put_rules(api.acme, mail_rule())
    high = sample(12, tenant=tenant) | {"trace_id": TRACE}
    told = await send(api, high)
    assert [one["change"] for one in told["transitions"]] == ["firing"]
    [plan] = told["plans"]
    assert (plan["state"], plan["action"], plan["trace_id"], plan["tenant"]) == ("planned", "mail", TRACE, tenant)
    for minute in (0.5, 1):
        again = await send(api, sample(12, minute, tenant=tenant), minute=minute)
        assert again["plans"] == again["transitions"] == []
    [episode] = await items(api.acme, "/v1/automation/episodes")
    assert (episode["state"], episode["value"], episode["trace_id"]) == ("firing", 12, TRACE)
    [job] = [row for row in await items(api.acme, "/v1/jobs") if row["kind"] == "automation.act"]
    assert job["payload"] == {"plan_id": plan["id"]}
    intents = [row for row in await items(api.acme, "/v1/audit") if row["action"] == "automation.intent"]
    assert [row["subject"] for row in intents] == [f"plan:{plan['id']}"]
    assert (await api.acme.get("/v1/audit/verify")).json()["valid"]


async def test_an_episode_resolves_at_its_clear_threshold_and_the_next_one_is_planned_anew(api: Any) -> None:
    tenant = await acmes_id(api)
    await put_rules(api.acme, mail_rule())
    changes, keys = [], []
    for minute, value in enumerate((12, 7, 4, 12)):
        told = await send(api, sample(value, minute, tenant=tenant), minute=minute)
        changes.append([one["change"] for one in told["transitions"]])
        keys += [plan["key"] for plan in told["plans"]]
    assert changes == [["firing"], [], ["resolved"], ["firing"]]
    assert len(set(keys)) == 2


async def test_the_same_tick_again_is_the_same_answer_and_other_samples_under_its_id_are_refused(api: Any) -> None:
    tenant = await acmes_id(api)
    await put_rules(api.acme, mail_rule())
    sent = tick(sample(12, tenant=tenant))
    first, second = [await api.service.post("/v1/automation/ticks", json=sent) for _ in range(2)]
    assert first.json() == second.json()
    assert len(await items(api.acme, "/v1/automation/plans")) == 1
    other = sent | {"samples": [sample(13, tenant=tenant)]}
    assert (await api.service.post("/v1/automation/ticks", json=other)).status_code == 409


async def test_two_ticks_at_once_make_one_plan(api: Any) -> None:
    tenant = await acmes_id(api)
    await put_rules(api.acme, mail_rule())
    sent = [tick(sample(12, tenant=tenant)) for _ in range(6)]
    answers = await asyncio.gather(*(api.service.post("/v1/automation/ticks", json=one) for one in sent))
    assert {answer.status_code for answer in answers} == {200}
    assert sum(len(answer.json()["plans"]) for answer in answers) == 1
    assert len(await items(api.acme, "/v1/automation/plans")) == 1


async def test_a_dry_run_says_what_the_next_tick_then_does_and_keeps_nothing(api: Any) -> None:
    tenant = await acmes_id(api)
    await put_rules(api.acme, mail_rule())
    wanted = tick(sample(12, tenant=tenant) | {"trace_id": TRACE})
    dry = (
        await api.acme.post("/v1/automation/dry-runs", json={"samples": wanted["samples"], "at": wanted["at"]})
    ).json()
    assert await items(api.acme, "/v1/automation/plans") == await items(api.acme, "/v1/automation/episodes") == []
    live = (await api.service.post("/v1/automation/ticks", json=wanted)).json()
    stored = ("id", "recorded_at")
    assert [{k: v for k, v in plan.items() if k not in stored} for plan in live["plans"]] == [
        {k: v for k, v in plan.items() if k not in stored} for plan in dry["plans"]
    ]
    assert live["transitions"] == dry["transitions"]


async def test_a_dry_run_of_other_rules_uses_the_last_ticks_samples(api: Any) -> None:
    tenant = await acmes_id(api)
    await put_rules(api.acme, mail_rule())
    at = (await send(api, sample(12, tenant=tenant)))["at"]
    dry = await api.acme.post("/v1/automation/dry-runs", json={"rules": mail_rule("Tried"), "at": at})
    assert [plan["rule"] for plan in dry.json()["plans"]] == ["Tried"]
    bad = await api.acme.post("/v1/automation/dry-runs", json={"rules": "automation_rules: 1"})
    assert bad.status_code == 422


async def test_a_series_that_comes_twice_is_refused_and_nothing_is_kept(api: Any) -> None:
    await put_rules(api.operator, mail_rule())
    answer = await api.service.post("/v1/automation/ticks", json=tick(sample(12), sample(13)))
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "duplicate_series")
    assert await items(api.operator, "/v1/automation/plans") == []


async def test_a_tenants_rules_see_its_own_series_and_the_operators_see_all(api: Any) -> None:
    tenant = await acmes_id(api)
    for caller in (api.operator, api.acme, api.globex):
        await put_rules(caller, mail_rule())
    told = await send(api, sample(12, tenant=tenant), sample(12))
    operators = (await api.operator.get("/v1/me")).json()["tenant"]["id"]
    assert sorted(plan["tenant"] for plan in told["plans"]) == sorted([operators, operators, tenant])
    assert await items(api.globex, "/v1/automation/plans") == []


async def test_the_episodes_of_a_rule_that_was_deleted_are_lost_at_the_next_tick(api: Any) -> None:
    tenant = await acmes_id(api)
    await put_rules(api.acme, mail_rule())
    await send(api, sample(12, tenant=tenant))
    await api.acme.delete("/v1/automation/rules/Busy")
    told = await send(api, sample(12, 1, tenant=tenant), minute=1)
    assert [one["change"] for one in told["transitions"]] == ["lost"]
    [episode] = await items(api.acme, "/v1/automation/episodes")
    assert (episode["state"], episode["ended_at"] is not None) == ("lost", True)


async def test_only_the_service_ticks(api: Any) -> None:
    for caller in (api.acme, api.nobody):
        assert (await caller.post("/v1/automation/ticks", json=tick())).status_code in (401, 403)


async def test_a_clock_that_goes_back_over_a_schedules_time_repeats_no_plan_and_stops_no_tick(api: Any) -> None:
    await put_rules(api.acme, SCHEDULED)
    due = START.replace(minute=0, second=0) + timedelta(hours=1)
    looks = [(due - START + timedelta(minutes=minute)).total_seconds() / 60 for minute in (-1, 0.5, -5, -4, 1)]
    found = [len((await send(api, minute=look))["plans"]) for look in looks]
    assert found == [0, 1, 0, 0, 0]
    assert len(await items(api.acme, "/v1/automation/plans")) == 1


async def test_tenants_with_the_same_rule_plan_under_keys_of_their_own(api: Any) -> None:
    for caller in (api.acme, api.globex):
        await put_rules(caller, SCHEDULED)
    due = START.replace(minute=0, second=0) + timedelta(hours=1)
    for minute in (-1, 0.5):
        told = await send(api, minute=(due - START + timedelta(minutes=minute)).total_seconds() / 60)
    assert len({plan["tenant"] for plan in told["plans"]}) == len({plan["key"] for plan in told["plans"]}) == 2
