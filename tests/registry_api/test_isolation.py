"""Every route of the API document, tried as owner, other tenant, nobody and suspended tenant. A route without a case fails."""

import json
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest

from registry_api.job_kinds import HANDLERS
from registry_api.jobs.worker import Worker
from registry_api.routers import PUBLIC_ROUTES
from tests.registry_api.conftest import ANY
from tests.registry_api.insights_data import insight_rows, publish
from tests.registry_api.isolation_data import (
    ADVISORY,
    MARK,
    NOW,
    OBSERVATION,
    OWNED,
    PLUGIN,
    PUBLISHER,
    RULES,
    STATISTIC,
    TARGET,
    USE,
    YAML,
    rows_of,
)
from tests.registry_api.test_document import OPERATIONS


@dataclass(frozen=True)
class Case:
    """How to call a route; `{…}` in path and query are filled with the owner's things.

    `foreign` is what another tenant gets when it names them: 404 where they are named in the path, else its own empty view.
    """

    body: Any = None
    ndjson: bool = False
    yaml: bool = False
    query: str = ""
    key: str | None = None
    foreign: int | None = None
    platform: bool = False


CASES = {
    "delete_session": Case(foreign=404),
    "list_sessions": Case(),
    "rotate_session": Case(foreign=404),
    "delete_own_session": Case(foreign=404),
    "put_password": Case({"current": "x", "new": "long enough to be one"}, foreign=403),
    "begin_totp": Case({"password": "x"}, foreign=403),
    "confirm_totp": Case({"code": "123456"}, foreign=403),
    "disable_totp": Case({"password": "x", "code": "123456"}, foreign=403),
    "reset_totp": Case(foreign=404),
    "read_user": Case(foreign=404),
    "update_user": Case({"role": "author"}, foreign=404),
    "get_me": Case(),
    "create_token": Case({"name": "new", "role": "viewer"}),
    "list_tokens": Case(),
    "delete_token": Case(foreign=404),
    "rotate_token_secret": Case({}, foreign=404),
    "create_narrower_token": Case({"name": "narrow", "scopes": ["catalog:read"]}),
    "create_user": Case({"email": "new@other.example", "display_name": "New", "role": "viewer"}),
    "list_users": Case(),
    "list_teams": Case(),
    "read_team": Case(foreign=404),
    "put_team": Case({"display_name": "Others"}),
    "list_team_members": Case(),
    "put_team_member": Case(foreign=404),
    "delete_team_member": Case(foreign=404),
    "list_namespace_grants": Case(),
    "create_namespace_grant": Case({"namespace": "new", "team": "shared"}),
    "delete_namespace_grant": Case(foreign=404),
    "delete_team": Case(),
    "list_trusted_publishers": Case(),
    "create_trusted_publisher": Case({**PUBLISHER, "place": "new"}),
    "delete_trusted_publisher": Case(foreign=404),
    "export_user_data": Case(foreign=404),
    "erase_user": Case(foreign=404),
    "create_tenant": Case({"slug": "new", "name": "New"}, platform=True),
    "list_tenants": Case(),
    "get_tenant": Case(foreign=404),
    "update_tenant": Case({"name": "New"}, platform=True),
    "delete_tenant": Case(platform=True),
    "post_export": Case(foreign=404),
    "list_exports": Case(foreign=404),
    "read_export": Case(foreign=404),
    "read_export_content": Case(foreign=404),
    "read_tenant_usage": Case(foreign=404),
    "list_plugins": Case(),
    "post_plugin": Case({"namespace": "new", "name": "new"}),
    "read_plugin": Case(foreign=404),
    "patch_plugin": Case({"summary": "new"}, foreign=404),
    "delete_plugin": Case(foreign=404),
    "list_releases": Case(foreign=404),
    "post_release": Case({"version": "2.0.0"}, foreign=404),
    "read_release": Case(foreign=404),
    "list_dependencies": Case(foreign=404),
    "list_dependants": Case(foreign=404),
    "list_plugin_advisories": Case(foreign=404),
    "list_advisories": Case(),
    "list_labels": Case(),
    "list_installations": Case(foreign=404),
    "list_plugin_grants": Case(foreign=404),
    "create_plugin_grants": Case({"tenants": [str(uuid4())]}, foreign=404),
    "read_plugin_grant": Case(foreign=404),
    "patch_plugin_grant": Case({"scope": "install"}, foreign=404),
    "delete_plugin_grant": Case(foreign=404),
    "list_received_grants": Case(),
    "delete_received_grant": Case(foreign=404),
    "post_catalogue_batch": Case({"plugins": [PLUGIN]}),
    "post_advisories_batch": Case({"advisories": [ADVISORY]}),
    "post_targets_batch": Case({"targets": [TARGET]}),
    "list_targets": Case(),
    "read_target": Case(foreign=404),
    "list_installed_plugins": Case(foreign=404),
    "check_new_install": Case({"plugin": f"{MARK}:own"}, foreign=404),
    "lift_release_block": Case(foreign=404),
    "post_observations_batch": Case({"observations": [OBSERVATION]}),
    "post_usage_batch": Case(USE, ndjson=True, key="second"),
    "list_usage_counters": Case(query="?plugin={plugin}", foreign=404),
    "post_statistics_batch": Case(STATISTIC, ndjson=True, key="third"),
    "list_insight_sets": Case(),
    "put_insight_set": Case({"model": "m", "model_version": "1", "rows": 0}, platform=True),
    "put_insight_rows": Case({"plugin_id": MARK}, ndjson=True, platform=True),
    "activate_insight_set": Case(platform=True),
    "roll_back_insights": Case(platform=True),
    "list_recommendations": Case(foreign=404),
    "list_similar_plugins": Case(foreign=404),
    "read_risk": Case(foreign=404),
    "list_risks": Case(),
    "list_anomalies": Case(),
    "list_forecasts": Case(),
    "put_rules": Case(RULES.replace(MARK, "new"), yaml=True),
    "list_rules": Case(),
    "delete_rule": Case(foreign=404),
    "post_tick": Case({"id": str(uuid4()), "at": NOW, "samples": []}, platform=True),
    "try_rules": Case({}),
    "list_episodes": Case(),
    "list_suppressions": Case(),
    "list_plans": Case(),
    "read_plan": Case(foreign=404),
    "approve_plan": Case({"hash": "0" * 64}, foreign=404),
    "cancel_plan": Case({"reason": "no longer"}, foreign=404),
    "list_switches": Case(),
    "delete_switch": Case(foreign=404),
    "put_switch": Case({"reason": "a drill"}),
    "put_processes": Case({"processes": []}, platform=True),
    "list_processes": Case(),
    "list_signing_keys": Case(),
    "delete_signing_key": Case(foreign=404),
    "put_signing_key": Case({}),
    "list_contacts": Case(),
    "delete_contact": Case(foreign=404),
    "put_contact": Case({"addresses": [f"{MARK}@acme.example"]}),
    "get_webhook_events": Case(),
    "list_webhooks": Case(),
    "create_webhook": Case({"url": "https://93.184.216.34/"}),
    "get_webhook": Case(foreign=404),
    "update_webhook": Case({"types": ["token.*"]}, foreign=404),
    "delete_webhook": Case(foreign=404),
    "rotate_webhook_secret": Case({}, foreign=404),
    "ping_webhook": Case(foreign=404),
    "list_webhook_deliveries": Case(foreign=404),
    "get_webhook_delivery": Case(foreign=404),
    "replay_webhook_delivery": Case(foreign=404),
    "replay_webhook": Case({"since": NOW}, foreign=404),
    "list_intake_batches": Case(),
    "read_intake_batch": Case(foreign=404),
    "list_batch_rejects": Case(foreign=404),
    "read_segment_content": Case(platform=True),
    "erase_subject": Case(query=f"?person={MARK}"),
    "list_feeds": Case(),
    "read_feed": Case(),
    "list_jobs": Case(),
    "create_job": Case({"kind": "usage.compact", "payload": {}}),
    "get_job": Case(foreign=404),
    "cancel_job": Case(foreign=404),
    "retry_job": Case(foreign=404),
    "list_audit_records": Case(),
    "verify_audit_log": Case(),
    "read_audit_key": Case(),
    "export_audit_log": Case(),
    "get_status": Case(platform=True),
}
CLOSING = (
    "cancel_plan",
    "delete_rule",
    "delete_switch",
    "delete_token",
    "delete_namespace_grant",
    "delete_team",
    "delete_plugin",
    "delete_session",
    "cancel_job",
    "erase_user",
    "delete_webhook",
)
"""Called last: they take away what other routes name."""


