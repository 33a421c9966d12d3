"""The routes of grants: who may call them, with what, and what they answer."""

from datetime import timedelta
from uuid import uuid4

import pytest

from patchbay.core.clock import utcnow
from tests.registry_api.catalog.sharing.support import CANARY, PLUGIN, REF, tenant_of

GRANTS = f"/v1/plugins/{REF}/grants"


async def test_unknown_tenants_and_those_that_cannot_be_given_anything_are_answered_alike_and_nobody_is_given_anything(
    scene,
):
    api = scene.api
    gone, _ = await api.tenant("gone")
    assert (await api.operator.delete("/v1/tenants/gone")).status_code == 202
    nobody = str(uuid4())
    told = set()
    for id in (nobody, gone["id"], scene.ids["acme"], await tenant_of(api.operator)):
        answer = await api.acme.post(GRANTS, json={"tenants": [scene.ids["globex"], id]})
        assert answer.status_code == 404
        told.add(answer.json()["detail"].replace(id, "ID"))
    assert len(told) == 1
    # A slug could be guessed, so none is taken.
    assert (await api.acme.post(GRANTS, json={"tenants": ["globex"]})).status_code == 400
    assert (await api.acme.get(GRANTS)).json()["items"] == []
    assert (await api.globex.get("/v1/received-grants")).json()["items"] == []


async def test_several_tenants_are_given_at_once_or_none_and_a_key_makes_it_once(scene):
    both = {"tenants": [scene.ids["globex"], scene.ids["initech"], scene.ids["globex"]], "scope": "install"}
    for _ in range(2):
        answer = await scene.api.acme.post(GRANTS, json=both, headers={"Idempotency-Key": "once"})
        assert (answer.status_code, len(answer.json()["items"])) == (201, 2)
    again = await scene.api.acme.post(GRANTS, json=both)
    assert (again.status_code, again.json()["type"].rsplit("/")[-1]) == (409, "grant_exists")
    assert len((await scene.api.acme.get(GRANTS)).json()["items"]) == 2
    assert (await scene.third.get(f"/v1/plugins/{REF}")).status_code == 200


@pytest.mark.parametrize("visibility", ["private", "public"])
async def test_only_what_is_shared_can_be_granted(scene, visibility):
    await scene.show(visibility)
    answer = await scene.api.acme.post(GRANTS, json={"tenants": [scene.ids["globex"]]})
    assert (answer.status_code, answer.json()["type"].rsplit("/")[-1]) == (409, "plugin_not_shared")


async def test_a_grant_is_changed_against_its_etag_and_not_after_its_end(scene):
    api, grant = scene.api, await scene.give()
    path = f"{GRANTS}/{grant['id']}"
    tag = (await api.acme.get(path)).headers["etag"]
    assert (await api.acme.patch(path, json={"scope": "install"})).status_code == 428
    changed = await api.acme.patch(path, json={"scope": "install"}, headers={"If-Match": tag})
    assert (changed.status_code, changed.json()["scope"]) == (200, "install")
    assert (await api.acme.patch(path, json={"scope": "read"}, headers={"If-Match": tag})).status_code == 412
    past = {"expires_at": (utcnow() - timedelta(seconds=1)).isoformat()}
    for body, status in ((past, 400), ({"scope": None}, 422), ({"scope": "own"}, 400), ({}, 200)):
        assert (await api.acme.patch(path, json=body, headers={"If-Match": "*"})).status_code == status, body
    for _ in range(2):
        await scene.revoke(grant)
    ended = await api.acme.patch(path, json={"scope": "read"}, headers={"If-Match": "*"})
    assert (ended.status_code, ended.json()["type"].rsplit("/")[-1]) == (409, "grant_ended")
    assert (await scene.give())["id"] != grant["id"]
    states = [one["state"] for one in (await api.acme.get(GRANTS)).json()["items"]]
    assert states == ["in_force", "revoked"]
    assert len((await api.acme.get("/v1/audit?action=grant.ended")).json()["items"]) == 1


async def test_a_grantee_sees_what_it_was_given_and_may_decline_it_and_nobody_else_may(scene):
    api, grant = scene.api, await scene.give(scope="install")
    [received] = (await api.globex.get("/v1/received-grants")).json()["items"]
    assert (received["plugin"], received["owner"]["slug"], received["scope"]) == (REF, "acme", "install")
    assert "given_by" not in received
    decline = f"/v1/received-grants/{grant['id']}"
    for caller in (api.acme, scene.third):
        assert (await caller.delete(decline)).status_code == 404
        assert (await caller.get("/v1/received-grants")).json()["items"] == []
    reader = api.client(await api.token(api.globex, role="viewer"))
    assert (await reader.get("/v1/received-grants")).status_code == 200
    assert (await reader.delete(decline)).status_code == 403
    assert (await api.globex.delete(decline)).status_code == 204
    assert not await scene.sees(api.globex)
    assert [one["state"] for one in (await api.acme.get(GRANTS)).json()["items"]] == ["declined"]
    [record] = (await api.acme.get("/v1/audit?action=grant.ended")).json()["items"]
    assert record["actor"] == f"tenant:{scene.ids['globex']}"


@pytest.mark.parametrize("role", ["author", "operator", "reviewer_security"])
async def test_to_share_is_a_matter_for_administrators_whatever_else_somebody_may_do_with_the_plugin(scene, role):
    api, grant = scene.api, await scene.give()
    caller = api.client(await api.token(api.acme, role=role))
    calls = (
        ("get", ""),
        ("post", ""),
        ("get", f"/{grant['id']}"),
        ("patch", f"/{grant['id']}"),
        ("delete", f"/{grant['id']}"),
    )
    for method, below in calls:
        body = {"post": {"tenants": [scene.ids["initech"]]}, "patch": {"scope": "install"}}.get(method)
        answer = await caller.request(method, GRANTS + below, json=body, headers={"If-Match": "*"})
        assert answer.status_code == 403, (method, below)
    # A token bound to the namespace can change the plugin, and cannot be made to share it.
    bound = {"name": "bound", "scopes": ["catalog:share"], "namespaces": [CANARY]}
    assert not (await api.acme.post("/v1/tokens", json=bound)).is_success


async def test_grants_are_of_one_plugin_and_pages_hold_all_of_them(scene):
    api, grant = scene.api, await scene.give()
    other = {**PLUGIN, "name": "other", "releases": []}
    assert (await api.acme.post("/v1/plugins", json=other)).status_code == 201
    assert (await api.acme.get(f"/v1/plugins/{CANARY}:other/grants/{grant['id']}")).status_code == 404
    for _ in range(2):
        await scene.revoke((await api.acme.get(GRANTS)).json()["items"][0])
        await scene.give()
    seen, cursor = [], ""
    while cursor is not None:
        page = (await api.acme.get(f"{GRANTS}?limit=2{cursor}")).json()
        seen += [one["id"] for one in page["items"]]
        cursor = page["next"] and f"&cursor={page['next']}"
    assert len(seen) == len(set(seen)) == 3
