"""Onboarding of a tenant in one call."""

import asyncio

import pytest

from registry_api.app import create_app
from tests.registry_api.conftest import running

RULES = """automation_rules:
  - name: surge
    trigger: {metric: load, threshold: 1}
    action: {type: mail, to: [ops@acme.example]}
    mode: auto
"""


async def test_one_call_brings_a_tenant_with_administrator_rules_and_token(api):
    body = {"slug": "initech", "name": "Initech", "plan": "team", "rules": RULES}
    body |= {"admin_email": "bill@initech.example", "admin_password": "correct horse battery"}
    made = await api.operator.post("/v1/tenants", json=body)
    assert (made.status_code, made.json()["replayed"]) == (201, False)
    caller = api.client(made.json()["token"])
    assert [rule["name"] for rule in (await caller.get("/v1/automation/rules")).json()["items"]] == ["surge"]
    assert (await caller.get("/v1/users")).json()["items"][0]["email"] == "bill@initech.example"
    actions = [row["action"] for row in (await caller.get("/v1/audit")).json()["items"]]
    assert sorted(set(actions) - {"data.read"}) == [
        "automation.rule",
        "member.added",
        "tenant.created",
        "token.created",
    ]
    assert (await caller.get("/v1/audit/verify")).json()["valid"]
    again = await api.operator.post("/v1/tenants", json=body)
    assert (again.status_code, again.json()["replayed"], again.json()["token"]) == (200, True, None)
    assert again.json()["tenant"] == made.json()["tenant"]
    assert len((await caller.get("/v1/tokens")).json()["items"]) == 1
    other = await api.operator.post("/v1/tenants", json={**body, "plan": "free"})
    assert (other.status_code, other.json()["type"].split("/")[-1]) == (409, "tenant_exists")


async def test_a_tenant_made_without_rules_begins_with_those_of_the_installation(registry, tmp_path):
    settings, tokens = registry
    path = tmp_path / "first.yaml"
    path.write_text(RULES)
    async with running(settings.model_copy(update={"onboarding_rules": path}), tokens) as api:
        for slug, own in (("initech", {}), ("umbrella", {"rules": RULES.replace("surge", "own")})):
            made = await api.operator.post("/v1/tenants", json={"slug": slug, "name": slug, **own})
            rules = await api.client(made.json()["token"]).get("/v1/automation/rules")
            assert [rule["name"] for rule in rules.json()["items"]] == ["own" if own else "surge"]


@pytest.mark.parametrize("text", [None, "automation_rules: 7", RULES.replace("threshold", "treshold")])
def test_a_file_of_first_rules_that_is_wrong_is_named_at_the_start(registry, tmp_path, text):
    path = tmp_path / "first.yaml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ValueError, match=r"first\.yaml cannot be used"):
        create_app(registry[0].model_copy(update={"onboarding_rules": path}))


async def test_wrong_rules_leave_no_tenant_behind(api):
    body = {"slug": "initech", "name": "Initech", "rules": RULES.replace("threshold", "treshold")}
    refused = await api.operator.post("/v1/tenants", json=body)
    assert (refused.status_code, refused.json()["type"].split("/")[-1]) == (422, "invalid_rules")
    processes = RULES.replace("{type: mail, to: [ops@acme.example]}", "{type: restart, target: api}")
    assert (await api.operator.post("/v1/tenants", json={**body, "rules": processes})).status_code == 422
    assert (await api.operator.get("/v1/tenants/initech")).status_code == 404


async def test_the_same_onboarding_sent_ten_times_at_once_makes_one_tenant(api):
    body = {"slug": "initech", "name": "Initech", "admin_email": "bill@initech.example"}
    answers = await asyncio.gather(*(api.operator.post("/v1/tenants", json=body) for _ in range(10)))
    assert sorted(answer.status_code for answer in answers) == [200] * 9 + [201]
    assert len({answer.json()["tenant"]["id"] for answer in answers}) == 1
