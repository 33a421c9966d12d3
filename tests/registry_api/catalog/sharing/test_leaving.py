"""Grants of tenants that are suspended or deleted."""

import io
import json
import tarfile
from datetime import timedelta
from uuid import UUID

import zstandard
from sqlalchemy import update

from patchbay.core.clock import utcnow
from registry_api.db import Crossing
from registry_api.jobs.models import Job
from registry_api.tenancy.models import Tenant
from tests.registry_api.catalog.sharing.support import CANARY, REF
from tests.registry_api.conftest import ANY


async def erase(scene, slug):
    """Delete a tenant, with its grace period over."""
    assert (await scene.api.operator.delete(f"/v1/tenants/{slug}")).status_code == 202
    past, mine = utcnow() - timedelta(seconds=1), UUID(scene.ids[slug])
    async with scene.api.app.state.database.writing(Crossing.SETUP) as session:
        await session.execute(update(Tenant).where(Tenant.id == mine).values(delete_after=past))
        erasing = (Job.tenant_id == mine, Job.kind == "tenancy.erase")
        await session.execute(update(Job).where(*erasing).values(run_at=past))
        await session.commit()
    await scene.api.drain_jobs()
    tenant = (await scene.api.operator.get(f"/v1/tenants/{scene.ids[slug]}")).json()
    assert tenant["status"] == "deleted", tenant


async def test_a_suspended_grantee_goes_on_reading_and_a_suspended_owner_goes_on_being_read(scene):
    api, grant = scene.api, await scene.give(scope="install")
    for slug in ("globex", "acme"):
        await api.operator.patch(f"/v1/tenants/{slug}", json={"status": "suspended"}, headers=ANY)
        assert await scene.sees(api.globex)
        await api.operator.patch(f"/v1/tenants/{slug}", json={"status": "active"}, headers=ANY)
    await api.operator.patch("/v1/tenants/globex", json={"status": "suspended"}, headers=ANY)
    declined = await api.globex.delete(f"/v1/received-grants/{grant['id']}")
    assert declined.json()["type"].endswith("tenant_suspended")
    await scene.revoke(grant)
    assert not await scene.sees(api.globex)


async def test_an_owner_that_is_deleted_leaves_no_word_of_its_plugins_and_what_others_recorded_stays(scene):
    api = scene.api
    await scene.give(scope="install")
    await scene.give("initech")
    assert (await scene.observe(api.globex))["created"] == 1
    needing = {"namespace": "n", "name": "needing", "visibility": "private"}
    needing["releases"] = [{"version": "1.0.0", "dependencies": [{"ref": REF}]}]
    assert (await scene.third.post("/v1/plugins", json=needing)).status_code == 201
    await erase(scene, "acme")
    assert not await scene.sees(api.globex)
    for caller in (api.globex, scene.third):
        assert (await caller.get(f"/v1/plugins/{scene.plugin}")).status_code == 404
        assert (await caller.get("/v1/audit/verify")).json()["valid"]
        [received] = (await caller.get("/v1/received-grants")).json()["items"]
        assert (received["state"], received["owner"]["name"]) == ("tenant_deleted", "Deleted tenant")
        assert CANARY not in str(received)
    [installed] = (await api.globex.get("/v1/targets/ci/installations")).json()["items"]
    assert (installed["plugin_id"], installed["version"]) == (scene.plugin, "1.0.0")
    assert installed["ref"] == f"deleted:{UUID(scene.plugin).hex}"
    needs = (await scene.third.get("/v1/plugins/n:needing/dependencies")).json()["items"]
    assert needs[0]["dependency_plugin_id"] is None


async def test_a_grantee_that_is_deleted_is_gone_from_the_owners_grants_but_for_its_id(scene):
    api, grant = scene.api, await scene.give(scope="install")
    await scene.observe(api.globex)
    await erase(scene, "globex")
    [left] = (await api.acme.get(f"/v1/plugins/{REF}/grants")).json()["items"]
    assert (left["id"], left["state"], left["grantee"]["name"]) == (grant["id"], "tenant_deleted", "Deleted tenant")
    [record] = (await api.acme.get("/v1/audit?action=grant.ended")).json()["items"]
    assert record["actor"] in ("system", f"tenant:{scene.ids['globex']}")
    assert (await api.acme.delete(f"/v1/plugins/{REF}")).status_code == 204


async def test_the_exports_of_both_sides_hold_the_grant_and_the_owners_alone_holds_the_plugin(scene):
    given = await scene.give()
    await scene.give("initech")
    owners, grantees = [await exported(scene, slug) for slug in ("acme", "globex")]
    assert {row["grantee_id"] for row in owners["plugin_grants"]} == {scene.ids["globex"], scene.ids["initech"]}
    assert all((row["ref"], row["revision"]) == (REF, 1) and row["given_by"] for row in owners["plugin_grants"])
    [received] = grantees["plugin_grants"]
    assert (received["id"], received["ref"], received["tenant_id"]) == (given["id"], REF, scene.ids["acme"])
    assert (received["scope"], received["given_by"], received["revision"]) == ("read", None, None)
    assert CANARY in json.dumps(owners["plugins"])
    named = {"audit_records", "plugin_grants"}
    assert CANARY not in json.dumps({name: rows for name, rows in grantees.items() if name not in named})
    assert scene.ids["initech"] not in json.dumps(grantees)


async def exported(scene, slug):
    """Rows of an archive by table."""
    caller = {"acme": scene.api.acme, "globex": scene.api.globex}[slug]
    made = (await caller.post(f"/v1/tenants/{slug}/exports")).json()
    await scene.api.drain_jobs()
    content = await caller.get(f"/v1/tenants/{slug}/exports/{made['id']}/content")
    assert content.status_code == 200, content.text
    plain = zstandard.ZstdDecompressor().stream_reader(io.BytesIO(content.content)).read()
    with tarfile.open(fileobj=io.BytesIO(plain)) as archive:
        names = [name for name in archive.getnames() if name.startswith("tables/")]
        read = {name: archive.extractfile(name).read().splitlines() for name in names}
    return {name[7:].removesuffix(".ndjson"): [json.loads(line) for line in lines] for name, lines in read.items()}
