"""What the two sides of a grant are told: by feed, by link, by audit record and by webhook."""

import json
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from patchbay.core.clock import utcnow
from registry_api.db import Crossing
from registry_api.jobs.models import Job
from registry_api.webhooks.models import Delivery
from tests.registry_api.catalog.sharing.support import CANARY, FEEDS, REF


class FeedReader:
    """A mirror of the four feeds by cursor, as a warehouse keeps one."""

    def __init__(self, caller):
        self.caller = caller
        self.after = dict.fromkeys(FEEDS, 0)
        self.rows = {name: {} for name in FEEDS}

    async def catch_up(self):
        """The rows of acme's that came since, by feed."""
        new = dict.fromkeys(FEEDS, 0)
        for name in FEEDS:
            answer = await self.caller.get(f"/v1/feeds/{name}?after={self.after[name]}")
            self.after[name] = int(answer.headers["patchbay-next-after"])
            for row in map(json.loads, answer.text.splitlines()):
                new[name] += 1
                self.rows[name][row["id"]] = row
        return new

    @property
    def held(self):
        """How many things are there, by feed."""
        return [sum(row["op"] == "upsert" for row in rows.values()) for rows in self.rows.values()]


async def test_a_feed_by_cursor_brings_what_was_written_before_the_grant_and_every_change_and_its_end(scene):
    mirror, platform = FeedReader(scene.api.globex), FeedReader(scene.api.service)
    await mirror.catch_up()
    await platform.catch_up()
    assert mirror.held == [0, 0, 0, 0] and platform.held == [1, 1, 1, 1]

    grant = await scene.give(expires_at=(utcnow() + timedelta(hours=1)).isoformat())
    await mirror.catch_up()
    assert mirror.held == [1, 1, 1, 1]
    release = {"version": "2.0.0", "dependencies": [{"ref": f"{CANARY}:more"}]}
    assert (await scene.api.acme.post(f"/v1/plugins/{REF}/releases", json=release)).status_code == 201
    await scene.change(scene.api.acme, f"/v1/plugins/{REF}", {"summary": "newer"})
    assert sum((await mirror.catch_up()).values()) == 3
    assert mirror.held == [1, 2, 2, 1]
    assert mirror.rows["plugins"][scene.plugin]["summary"] == "newer"

    # While it has expired nothing is to be had, also not by a reader that starts anew; the job may be late.
    await scene.lapse(grant)
    late = FeedReader(scene.api.globex)
    await late.catch_up()
    assert late.rows == {name: {} for name in FEEDS}
    # Whoever read meanwhile lacks nothing when it counts again.
    path = f"/v1/plugins/{REF}/grants/{grant['id']}"
    await scene.change(scene.api.acme, path, {"expires_at": (utcnow() + timedelta(hours=1)).isoformat()})
    for reader in (late, mirror):
        await reader.catch_up()
        assert reader.held == [1, 2, 2, 1]

    await scene.change(scene.api.acme, path, {"expires_at": None})
    await scene.show("private")
    await mirror.catch_up()
    assert mirror.held == [0, 0, 0, 0]
    assert CANARY not in json.dumps(mirror.rows["plugins"][scene.plugin])
    await scene.show("shared")
    await mirror.catch_up()
    assert mirror.held == [1, 2, 2, 1]
    await scene.revoke(grant)
    anew = FeedReader(scene.api.globex)
    for reader in (mirror, anew):
        await reader.catch_up()
        assert reader.held == [0, 0, 0, 0]
    assert CANARY not in json.dumps(anew.rows)

    # Whoever reads everything saw each change once and no end of anything.
    await platform.catch_up()
    assert platform.held == [1, 2, 2, 1]
    everything = (await scene.api.service.get("/v1/feeds/plugins")).text.splitlines()
    assert [json.loads(row)["op"] for row in everything] == ["upsert"] * 4
    third = FeedReader(scene.third)
    await third.catch_up()
    assert third.rows == {name: {} for name in FEEDS}


async def test_a_grant_that_expires_is_told_of_by_a_job_once(scene):
    mirror, soon = FeedReader(scene.api.globex), utcnow() + timedelta(seconds=1)
    grant = await scene.give(expires_at=soon.isoformat())
    await mirror.catch_up()
    await scene.lapse(grant)
    async with scene.api.app.state.database.writing(Crossing.SETUP) as session:
        await session.execute(update(Job).where(Job.kind == "catalog.grant_expired").values(run_at=utcnow()))
        await session.commit()
    await scene.api.drain_jobs()
    await mirror.catch_up()
    assert mirror.held == [0, 0, 0, 0]
    for caller in (scene.api.acme, scene.api.globex):
        records = (await caller.get("/v1/audit?action=grant.ended")).json()["items"]
        assert [record["actor"] for record in records] in (["system"], [f"tenant:{scene.ids['acme']}"])
    assert (await scene.api.acme.get(f"/v1/plugins/{REF}/grants/{grant['id']}")).json()["state"] == "expired"


