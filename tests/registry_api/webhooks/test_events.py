"""Which changes are told, to whom, and that none is forgotten."""

import ast
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from patchbay.core.clock import utcnow
from patchbay.core.contracts import FEEDS
from registry_api.db import Crossing, UnitOfWork, system_principal
from registry_api.installs.blocks import block_release
from registry_api.tenancy.repository import find_operator_id
from registry_api.webhooks.events import EVENTS, OF_ACTIONS, OF_FEEDS, PING, QUIET_FEEDS, event_of_name, is_quiet
from tests.registry_api.conftest import ANY
from tests.registry_api.webhooks.support import deliveries, make, patch, publish

REGISTRY = Path(__file__).parents[3] / "registry_api"
RULES = """automation_rules:
  - name: high
    trigger: {metric: load, threshold: 1}
    action: {type: mail, to: [ops@acme.example]}
    mode: MODE
"""


def audited_actions():
    """First arguments of every `.audit(…)`: literals, and f-strings with * for what is filled in."""
    for path in REGISTRY.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "audit":
                yield from named(node.args[0])


def named(action):
    if isinstance(action, ast.Constant):
        yield action.value
    elif isinstance(action, ast.JoinedStr):
        yield "".join(part.value if isinstance(part, ast.Constant) else "*" for part in action.values)
    elif isinstance(action, ast.IfExp):
        yield from named(action.body)
        yield from named(action.orelse)


def test_every_audit_action_is_told_or_known_to_be_quiet():
    actions = set(audited_actions())
    assert {"token.created", "plugin.deleted", "*.batch_accepted"} <= actions
    assert [action for action in sorted(actions) if action not in OF_ACTIONS and not is_quiet(action)] == []


def test_every_feed_is_told_or_known_to_be_quiet():
    assert {feed for feed, _ in OF_FEEDS} | QUIET_FEEDS == set(FEEDS)


def test_whatever_is_told_is_in_the_closed_list():
    assert {*OF_FEEDS.values(), *OF_ACTIONS.values(), PING} <= set(EVENTS)
    with pytest.raises(ValueError, match="no type of event"):
        event_of_name("plugin.exploded")


async def test_the_closed_list_is_answered(api):
    listed = (await api.acme.get("/v1/webhook-events")).json()["items"]
    assert {one["type"]: one["description"] for one in listed} == EVENTS


async def everything(api):
    """Whatever acme can do that is told, once."""
    acme = api.acme
    own = await publish(acme, "own", releases=[{"version": "1.0.0"}])
    etag = (await acme.get("/v1/plugins/test:own")).headers["etag"]
    await acme.patch("/v1/plugins/test:own", json={"title": "New"}, headers={"If-Match": etag})
    for release in ({"digest": "sha256:" + "0" * 64}, {"yanked": True}, {"yanked": False}):
        answer = await acme.post("/v1/plugins/test:own/releases", json={"version": "1.0.0", **release})
        assert answer.status_code == 200, answer.text
    advisory = {"external_id": "A-1", "subject_kind": "plugin", "subject_ref": "test:own", "ranges": [{}]}
    advisory["ranges"] = [{"last_version": "1.0.0"}]
    for summary in ("first", "second"):
        await acme.post("/v1/advisories/batches", json={"advisories": [{**advisory, "summary": summary}]})
    for kind in ("one", "other"):
        targets = [{"name": "t1", "environment": "dev", "kind": kind}]
        await acme.post("/v1/targets/batches", json={"targets": targets})
    await publish(acme, "gone")
    assert (await acme.delete("/v1/plugins/test:gone")).status_code == 204
    seen = {"target": "t1", "plugin": "test:own", "event": "added", "version": "1.0.0", "source": "s"}
    observation = {**seen, "occurred_at": utcnow().isoformat()}
    await acme.post("/v1/observations/installations", json={"observations": [observation]})
    token = (await acme.post("/v1/tokens", json={"name": "t", "role": "viewer"})).json()
    await acme.post(f"/v1/tokens/{token['id']}/rotate", json={})
    await acme.delete(f"/v1/tokens/{token['id']}")
    person = {"email": "a@acme.example", "display_name": "A", "role": "viewer"}
    user = (await acme.post("/v1/users", json=person)).json()
    await acme.patch(f"/v1/users/{user['id']}", json={"role": "author"}, headers=ANY)
    await acme.delete(f"/v1/users/{user['id']}")
    await acme.put("/v1/automation/switches/tenant", json={"reason": "a drill"})
    await acme.delete("/v1/automation/switches/tenant")
    tenant = (await acme.get("/v1/me")).json()["tenant"]["id"]
    await api.operator.patch(f"/v1/tenants/{tenant}", json={"name": "Acme again"}, headers=ANY)
    yaml = {"Content-Type": "application/yaml"}
    await acme.put("/v1/automation/rules", content=RULES.replace("MODE", "approve"), headers=yaml)
    sample = {"metric": "load", "value": 2, "at": utcnow().isoformat(), "labels": {"tenant": tenant}}
    tick = {"id": str(uuid4()), "at": utcnow().isoformat(), "samples": [sample]}
    [plan] = (await api.service.post("/v1/automation/ticks", json=tick)).json()["plans"]
    await acme.post(f"/v1/automation/plans/{plan['id']}/cancel", json={"reason": "enough"})
    return own


