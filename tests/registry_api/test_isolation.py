"""Every route of the API document, tried as owner, other tenant, nobody and suspended tenant. A route without a case fails."""

import json
from dataclasses import dataclass
from typing import Any

import pytest

from patchbay.core.clock import utcnow
from registry_api.routers import PUBLIC_ROUTES
from tests.registry_api.insights_data import insight_rows, publish
from tests.registry_api.test_document import OPERATIONS

MARK = "zebra"
"""Stands in every name the owner chooses; it must not be found in any answer to anybody else."""

NOW = utcnow().isoformat()
PLUGIN = {"namespace": MARK, "name": "own", "visibility": "private", "releases": [{"version": "1.0.0"}]}
TARGET = {"name": f"{MARK}-target", "environment": "dev", "kind": "test"}
OBSERVATION = {
    "target": f"{MARK}-target",
    "plugin": f"{MARK}:own",
    "event": "added",
    "version": "1.0.0",
    "source": MARK,
    "occurred_at": NOW,
}
ADVISORY = {
    "external_id": f"{MARK}-1",
    "subject_kind": "plugin",
    "subject_ref": f"{MARK}:own",
    "summary": MARK,
    "ranges": [{"last_version": "1.0.0"}],
}
USE = {
    "id": f"{MARK}-event",
    "type": "use",
    "at": NOW,
    "plugin": f"{MARK}:own",
    "target": f"{MARK}-target",
    "person": MARK,
}
STATISTIC = {
    "plugin": f"{MARK}:own",
    "period": "2026-01-01",
    "grain": "month",
    "metric": "installs",
    "count": 1,
    "source": MARK,
}


@dataclass(frozen=True)
class Case:
    """How to call a route; `{…}` in path and query are filled with the owner's things.

    `foreign` is what another tenant gets when it names them: 404 where they are named in the path, else its own empty view.
    """

    body: Any = None
    ndjson: bool = False
    query: str = ""
    key: str | None = None
    foreign: int | None = None
    platform: bool = False


CASES = {
    "delete_session": Case(foreign=404),
    "get_me": Case(),
    "create_token": Case({"name": "new", "role": "viewer"}),
    "list_tokens": Case(),
    "delete_token": Case(foreign=404),
    "create_user": Case({"email": "new@other.example", "display_name": "New", "role": "viewer"}),
    "list_users": Case(),
    "create_tenant": Case({"slug": "new", "name": "New"}, platform=True),
    "list_tenants": Case(),
    "get_tenant": Case(foreign=404),
    "update_tenant": Case({"name": "New"}, platform=True),
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
    "post_catalogue_batch": Case({"plugins": [PLUGIN]}),
    "post_advisories_batch": Case({"advisories": [ADVISORY]}),
    "post_targets_batch": Case({"targets": [TARGET]}),
    "list_targets": Case(),
    "read_target": Case(foreign=404),
    "list_installed_plugins": Case(foreign=404),
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
    "list_audit_records": Case(),
    "verify_audit_log": Case(),
    "get_status": Case(platform=True),
}
CLOSING = ("delete_token", "delete_plugin", "delete_session", "cancel_job")
"""Called last: they take away what other routes name."""


NOT_SO = {"delete_plugin": 409, "delete_session": 404}
"""What even the owner is refused here: the plugin is in use, and an API token is no session."""


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
    await api.acme.post("/v1/users", json={"email": f"{MARK}@acme.example", "display_name": MARK, "role": "viewer"})
    tenant = (await api.acme.get("/v1/me")).json()["tenant"]["id"]
    plugin = (await api.acme.get(f"/v1/plugins/{MARK}:own")).json()["id"]
    target = (await api.acme.get(f"/v1/targets/{MARK}-target")).json()["id"]
    rows = insight_rows(tenant, plugin, target, reason=MARK)
    sets = {kind: await publish(api.service, kind, rows[kind]) for kind in rows}
    return {
        "kind": "risk",
        "set_id": sets["risk"],
        "plugin": plugin,
        "version": "1.0.0",
        "target": target,
        "batch_id": f"{MARK}-batch",
        "token_id": token["id"],
        "job_id": job["id"],
        "tenant": tenant,
        "feed": "plugins",
        "segment_id": tenant,
    }


async def call(caller, name, things, body=None):
    method, path, _ = OPERATIONS[name]
    case = CASES[name]
    body = case.body if body is None else body
    headers = {"Idempotency-Key": case.key} if case.key else {}
    url = (path + case.query).format(**things)
    if method == "patch" and name != "update_tenant":
        headers["If-Match"] = (await caller.get(url)).headers.get("etag", '"1"')
    if case.ndjson:
        headers["Content-Type"] = "application/x-ndjson"
        return await caller.request(method, url, content=json.dumps(body), headers=headers)
    return await caller.request(method, url, json=body, headers=headers)


async def test_nobody_gets_in_anywhere(api, things):
    for name in CASES:
        answer = await call(api.nobody, name, things)
        assert (answer.status_code, name) == (401, name)


async def test_another_tenant_sees_and_touches_nothing(api, things):
    for name, case in CASES.items():
        answer = await call(api.globex, name, things, body=without_owner(case.body))
        assert MARK not in answer.text.replace(f"{MARK}-batch", "") or answer.status_code == 404, (name, answer.text)
        if case.platform:
            assert (answer.status_code, name) == (403, name)
        elif case.foreign is not None:
            assert (answer.status_code, name) == (case.foreign, name), answer.text
    assert (await api.acme.get(f"/v1/plugins/{things['plugin']}")).json()["summary"] is None
    assert (await api.acme.get(f"/v1/jobs/{things['job_id']}")).json()["state"] == "queued"
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
    await api.operator.patch(f"/v1/tenants/{things['tenant']}", json={"status": "suspended"})
    for name, case in CASES.items():
        method = OPERATIONS[name][0]
        answer = await call(api.acme, name, things)
        if case.platform:
            assert (answer.status_code, name) == (403, name)
        elif method == "get":
            assert answer.status_code == 200, (name, answer.text)
        elif name != "delete_session":
            assert (answer.status_code, name) == (403, name)
            assert answer.json()["type"].endswith("tenant_suspended"), name