async def test_whoever_reads_all_is_told_how_each_grant_stands_and_no_tenant_but_its_owner(scene):
    after = 0

    async def told(*names):
        nonlocal after
        answer = await scene.api.service.get(f"/v1/feeds/plugin_grants?after={after}")
        after = int(answer.headers["patchbay-next-after"])
        [row] = [json.loads(line) for line in answer.text.splitlines()]
        assert (row["id"], row["plugin_id"]) == (grant["id"], scene.plugin)
        assert (row["tenant_id"], row["grantee_id"]) == (scene.ids["acme"], scene.ids["globex"])
        return [row[name] for name in ("op", *names)]

    grant = await scene.give(expires_at=(utcnow() + timedelta(seconds=1)).isoformat())
    assert await told("live", "scope") == ["upsert", True, "read"]
    path = f"/v1/plugins/{REF}/grants/{grant['id']}"
    await scene.change(scene.api.acme, path, {"scope": "install"})
    assert await told("live", "scope") == ["upsert", True, "install"]
    await scene.lapse(grant)
    async with scene.api.app.state.database.writing(Crossing.SETUP) as session:
        await session.execute(update(Job).where(Job.kind == "catalog.grant_expired").values(run_at=utcnow()))
        await session.commit()
    await scene.api.drain_jobs()
    assert await told("live") == ["upsert", False]
    await scene.change(scene.api.acme, path, {"expires_at": None})
    assert await told("live", "expires_at") == ["upsert", True, None]
    await scene.show("private")
    assert await told("live") == ["upsert", False]
    await scene.show("shared")
    assert await told("live") == ["upsert", True]
    assert (await scene.api.globex.delete(f"/v1/received-grants/{grant['id']}")).status_code == 204
    assert await told("live") == ["delete", False]
    read = {caller: (await caller.get("/v1/feeds/plugin_grants")).text for caller in (scene.api.globex, scene.third)}
    assert set(read.values()) == {""}
    assert len((await scene.api.acme.get("/v1/feeds/plugin_grants")).text.splitlines()) == 7


async def test_dependencies_and_advisories_of_a_grantee_link_and_unlink_as_grants_come_and_go(scene):
    api = scene.api
    needing = {"namespace": "n", "name": "needing", "visibility": "private"}
    needing["releases"] = [{"version": "1.0.0", "dependencies": [{"ref": REF}]}]
    assert (await api.globex.post("/v1/plugins", json=needing)).status_code == 201
    noted = {"external_id": "mine", "subject_kind": "plugin", "subject_ref": REF, "summary": "s", "ranges": []}
    assert (await api.globex.post("/v1/advisories/batches", json={"advisories": [noted]})).json()["created"] == 1

    async def linked():
        needs = (await api.globex.get("/v1/plugins/n:needing/dependencies")).json()["items"]
        advisories = (await api.globex.get("/v1/advisories")).json()["items"]
        mine = [one for one in advisories if one["external_id"] == "mine"]
        fed = [json.loads(row) for row in (await api.globex.get("/v1/feeds/dependencies")).text.splitlines()]
        newest = [row for row in fed if row["tenant_id"] == scene.ids["globex"]][-1]
        assert newest["dependency_plugin_id"] == needs[0]["dependency_plugin_id"]
        return [needs[0]["dependency_plugin_id"], mine[0]["plugin_id"]]

    assert await linked() == [None, None]
    grant = await scene.give()
    assert await linked() == [scene.plugin] * 2
    await scene.show("private")
    assert await linked() == [None, None]
    await scene.show("shared")
    # What arrives while the grant counts is linked at once.
    more = {"version": "2.0.0", "dependencies": [{"ref": REF}]}
    assert (await api.globex.post("/v1/plugins/n:needing/releases", json=more)).status_code == 201
    assert await linked() == [scene.plugin] * 2
    # Another that shares the ref takes over when the first goes.
    same = {"namespace": CANARY, "name": "own", "visibility": "shared"}
    second = (await scene.third.post("/v1/plugins", json=same)).json()["id"]
    body = {"tenants": [scene.ids["globex"]]}
    assert (await scene.third.post(f"/v1/plugins/{REF}/grants", json=body)).status_code == 201
    assert await linked() == [scene.plugin] * 2
    await scene.revoke(grant)
    assert await linked() == [second] * 2
    # The grantee's advisory on it is its own: neither owner nor third tenant has it.
    for caller in (api.acme, scene.third):
        assert "mine" not in (await caller.get("/v1/advisories")).text