async def test_everything_that_happens_is_told_once_with_what_happened(api, hook, types_of):
    made = await make(api.acme, hook.url)
    own = await everything(api)
    await api.drain_jobs()
    once = ["plugin.updated", "plugin.deleted", "release.published", "release.updated", "release.yanked"]
    once += ["release.restored", "advisory.published", "advisory.updated", "target.created", "target.updated"]
    once += ["installation.observed", "token.created", "token.revoked", "member.added", "automation.stopped"]
    once += ["token.rotated", "member.updated", "member.erased"]
    once += ["automation.resumed", "tenant.updated", "rule.changed", "rule.fired", "rule.acted"]
    assert sorted(types_of(hook)) == sorted([*once, "plugin.created", "plugin.created"])
    others = {"token.expiring", "plugin.hidden", "release.blocked", "release.unblocked", "webhook.disabled", PING}
    others |= {"grant.given", "grant.received", "grant.changed", "grant.ended"}
    assert set(types_of(hook)) | others == set(EVENTS)
    events = {event["type"].removeprefix("dev.patchbay."): event for event in map(hook.event, range(len(hook.ids)))}
    assert events["release.published"]["data"]["plugin_id"] == own["id"]
    assert events["release.yanked"]["data"]["yanked"] is True
    assert events["plugin.updated"]["source"] == f"/v1/plugins/{own['id']}"
    assert events["plugin.updated"]["data"]["title"] == "New"
    assert len(set(hook.ids)) == len(hook.ids) == len(await deliveries(api.acme, made, state="delivered"))


async def test_a_filter_lets_through_types_and_prefixes_only(api, hook, types_of):
    await make(api.acme, hook.url, "release.*", "token.created")
    await everything(api)
    await api.drain_jobs()
    assert set(types_of(hook)) == {
        "release.published",
        "release.updated",
        "release.yanked",
        "release.restored",
        "token.created",
    }


async def test_a_change_that_is_rolled_back_tells_nobody(api, hook):
    made = await make(api.acme, hook.url)
    acme = system_principal(made_tenant := await tenant_of(api), await operator_of(api))
    with pytest.raises(ZeroDivisionError):
        async with api.app.state.database.writing() as session:
            work = UnitOfWork(session, acme)
            work.audit("token.created", "token:x", tenant_id=made_tenant)
            await work.session.flush()
            raise ZeroDivisionError
    await publish(api.acme, "kept")
    assert [one["type"] for one in await deliveries(api.acme, made)] == ["plugin.created"]


async def operator_of(api):
    async with api.app.state.database.reading(Crossing.SETUP) as session:
        return await find_operator_id(session)


async def tenant_of(api):
    return UUID((await api.acme.get("/v1/me")).json()["tenant"]["id"])


async def test_others_hear_of_the_operators_plugins_while_these_are_public_and_of_nobody_elses(api, hook, types_of):
    made = await make(api.globex, hook.url)
    await publish(api.operator, "open", visibility="public", releases=[{"version": "1.0.0"}])
    await publish(api.operator, "closed", releases=[{"version": "1.0.0"}])
    await publish(api.acme, "own", visibility="public")
    await api.drain_jobs()
    assert sorted(types_of(hook)) == ["plugin.created", "release.published"]
    assert {hook.event(place)["data"].get("name", "open") for place in range(2)} == {"open"}
    hook.received.clear()
    for visibility in ("private", "public"):
        etag = (await api.operator.get("/v1/plugins/test:open")).headers["etag"]
        headers = {"If-Match": etag}
        await api.operator.patch("/v1/plugins/test:open", json={"visibility": visibility}, headers=headers)
    await api.drain_jobs()
    assert types_of(hook) == ["plugin.hidden", "plugin.updated"]
    assert {one["webhook_id"] for one in await deliveries(api.globex, made)} == {made["id"]}


@pytest.mark.parametrize(
    ("visibility", "told"), [("public", ["release.blocked", "release.unblocked"]), ("private", [])]
)
async def test_the_operators_blocks_are_told_to_all_who_see_the_plugin(api, hook, types_of, visibility, told):
    await make(api.globex, hook.url, "release.blocked", "release.unblocked")
    await publish(api.operator, "one", visibility=visibility, releases=[{"version": "1.0.0"}])
    release = (await api.operator.get("/v1/plugins/test:one/releases/1.0.0")).json()
    operator = await operator_of(api)
    async with api.app.state.database.writing() as session:
        work = UnitOfWork(session, system_principal(operator, operator))
        await block_release(work, UUID(release["id"]), "it fails")
        await work.commit()
    assert (await api.operator.delete("/v1/plugins/test:one/releases/1.0.0/block")).status_code == 204
    await api.drain_jobs()
    assert types_of(hook) == told
    if told:
        data = hook.event()["data"]
        assert (data["plugin"], data["reason"], data["version"]) == (release["plugin_id"], "it fails", "1.0.0")


async def test_a_disabled_webhook_is_told_nothing_and_another_of_the_same_event_under_the_same_id(api, hook, types_of):
    first = await make(api.acme, hook.url)
    await make(api.acme, hook.url)
    await publish(api.acme, "one")
    await api.drain_jobs()
    assert len(hook.ids) == 2 and len(set(hook.ids)) == 1
    assert (await patch(api.acme, first, enabled=False)).status_code == 200
    await publish(api.acme, "two")
    await api.drain_jobs()
    assert len(hook.ids) == 3