NOT_SO = {
    "delete_plugin": 409,
    "delete_session": 404,
    "lift_release_block": 404,
    "create_plugin_grants": 404,
    "delete_received_grant": 404,
    "approve_plan": 412,
    "replay_webhook_delivery": 409,
    "retry_job": 409,
}
NOT_SO |= {"rotate_session": 404, "delete_own_session": 404}
NOT_SO |= dict.fromkeys(("put_password", "begin_totp", "confirm_totp", "disable_totp"), 403)
"""What even the owner is refused here: the plugin is in use, nobody knows the tenant to share it with, its grant is
another's to decline, an API token is no session and no person, nothing is blocked, the
plan is another one, the delivery is still being tried and the job is not dead.
"""


WHILE_SUSPENDED = {"post_export"}
"""What a tenant that is suspended may still have done: it changes nothing that the tenant has."""


def test_every_route_has_a_case():
    assert set(CASES) == set(OPERATIONS) - PUBLIC_ROUTES


@pytest.fixture
async def things(api):
    """What acme owns, by the names of path parameters."""
    for path, body in (
        ("/v1/catalogue/batches", {"plugins": [PLUGIN]}),
        ("/v1/targets/batches", {"targets": [TARGET]}),
        ("/v1/observations/installations", {"observations": [OBSERVATION]}),
        ("/v1/advisories/batches", {"advisories": [ADVISORY]}),
    ):
        assert (await api.acme.post(path, json=body)).json()["rejected"] == 0
    headers = {"Content-Type": "application/x-ndjson", "Idempotency-Key": f"{MARK}-batch"}
    sent = await api.acme.post("/v1/usage/batches", content=json.dumps(USE), headers=headers)
    assert sent.json()["accepted"] == 1, sent.text
    token = (await api.acme.post("/v1/tokens", json={"name": MARK, "role": "viewer"})).json()
    job = (await api.acme.post("/v1/jobs", json={"kind": "usage.compact", "payload": {}})).json()
    person = {"email": f"{MARK}@acme.example", "display_name": MARK, "role": "viewer"}
    user = (await api.acme.post("/v1/users", json={**person, "password": "correct horse battery"})).json()
    signed_in = await session_of(api, person["email"])
    await api.acme.put("/v1/teams/shared", json={"display_name": MARK})
    publisher = (await api.acme.post("/v1/trusted-publishers", json=PUBLISHER)).json()
    grant = (await api.acme.post("/v1/namespace-grants", json={"namespace": MARK, "user_id": user["id"]})).json()
    tenant = (await api.acme.get("/v1/me")).json()["tenant"]["id"]
    plugin = (await api.acme.get(f"/v1/plugins/{MARK}:own")).json()["id"]
    target = (await api.acme.get(f"/v1/targets/{MARK}-target")).json()["id"]
    third, _ = await api.tenant("initech")
    shared = await api.acme.post(f"/v1/plugins/{plugin}/grants", json={"tenants": [third["id"]]})
    rows = insight_rows(tenant, plugin, target, reason=MARK)
    sets = {kind: await publish(api.service, kind, rows[kind]) for kind in rows}
    await api.acme.put("/v1/automation/rules", content=RULES, headers=YAML)
    await api.acme.put("/v1/automation/switches/rule:other", json={"reason": MARK})
    await api.acme.put("/v1/automation/signing-keys/shared", json={})
    await api.acme.put("/v1/automation/contacts/shared", json={"addresses": [f"{MARK}@acme.example"]})
    high = {"metric": "load", "value": 2, "at": NOW, "labels": {"tenant": tenant, "of": MARK}}
    tick = {"id": str(uuid4()), "at": NOW, "samples": [high]}
    [plan] = (await api.service.post("/v1/automation/ticks", json=tick)).json()["plans"]
    hook = (await api.acme.post("/v1/webhooks", json={"url": f"https://93.184.216.34/{MARK}"})).json()
    ping = (await api.acme.post(f"/v1/webhooks/{hook['id']}/ping")).json()
    export = (await api.acme.post(f"/v1/tenants/{tenant}/exports")).json()
    await run_exports(api)
    return {
        "webhook_id": hook["id"],
        "delivery_id": ping["id"],
        "export_id": export["id"],
        "name": MARK,
        "scope": "rule:other",
        "key": "shared",
        "team": "shared",
        "plan_id": plan["id"],
        "kind": "risk",
        "set_id": sets["risk"],
        "plugin": plugin,
        "version": "1.0.0",
        "target": target,
        "batch_id": f"{MARK}-batch",
        "token_id": token["id"],
        "user_id": user["id"],
        "grant_id": grant["id"],
        "plugin_grant_id": shared.json()["items"][0]["id"],
        "publisher_id": publisher["id"],
        "session_id": signed_in["id"],
        "job_id": job["id"],
        "tenant": tenant,
        "feed": "plugins",
        "segment_id": tenant,
    }