async def test_both_chains_say_what_was_done_and_the_grantees_names_no_person_of_the_owner(scene):
    api = scene.api
    grant = await scene.give()
    await scene.change(api.acme, f"/v1/plugins/{REF}/grants/{grant['id']}", {"scope": "install"})
    await scene.change(api.acme, f"/v1/plugins/{REF}", {"summary": "newer"})
    await scene.revoke(grant)

    async def told(caller):
        items = (await caller.get(f"/v1/audit?subject=plugin:{scene.plugin}")).json()["items"]
        return [item for item in items if item["action"].startswith("grant.")][::-1]

    given = await told(api.acme)
    assert [record["action"] for record in given] == ["grant.given", "grant.changed", "grant.ended"]
    assert {record["actor"].split(":")[0] for record in given} == {"token"}
    received = await told(api.globex)
    assert [record["action"] for record in received] == [
        "grant.received",
        "grant.changed",
        "grant.plugin_changed",
        "grant.ended",
    ]
    assert {record["actor"] for record in received} == {f"tenant:{scene.ids['acme']}"}
    assert given[0]["actor"].split(":")[1] not in json.dumps(received)
    for caller in (api.acme, api.globex):
        assert (await caller.get("/v1/audit/verify")).json()["valid"]
    assert await told(scene.third) == []


async def test_webhooks_of_both_sides_hear_of_the_grant_and_the_grantees_of_the_plugin_while_it_counts(scene):
    api = scene.api
    hooks = {}
    for slug, caller in (("acme", api.acme), ("globex", api.globex), ("initech", scene.third)):
        answer = await caller.post("/v1/webhooks", json={"url": "https://93.184.216.34/hook"})
        hooks[answer.json()["id"]] = slug
    grant = await scene.give()
    await scene.change(api.acme, f"/v1/plugins/{REF}/grants/{grant['id']}", {"scope": "install"})
    release = {"version": "2.0.0"}
    assert (await api.acme.post(f"/v1/plugins/{REF}/releases", json=release)).status_code == 201
    assert (await api.globex.delete(f"/v1/received-grants/{grant['id']}")).status_code == 204
    await scene.change(api.acme, f"/v1/plugins/{REF}", {"summary": "newer"})
    async with api.app.state.database.reading(Crossing.SETUP) as session:
        found = (await session.execute(select(Delivery.webhook_id, Delivery.type).order_by(Delivery.id))).all()
    heard = {slug: [type for hook, type in found if hooks[str(hook)] == slug] for slug in hooks.values()}
    assert heard == {
        "acme": ["grant.given", "grant.changed", "release.published", "grant.ended", "plugin.updated"],
        "globex": ["grant.received", "grant.changed", "release.published", "grant.ended"],
        "initech": [],
    }


@pytest.mark.parametrize("to", ["public", "private"])
async def test_a_plugin_of_the_operator_may_be_shared_and_opened_to_all_and_nobody_loses_it_on_the_way(scene, to):
    api = scene.api
    body = {"namespace": "o", "name": "own", "visibility": "shared", "releases": [{"version": "1.0.0"}]}
    plugin = (await api.operator.post("/v1/plugins", json=body)).json()["id"]
    given = {"tenants": [scene.ids["globex"]]}
    assert (await api.operator.post("/v1/plugins/o:own/grants", json=given)).status_code == 201
    mirror, third = FeedReader(api.globex), FeedReader(scene.third)
    for visibility, seen in ((to, to == "public"), ("shared", True)):
        await scene.change(api.operator, "/v1/plugins/o:own", {"visibility": visibility})
        await mirror.catch_up()
        await third.catch_up()
        assert (mirror.rows["plugins"].get(plugin, {}).get("op") == "upsert") == seen
        assert ((await api.globex.get("/v1/plugins/o:own")).status_code == 200) == seen
        others = (await scene.third.get("/v1/plugins/o:own")).status_code == 200
        assert others == (visibility == "public")
        assert others == (third.rows["plugins"].get(plugin, {}).get("op") == "upsert")
