"""Health checks: who is ill is started again, and somebody is told."""

from datetime import timedelta

from sqlalchemy import update

from patchbay.core.clock import utcnow
from registry_api.automation.models import ProcessRow
from tests.registry_api.automation.acting.support import drain, report, state_of
from tests.registry_api.automation.support import START, put_rules, send
from tests.registry_api.intake_data import items

RULE = """automation_rules:
  - name: "Plugin health check"
    trigger: {schedule: "* * * * *"}
    action: {type: health_check, remediation: auto_restart, notification: alert_team}
"""


async def check(api):
    """The plan of a health check that is due, carried out."""
    await put_rules(api.operator, RULE)
    past_the_minute = (10 - START.second) / 60
    await send(api, minute=past_the_minute)
    told = await send(api, minute=past_the_minute + 1)
    assert [plan["action"] for plan in told["plans"]] == ["health_check"], told
    await drain(api)
    return told["plans"][0]["id"]


async def plans_by_action(api):
    return {plan["action"]: plan for plan in await items(api.operator, "/v1/automation/plans")}


async def test_nothing_follows_where_all_are_well(api):
    await report(api)
    plan = await check(api)
    assert await state_of(api, plan) == ("done", {"checked": ["operator/process/api"], "ill": []})
    assert set(await plans_by_action(api)) == {"health_check"}


async def test_an_ill_process_is_started_again_and_somebody_is_told(api):
    await report(api)
    await report(api, "dagster", healthy=False)
    plan = await check(api)
    assert (await state_of(api, plan))[1]["ill"] == ["operator/process/dagster"]
    made = await plans_by_action(api)
    assert set(made) == {"health_check", "restart", "mail"}
    assert made["restart"]["desired"] == {"operator/process/dagster": {"generation": 4}}
    assert (await report(api, "dagster"))["generation"] == 4
    assert made["mail"]["parameters"]["ill"] == ["operator/process/dagster"]
    # Nobody has said who the team is.
    assert (made["mail"]["state"], "alert_team" in made["mail"]["outcome"]["detail"]) == ("failed", True)


async def test_a_process_of_which_nothing_was_heard_is_ill(api):
    await report(api)
    async with api.app.state.database.engine.begin() as connection:
        await connection.execute(update(ProcessRow).values(reported_at=utcnow() - timedelta(minutes=1)))
    plan = await check(api)
    assert (await state_of(api, plan))[1]["ill"] == ["operator/process/api"]