async def run_exports(api):
    """Only the exports: other jobs are named by the routes."""
    handlers = {"tenancy.export": HANDLERS["tenancy.export"]}
    await Worker(api.app.state.database, api.app.state.storage, api.settings, handlers).drain()


async def session_of(api, email):
    """A person's open session."""
    opened = await api.nobody.post("/v1/sessions", json={"email": email, "password": "correct horse battery"})
    [session] = (await api.client(opened.json()["token"]).get("/v1/sessions")).json()["items"]
    return session


async def call(caller, name, things, body=None):
    method, path, operation = OPERATIONS[name]
    case = CASES[name]
    body = case.body if body is None else body
    headers = {"Idempotency-Key": case.key} if case.key else {}
    url = (path + case.query).format(**things)
    if "if-match" in {parameter["name"].lower() for parameter in operation.get("parameters", ())}:
        tag = (await caller.get(url)).headers.get("etag")
        headers |= {"If-Match": tag} if tag else {}
    if case.yaml:
        return await caller.request(method, url, content=body, headers=headers | YAML)
    if case.ndjson:
        headers["Content-Type"] = "application/x-ndjson"
        return await caller.request(method, url, content=json.dumps(body), headers=headers)
    return await caller.request(method, url, json=body, headers=headers)


async def test_nobody_gets_in_anywhere(api, things):
    for name in CASES:
        answer = await call(api.nobody, name, things)
        assert (answer.status_code, name) == (401, name)


