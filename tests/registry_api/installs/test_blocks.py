"""Blocks of releases: what may be installed anew, and who says so."""

from uuid import UUID

import pytest

from registry_api.db import UnitOfWork, system_principal
from registry_api.installs.blocks import block_release

VERSIONS = ("1.0.0", "1.1.0", "2.0.0")


@pytest.fixture
async def plugins(api):
    """The operator's public plugin and acme's private one, and a target of acme and of globex."""
    for caller, ref, visibility in ((api.operator, "open", "public"), (api.acme, "own", "private")):
        releases = [{"version": version} for version in VERSIONS]
        document = {"namespace": "test", "name": ref, "visibility": visibility, "releases": releases}
        assert (await caller.post("/v1/plugins", json=document)).status_code == 201
    for caller in (api.acme, api.globex):
        targets = [{"name": "ci", "environment": "dev", "kind": "test"}]
        await caller.post("/v1/targets/batches", json={"targets": targets})


async def ask(caller, plugin="test:open", version=None):
    answer = await caller.post("/v1/targets/ci/install-checks", json={"plugin": plugin, "version": version})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def release(caller, plugin="test:open", version="2.0.0"):
    return (await caller.get(f"/v1/plugins/{plugin}/releases/{version}")).json()


async def block(api, caller, plugin="test:open", version="2.0.0", reason="It fails"):
    """Block a release in the caller's tenant, as a plan does; whether that was new."""
    mine = (await caller.get("/v1/me")).json()["tenant"]["id"]
    operator = (await api.operator.get("/v1/me")).json()["tenant"]["id"]
    wanted = (await release(caller, plugin, version))["id"]
    async with api.app.state.database.writing() as session:
        work = UnitOfWork(session, system_principal(UUID(mine), UUID(operator)))
        is_new = await block_release(work, UUID(wanted), reason)
        await work.commit()
    return is_new


def lift(caller, plugin="test:open", version="2.0.0"):
    return caller.delete(f"/v1/plugins/{plugin}/releases/{version}/block")


async def test_without_a_version_the_newest_that_may_be_installed_is_named(api, plugins):
    assert await ask(api.acme) == {"allowed": True, "version": "2.0.0", "reason": None, "instead": None}
    await block(api, api.operator)
    assert await ask(api.acme) == {"allowed": True, "version": "1.1.0", "reason": None, "instead": None}


async def test_a_blocked_release_is_refused_with_its_reason_and_another_instead(api, plugins):
    await block(api, api.operator)
    answer = await ask(api.acme, version="2.0.0")
    assert (answer["allowed"], answer["version"], answer["instead"]) == (False, "2.0.0", "1.1.0")
    assert "It fails" in answer["reason"]
    assert (await ask(api.acme, version="1.0.0"))["allowed"]


async def test_unknown_and_yanked_releases_are_refused(api, plugins):
    document = {"namespace": "test", "name": "open", "releases": [{"version": "1.1.0", "yanked": True}]}
    sent = (await api.operator.post("/v1/catalogue/batches", json={"plugins": [document]})).json()
    assert sent["rejected"] == 0, sent
    assert "yanked" in (await ask(api.acme, version="1.1.0"))["reason"]
    assert "no release 9.9.9" in (await ask(api.acme, version="9.9.9"))["reason"]


async def test_nothing_may_be_installed_of_a_plugin_without_a_free_release(api, plugins):
    for version in VERSIONS:
        await block(api, api.operator, version=version)
    answer = await ask(api.acme)
    assert (answer["allowed"], answer["version"], answer["instead"]) == (False, None, None)


async def test_a_release_shows_its_block_until_it_is_lifted(api, plugins):
    assert (await release(api.acme))["blocked"] is None
    await block(api, api.operator)
    shown = (await release(api.acme))["blocked"]
    assert shown["reason"] == "It fails"
    listed = (await api.acme.get("/v1/plugins/test:open/releases")).json()["items"]
    assert [item["blocked"] for item in listed] == [shown, None, None]
    assert (await lift(api.operator)).status_code == 204
    assert (await release(api.acme))["blocked"] is None
    assert (await ask(api.acme))["version"] == "2.0.0"


async def test_a_tenants_block_holds_for_that_tenant_only(api, plugins):
    await block(api, api.acme, reason="Not here")
    assert not (await ask(api.acme, version="2.0.0"))["allowed"]
    assert (await ask(api.globex, version="2.0.0"))["allowed"]
    assert (await release(api.globex))["blocked"] is None
    assert (await lift(api.globex)).status_code == 404
    assert not (await ask(api.acme, version="2.0.0"))["allowed"]


async def test_a_tenant_cannot_lift_the_operators_block(api, plugins):
    await block(api, api.operator)
    answer = await lift(api.acme)
    assert answer.status_code == 404
    assert "only the operator" in answer.json()["detail"]
    assert not (await ask(api.acme, version="2.0.0"))["allowed"]


async def test_the_same_block_again_changes_nothing_and_a_lifted_one_may_come_again(api, plugins):
    assert await block(api, api.acme, "test:own")
    assert not await block(api, api.acme, "test:own", reason="Another")
    assert (await release(api.acme, "test:own"))["blocked"]["reason"] == "It fails"
    await lift(api.acme, "test:own")
    assert await block(api, api.acme, "test:own", reason="Once more")
    actions = [record["action"] for record in (await api.acme.get("/v1/audit")).json()["items"]]
    assert sorted(a for a in actions if a.startswith(("release.b", "release.u"))) == [
        "release.blocked",
        "release.blocked",
        "release.unblocked",
    ]


async def test_a_plugin_with_a_blocked_release_can_be_deleted(api, plugins):
    await block(api, api.acme, "test:own")
    assert (await api.acme.delete("/v1/plugins/test:own")).status_code == 204


async def test_who_only_reads_may_ask_but_not_lift(api, plugins):
    await block(api, api.acme)
    viewer = api.client(await api.token(api.acme, role="viewer"))
    assert not (await ask(viewer, version="2.0.0"))["allowed"]
    assert (await lift(viewer)).status_code == 403
