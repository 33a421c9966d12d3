"""Suspension, export and deletion of a tenant."""

import asyncio
import hashlib
import io
import json
import tarfile
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest
import zstandard
from sqlalchemy import func, select, update

from patchbay.core.clock import utcnow
from patchbay.core.storage.memory import InMemoryStorage
from registry_api.db import Crossing
from registry_api.db.metadata import METADATA
from registry_api.jobs.context import JobContext
from registry_api.jobs.models import Job
from registry_api.tenancy import erasure, estate, exports
from registry_api.tenancy.models import Tenant, TenantExport
from tests.registry_api.conftest import ANY
from tests.registry_api.tenancy.test_onboarding import RULES

NOW = utcnow().isoformat()
EVENTS = {"Content-Type": "application/x-ndjson", "Idempotency-Key": "batch"}
MARK = "zebra"


async def filled(api, caller, mark=MARK):
    """A tenant with something in most tables; every text bears the mark."""
    plugin = {"namespace": mark, "name": "own", "visibility": "private", "releases": [{"version": "1.0.0"}]}
    target = {"name": f"{mark}-target", "environment": "dev", "kind": "test"}
    seen = {"target": f"{mark}-target", "plugin": f"{mark}:own", "event": "added", "version": "1.0.0", "source": mark}
    for path, body in (
        ("/v1/catalogue/batches", {"plugins": [plugin]}),
        ("/v1/targets/batches", {"targets": [target]}),
        ("/v1/observations/installations", {"observations": [{**seen, "occurred_at": NOW}]}),
    ):
        assert (await caller.post(path, json=body)).json()["rejected"] == 0
    event = {"id": mark, "type": "use", "at": NOW, "plugin": f"{mark}:own", "target": f"{mark}-target", "person": mark}
    sent = await caller.post("/v1/usage/batches", content=f"{json.dumps(event)}\n{{}}", headers=EVENTS)
    assert (sent.json()["accepted"], sent.json()["rejected"]) == (1, 1)
    user = {
        "email": f"{mark}@acme.example",
        "display_name": mark,
        "role": "viewer",
        "password": "correct horse battery",
    }
    assert (await caller.post("/v1/users", json=user)).status_code == 201
    assert (await caller.put("/v1/automation/signing-keys/key", json={})).status_code == 201


async def tenant_id(caller):
    return UUID((await caller.get("/v1/me")).json()["tenant"]["id"])


async def exported(api, caller, tenant="acme"):
    """The archive of a tenant by member name, after checking every digest in it."""
    asked = await caller.post(f"/v1/tenants/{tenant}/exports")
    assert asked.status_code == 202 and asked.json()["state"] == "queued", asked.text
    await api.drain_jobs()
    done = (await caller.get(asked.headers["location"])).json()
    assert (done["state"], done["tables_done"]) == ("done", done["tables"]), done
    content = (await caller.get(f"{asked.headers['location']}/content")).content
    assert (len(content), f"sha256:{hashlib.sha256(content).hexdigest()}") == (done["bytes"], done["digest"])
    unpacked = zstandard.ZstdDecompressor().stream_reader(io.BytesIO(content)).read()
    with tarfile.open(fileobj=io.BytesIO(unpacked)) as tar:
        members = {entry.name: tar.extractfile(entry).read() for entry in tar}
    manifest = json.loads(members.pop("manifest.json"))
    facts = {f"tables/{name}.ndjson": one for name, one in manifest["tables"].items()}
    facts |= {f"files/{key}": one for key, one in manifest["files"].items()}
    assert {name: one["sha256"] for name, one in facts.items()} == {
        name: hashlib.sha256(data).hexdigest() for name, data in members.items()
    }
    for name, one in manifest["tables"].items():
        assert len(members[f"tables/{name}.ndjson"].splitlines()) == one["rows"]
    return manifest, members