async def test_another_tenant_sees_and_touches_nothing(api, things):
    before = await rows_of(api, things["tenant"])
    assert {table for table, rows in before.items() if rows} >= OWNED
    for name, case in CASES.items():
        answer = await call(api.globex, name, things, body=without_owner(case.body))
        assert answer.status_code < 500, (name, answer.text)
        assert MARK not in answer.text.replace(f"{MARK}-batch", "") or answer.status_code == 404, (name, answer.text)
        if case.platform:
            assert (answer.status_code, name) == (403, name)
        elif case.foreign is not None:
            assert (answer.status_code, name) == (case.foreign, name), answer.text
        elif OPERATIONS[name][0] == "get":
            assert answer.status_code == 200, (name, answer.text)
    after = await rows_of(api, things["tenant"])
    for table, rows in before.items():
        assert after[table] == rows, table
    assert (await api.acme.get("/v1/audit/verify")).json()["valid"]


def without_owner(body):
    """The same body with names of the caller's own, so that what comes back in the answer is not what it sent."""
    return json.loads(json.dumps(body).replace(MARK, "other"))


async def test_the_owner_gets_everywhere_the_platform_aside(api, things):
    for name in sorted(CASES, key=lambda name: name in CLOSING):
        case = CASES[name]
        answer = await call(api.acme, name, things)
        if case.platform:
            assert (answer.status_code, name) == (403, name)
        else:
            assert answer.is_success or answer.status_code == NOT_SO.get(name), (name, answer.text)


async def test_a_suspended_tenant_reads_everything_and_writes_nothing(api, things):
    await api.operator.patch(f"/v1/tenants/{things['tenant']}", json={"status": "suspended"}, headers=ANY)
    for name, case in CASES.items():
        method = OPERATIONS[name][0]
        answer = await call(api.acme, name, things)
        if case.platform:
            assert (answer.status_code, name) == (403, name)
        elif method == "get":
            assert answer.status_code == 200, (name, answer.text)
        elif name in WHILE_SUSPENDED:
            assert answer.is_success, (name, answer.text)
        elif name not in ("delete_session", "rotate_session", "delete_own_session"):
            assert (answer.status_code, name) == (403, name)
            assert answer.json()["type"].endswith("tenant_suspended"), name
