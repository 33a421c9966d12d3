"""Who sees a shared plugin, and until when."""

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select, text

from patchbay.core.clock import utcnow
from registry_api.catalog.models import Advisory, Plugin, PluginLabel, PluginMaintainer, Release
from registry_api.catalog.repository import Catalogue
from registry_api.db import Scope
from registry_api.feeds.models import OutboxRow
from registry_api.insights.models import InsightRow
from tests.registry_api.catalog.sharing.support import CANARY, REF, tenant_of
from tests.registry_api.conftest import ANY


async def test_a_grantee_sees_the_plugin_in_every_route_as_long_as_the_grant_counts_and_a_third_tenant_never(scene):
    api = scene.api
    assert not await scene.sees(api.globex)
    grant = await scene.give()
    assert (grant["state"], grant["grantee"]["slug"], grant["owner"]["slug"]) == ("in_force", "globex", "acme")
    assert await scene.sees(api.globex)
    assert (await api.globex.get(f"/v1/plugins/{scene.plugin}/risk")).json()["score"] == 80
    assert not await scene.sees(scene.third)

    await scene.show("private")
    assert not await scene.sees(api.globex)
    await scene.show("shared")
    assert await scene.sees(api.globex)

    await scene.lapse(grant)
    assert not await scene.sees(api.globex)
    grants = f"/v1/plugins/{REF}/grants/{grant['id']}"
    await scene.change(api.acme, grants, {"expires_at": (utcnow() + timedelta(hours=1)).isoformat()})
    assert await scene.sees(api.globex)

    await scene.revoke(grant)
    assert not await scene.sees(api.globex)
    for path in (f"/v1/plugins/{scene.plugin}/risk", f"/v1/anomalies?plugin={scene.plugin}"):
        assert (await api.globex.get(path)).status_code == 404
    assert (await api.acme.get(grants)).json()["state"] == "revoked"
    assert not await scene.sees(scene.third)


async def test_an_answer_that_is_kept_ends_with_the_grant_it_rests_on(scene):
    api, plugin = scene.api, f"/v1/plugins/{scene.plugin}"
    expires_at = utcnow() + timedelta(seconds=2)
    await scene.give(expires_at=expires_at.isoformat())
    assert [(await api.globex.get(plugin)).status_code for _ in range(2)] == [200, 200]
    assert 'patchbay_document_cache_total{outcome="hit"}' in (await api.nobody.get("/metrics")).text
    await asyncio.sleep((expires_at - utcnow()).total_seconds() + 0.01)
    assert (await api.globex.get(plugin)).status_code == 404


async def test_a_grantee_may_look_and_not_touch_and_needs_no_quota_for_it(scene):
    api = scene.api
    await api.operator.patch("/v1/tenants/globex", json={"quotas": {"plugins": 0, "releases": 0}}, headers=ANY)
    await scene.give(scope="install")
    writes = (
        ("patch", f"/v1/plugins/{scene.plugin}", {"summary": "mine"}),
        ("post", f"/v1/plugins/{scene.plugin}/releases", {"version": "2.0.0"}),
        ("delete", f"/v1/plugins/{scene.plugin}", None),
        ("post", f"/v1/plugins/{scene.plugin}/grants", {"tenants": [scene.ids["initech"]]}),
        ("get", f"/v1/plugins/{scene.plugin}/grants", None),
    )
    for method, path, body in writes:
        answer = await api.globex.request(method, path, json=body, headers={"If-Match": "*"})
        assert answer.status_code == 404, (method, path, answer.text)
    quotas = {one["quota"]: one["used"] for one in (await api.globex.get("/v1/tenants/globex/usage")).json()["quotas"]}
    assert (quotas["plugins"], quotas["releases"]) == (0, 0)


async def test_a_plugin_of_ones_own_or_of_the_operator_comes_before_a_shared_one_of_the_same_ref(scene):
    api = scene.api
    same = {"namespace": CANARY, "name": "own", "releases": [{"version": "9.0.0"}]}
    assert (await scene.third.post("/v1/plugins", json={**same, "visibility": "shared"})).status_code == 201
    await scene.give(scope="install")
    given = {"tenants": [scene.ids["globex"]], "scope": "install"}
    assert (await scene.third.post(f"/v1/plugins/{REF}/grants", json=given)).status_code == 201

    async def meant():
        found = (await api.globex.get(f"/v1/plugins/{REF}")).json()["id"]
        assert (await scene.use(api.globex, f"use-{found}"))["accepted"] == 1
        counted = (await api.globex.get(f"/v1/usage/counters?plugin={found}")).json()["items"]
        assert [row["plugin_id"] for row in counted] == [found]
        return found

    assert await meant() == scene.plugin  # who shared first is not pushed aside
    operators = (await api.operator.post("/v1/plugins", json={**same, "visibility": "public"})).json()["id"]
    assert await meant() == operators
    own = (await api.globex.post("/v1/plugins", json={**same, "visibility": "private"})).json()["id"]
    assert await meant() == own


async def test_reads_while_a_grant_is_revoked_answer_whole_or_not_at_all_and_afterwards_never(scene):
    grant = await scene.give()
    path = f"/v1/plugins/{scene.plugin}"

    async def read():
        return (await scene.api.globex.get(path)).status_code

    done = asyncio.create_task(scene.revoke(grant))
    seen = [await read() for _ in range(10)]
    await done
    assert set(seen) <= {200, 404} and seen == sorted(seen)
    assert await read() == 404


async def test_the_next_change_by_time_alone_is_told_to_both_sides(scene):
    soon = (utcnow() + timedelta(hours=2)).replace(microsecond=0)
    assert await next_change(scene, "globex") is None
    await scene.give(expires_at=soon.isoformat())
    assert [await next_change(scene, slug) for slug in ("acme", "globex", "initech")] == [soon, soon, None]


async def next_change(scene, slug):
    scope = await scope_of(scene, slug)
    async with scene.api.app.state.database.reading(scope) as session:
        return await Catalogue(session, scope).next_change(utcnow())


async def scope_of(scene, slug):
    return Scope(UUID(scene.ids[slug]), UUID(await tenant_of(scene.api.operator)))


async def test_on_postgresql_a_query_without_any_filter_finds_what_is_granted_at_that_moment(scene):
    if not scene.api.is_postgres:
        pytest.skip("SQLite has no row-level security")
    texts = (Plugin.ref, PluginLabel.label, PluginMaintainer.handle, Release.version, Advisory.summary, InsightRow.body)

    async def found(slug):
        async with scene.api.app.state.database.reading(await scope_of(scene, slug)) as session:
            rows = [len((await session.execute(select(column))).all()) for column in texts]
            rows.append((await session.execute(select(OutboxRow.line).where(text("line LIKE '%okapi%'")))).all() != [])
        return rows

    nothing, everything = [0] * len(texts) + [False], [1] * len(texts) + [True]
    grant = await scene.give()
    assert (await found("globex"), await found("initech")) == (everything, nothing)
    await scene.show("private")
    assert await found("globex") == nothing
    await scene.show("shared")
    await scene.lapse(grant)
    assert await found("globex") == nothing