async def test_a_suspended_tenants_rules_rest_and_its_jobs_wait_but_erasures_go_on(api):
    await filled(api, api.acme)
    acme = await tenant_id(api.acme)
    await api.acme.put("/v1/automation/rules", content=RULES, headers={"Content-Type": "application/yaml"})
    high = {"metric": "load", "value": 2, "at": NOW, "labels": {"tenant": str(acme)}}

    async def tick():
        now = utcnow().isoformat()
        body = {"id": str(uuid4()), "at": now, "samples": [high | {"at": now}]}
        answer = await api.service.post("/v1/automation/ticks", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()["plans"]

    assert len(await tick()) == 1
    assert (await api.acme.delete("/v1/subjects", params={"person": MARK})).status_code == 204
    await api.operator.patch("/v1/tenants/acme", json={"status": "suspended"}, headers=ANY)
    await api.drain_jobs()
    jobs = {job["kind"]: job["state"] for job in (await api.acme.get("/v1/jobs")).json()["items"]}
    assert (jobs["automation.act"], jobs["subjects.erase"]) == ("queued", "succeeded")
    episodes = (await api.acme.get("/v1/automation/episodes")).json()
    assert await tick() == [] and (await api.acme.get("/v1/automation/episodes")).json() == episodes
    await api.operator.patch("/v1/tenants/acme", json={"status": "active"}, headers=ANY)
    await api.drain_jobs()
    jobs = {job["kind"]: job["state"] for job in (await api.acme.get("/v1/jobs")).json()["items"]}
    assert jobs["automation.act"] != "queued"


async def test_an_export_holds_every_table_and_file_and_nothing_of_others_and_no_secret(api):
    await filled(api, api.acme)
    await filled(api, api.globex, "wildebeest")
    manifest, members = await exported(api, api.acme)
    assert set(manifest["tables"]) == set(METADATA.tables)
    assert manifest["tenant"] == str(await tenant_id(api.acme))
    filled_tables = {name for name, one in manifest["tables"].items() if one["rows"]}
    assert filled_tables >= {
        "tenants",
        "users",
        "passwords",
        "plugins",
        "releases",
        "targets",
        "observations",
        "outbox",
    }
    assert filled_tables >= {"segments", "audit_records", "api_tokens", "subjects", "signing_keys", "quota_uses"}
    assert sorted({key.split("/")[1] for key in manifest["files"]}) == ["rejects", "usage"]
    whole = b"".join(members.values())
    assert (
        MARK.encode() in whole and b"wildebeest" not in whole and str(await tenant_id(api.globex)).encode() not in whole
    )
    assert b"argon2" not in whole
    assert manifest["tables"]["api_tokens"]["left_out"] == ["previous_hash", "secret_hash"]
    for column in ("secret_hash", "sealed"):
        assert f'"{column}":'.encode() not in whole
    plugins = [json.loads(line) for line in members["tables/plugins.ndjson"].splitlines()]
    assert [row["ref"] for row in plugins] == [f"{MARK}:own"]


async def test_an_export_pages_through_a_table_and_reports_how_far_it_is(api, monkeypatch):
    monkeypatch.setattr(exports, "AT_ONCE", 2)
    targets = [{"name": f"t{number}", "environment": "dev", "kind": "test"} for number in range(5)]
    await api.acme.post("/v1/targets/batches", json={"targets": targets})
    seen, note = [], exports._note

    async def noted(job, export_id, **changes):
        await note(job, export_id, **changes)
        seen.append((await api.acme.get(f"/v1/tenants/acme/exports/{export_id}")).json())

    monkeypatch.setattr(exports, "_note", noted)
    _, members = await exported(api, api.acme)
    names = [json.loads(line)["name"] for line in members["tables/targets.ndjson"].splitlines()]
    assert sorted(names) == [f"t{number}" for number in range(5)]
    assert [one["tables_done"] for one in seen] == list(range(len(METADATA.tables) + 1))
    assert {one["state"] for one in seen} == {"running"}


async def test_one_export_is_on_its_way_at_a_time_and_an_archive_goes_after_its_time(api):
    first, second = [await api.acme.post("/v1/tenants/acme/exports") for _ in range(2)]
    assert first.json()["id"] == second.json()["id"]
    place = f"/v1/tenants/acme/exports/{first.json()['id']}"
    assert (await api.acme.get(f"{place}/content")).status_code == 404
    await api.drain_jobs()
    assert (await api.acme.get(f"{place}/content")).status_code == 200
    reads = (await api.acme.get("/v1/audit?action=data.read")).json()["items"]
    assert f"GET {place}/content" in [record["subject"] for record in reads]
    third = await api.acme.post("/v1/tenants/acme/exports")
    assert third.json()["id"] != first.json()["id"]
    await make_due(api, exports.EXPIRE)
    await api.drain_jobs()
    assert (await api.acme.get(place)).json()["state"] == "expired"
    assert (await api.acme.get(f"{place}/content")).status_code == 404
    listed = (await api.acme.get("/v1/tenants/acme/exports")).json()["items"]
    assert [one["id"] for one in listed] == [third.json()["id"], first.json()["id"]]


async def test_a_tenant_keeps_one_archive_and_a_new_one_takes_its_place_once_it_is_done(api):
    await exported(api, api.globex, "globex")
    for _ in range(3):
        await exported(api, api.acme)
    await api.acme.post("/v1/tenants/acme/exports")
    acme = await tenant_id(api.acme)
    listed = (await api.acme.get("/v1/tenants/acme/exports")).json()["items"]
    assert [one["state"] for one in listed] == ["queued", "done", "expired", "expired"]
    kept = f"exports/{acme}/{listed[1]['id']}.tar.zst"
    assert list(api.app.state.storage.list(f"exports/{acme}")) == [kept]
    assert (await api.acme.get(f"/v1/tenants/acme/exports/{listed[1]['id']}/content")).status_code == 200
    assert (await api.acme.get(f"/v1/tenants/acme/exports/{listed[2]['id']}/content")).status_code == 404
    assert len(list(api.app.state.storage.list("exports"))) == 2, "another tenant's stays"
    api.app.state.storage.delete(kept)  # as a newer one does in the middle of a request
    gone = await api.acme.get(f"/v1/tenants/acme/exports/{listed[1]['id']}/content")
    assert (gone.status_code, "gave way" in gone.json()["detail"]) == (404, True)


async def test_of_many_who_ask_at_once_all_get_the_one_export(api):
    answers = await asyncio.gather(*(api.acme.post("/v1/tenants/acme/exports") for _ in range(8)))
    assert len({answer.json()["id"] for answer in answers}) == 1


async def test_an_archive_that_had_its_time_is_not_handed_out_though_the_job_that_deletes_it_is_late(api):
    asked = await api.acme.post("/v1/tenants/acme/exports")
    await api.drain_jobs()
    content = f"{asked.headers['location']}/content"
    assert (await api.acme.get(content)).status_code == 200
    async with api.app.state.database.writing(Crossing.SETUP) as session:
        await session.execute(update(TenantExport).values(expires_at=utcnow() - timedelta(seconds=1)))
        await session.commit()
    late = await api.acme.get(content)
    assert (late.status_code, "had its time" in late.json()["detail"]) == (404, True)


async def test_an_export_that_fails_for_good_says_so(api, monkeypatch):
    async def broken(*_):
        raise OSError("disk full")

    monkeypatch.setattr(exports, "_export", broken)
    asked = await api.acme.post("/v1/tenants/acme/exports")
    for _ in range(5):
        await api.drain_jobs()
        await make_due(api, exports.EXPORT)
    assert (await api.acme.get(asked.headers["location"])).json()["state"] == "failed"


@pytest.mark.parametrize("backend", ["sqlite"])
async def test_an_archive_is_downloaded_from_a_storage_without_files_too(api):
    api.app.state.storage = InMemoryStorage()
    await exported(api, api.acme)


async def test_only_a_tenants_administrator_and_the_operator_export_it(api):
    viewer = api.client(await api.token(api.acme, role="viewer"))
    assert (await viewer.post("/v1/tenants/acme/exports")).status_code == 403
    assert (await api.globex.post("/v1/tenants/acme/exports")).status_code == 404
    assert (await api.acme.get(f"/v1/tenants/acme/exports/{uuid4()}")).status_code == 404
    await api.operator.patch("/v1/tenants/acme", json={"status": "suspended"}, headers=ANY)
    await exported(api, api.operator)


async def test_a_suspended_or_leaving_tenants_administrator_still_has_it_exported_and_nobody_else_there(api):
    viewer = api.client(await api.token(api.acme, role="viewer"))
    await api.operator.patch("/v1/tenants/acme", json={"status": "suspended"}, headers=ANY)
    await exported(api, api.acme)
    await api.operator.delete("/v1/tenants/acme")
    await exported(api, api.acme)
    asked = await api.acme.post("/v1/tenants/acme/exports", headers={"Idempotency-Key": "mine"})
    again = await api.acme.post("/v1/tenants/acme/exports", headers={"Idempotency-Key": "mine"})
    assert (asked.status_code, again.json()["id"]) == (202, asked.json()["id"])
    assert (await viewer.post("/v1/tenants/acme/exports")).json()["type"].endswith("forbidden")
    assert (await api.globex.post("/v1/tenants/acme/exports")).status_code == 404


async def test_of_a_deleted_tenant_nothing_is_exported(api):
    acme = await tenant_id(api.acme)
    await api.operator.delete("/v1/tenants/acme")
    await make_due(api, erasure.ERASE)
    await api.drain_jobs()
    refused = await api.operator.post(f"/v1/tenants/{acme}/exports")
    assert (refused.status_code, refused.json()["type"].split("/")[-1]) == (409, "tenant_deleted")
    assert (await rows_of(api, acme))["tenant_exports"] == 0


def test_every_column_that_sounds_like_a_secret_is_left_out_or_known_to_be_none():
    words = ("secret", "hash", "password", "sealed", "digest_of", "key", "fingerprint")
    sounding = {
        (table.name, column.name)
        for table in METADATA.sorted_tables
        for column in table.columns
        if any(word in column.name for word in words)
    }
    assert sounding - estate.SECRET - estate.NO_SECRET == set()
    columns = {(table.name, column.name) for table in METADATA.sorted_tables for column in table.columns}
    assert columns >= (estate.SECRET | estate.NO_SECRET)


async def make_due(api, kind):
    async with api.app.state.database.writing(Crossing.SETUP) as session:
        for job in (await session.execute(select(Job).where(Job.kind == kind))).scalars():
            job.run_at = utcnow() - timedelta(minutes=1)
        for tenant in (await session.execute(select(Tenant).where(Tenant.delete_after.is_not(None)))).scalars():
            if kind == erasure.ERASE:
                tenant.delete_after = utcnow() - timedelta(minutes=1)
        await session.commit()


async def test_a_tenant_marked_for_deletion_reads_and_is_given_back_within_its_grace(api):
    await filled(api, api.acme)
    marked = await api.operator.delete("/v1/tenants/acme")
    assert (marked.status_code, marked.json()["status"]) == (202, "deleting")
    after = datetime.fromisoformat(marked.json()["delete_after"])
    assert timedelta(days=29) < after - utcnow() <= timedelta(days=30)
    assert (await api.acme.get(f"/v1/plugins/{MARK}:own")).status_code == 200
    refused = await api.acme.post("/v1/tokens", json={"name": "x", "role": "viewer"})
    assert refused.json()["type"].endswith("tenant_suspended")
    assert (await api.operator.delete("/v1/tenants/acme")).json()["delete_after"] == marked.json()["delete_after"]
    undone = await api.operator.patch("/v1/tenants/acme", json={"status": "active"}, headers=ANY)
    assert (undone.json()["status"], undone.json()["delete_after"]) == ("active", None)
    await make_due(api, erasure.ERASE)
    await api.drain_jobs()
    assert (await api.acme.get(f"/v1/plugins/{MARK}:own")).status_code == 200


async def test_after_the_grace_nothing_of_the_tenant_is_left_but_its_chain_and_others_keep_all(api):
    await filled(api, api.acme)
    await filled(api, api.globex, "wildebeest")
    await exported(api, api.acme)
    acme, globex = await tenant_id(api.acme), await tenant_id(api.globex)
    before = await rows_of(api, globex)
    files = sorted(key for key in api.app.state.storage.list() if str(globex) in key)
    await api.operator.delete("/v1/tenants/acme")
    await make_due(api, erasure.ERASE)
    await api.drain_jobs()
    assert (await api.acme.get("/v1/me")).status_code == 401
    left = await rows_of(api, acme)
    assert {name: count for name, count in left.items() if count and name not in estate.KEPT} == {
        "jobs": 1,
        "outbox": left["outbox"],
    }
    assert [key for key in api.app.state.storage.list() if str(acme) in key] == []
    assert await rows_of(api, globex) == before
    assert sorted(key for key in api.app.state.storage.list() if str(globex) in key) == files
    shown = (await api.operator.get(f"/v1/tenants/{acme}")).json()
    assert (shown["status"], shown["name"], shown["slug"]) == ("deleted", "Deleted tenant", f"deleted-{acme.hex}")
    there = api.client(api.tokens["operator"], **{"Patchbay-Tenant": str(acme)})
    assert (await there.get("/v1/audit/verify")).json()["valid"]
    assert (await there.get("/v1/audit?limit=1&action=tenant.deleted")).json()["items"]
    again = await api.operator.patch(f"/v1/tenants/{acme}", json={"status": "active"}, headers=ANY)
    assert (again.status_code, again.json()["type"].split("/")[-1]) == (409, "tenant_deleted")
    token = await api.operator.post("/v1/tokens", json={"name": "late", "role": "viewer", "tenant": str(acme)})
    assert (token.status_code, token.json()["type"].split("/")[-1]) == (409, "tenant_deleted")
    assert (await api.operator.post("/v1/tenants", json={"slug": "acme", "name": "New"})).status_code == 201


async def rows_of(api, tenant):
    async with api.app.state.database.reading(Crossing.SETUP) as session:
        return {
            table.name: (
                await session.execute(select(func.count()).select_from(table).where(estate.owned(table, tenant)))
            ).scalar()
            for table in estate.tables()
        }


async def test_the_feeds_end_everything_of_a_deleted_tenant_without_a_word_of_what_it_was(api):
    await filled(api, api.acme)
    acme = str(await tenant_id(api.acme))
    feeds = [feed["name"] for feed in (await api.service.get("/v1/feeds")).json()["items"]]
    before = {feed: {row["id"] for row in await rows_in(api, feed, acme)} for feed in feeds}
    await api.operator.delete("/v1/tenants/acme")
    await make_due(api, erasure.ERASE)
    await api.drain_jobs()
    for feed in feeds:
        after = await rows_in(api, feed, acme)
        assert {row["id"] for row in after} == before[feed], feed
        assert {row["op"] for row in after} <= {"erased" if feed == "segments" else "delete"}, feed
        assert MARK not in json.dumps(after), feed


async def rows_in(api, feed, tenant):
    answer = await api.service.get(f"/v1/feeds/{feed}?limit=10000")
    return [row for row in map(json.loads, answer.text.splitlines()) if row["tenant_id"] == tenant]


async def test_an_erasure_that_dies_half_way_is_finished_by_the_next_attempt(api, monkeypatch):
    await filled(api, api.acme)
    acme = await tenant_id(api.acme)
    await api.operator.delete("/v1/tenants/acme")
    await make_due(api, erasure.ERASE)
    emptied, empty = [], erasure._empty

    async def dying(job: JobContext, table, stones):
        if len(emptied) == 10:
            emptied.append("dead")
            raise ConnectionError("the worker died")
        emptied.append(table.name)
        return await empty(job, table, stones)

    monkeypatch.setattr(erasure, "_empty", dying)
    await api.drain_jobs()
    await make_due(api, erasure.ERASE)
    await api.drain_jobs()
    left = await rows_of(api, acme)
    assert sum(count for name, count in left.items() if name not in {*estate.KEPT, "jobs", "outbox"}) == 0


@pytest.mark.parametrize("slug, status", [("operator", 422), ("nobody", 404)])
async def test_the_operator_and_who_is_not_there_cannot_be_deleted(api, slug, status):
    assert (await api.operator.delete(f"/v1/tenants/{slug}")).status_code == status
