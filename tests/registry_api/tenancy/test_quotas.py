"""Quotas: each limit holds at its door, also for two at once, and the counters say what the tables hold."""

import asyncio
import json
from datetime import UTC, datetime
from uuid import UUID

import pytest
from sqlalchemy import func, select

from patchbay.core.clock import utcnow
from registry_api.catalog.models import Plugin, Release
from registry_api.db import Crossing
from registry_api.identity.models import User
from registry_api.installs.models import Target
from registry_api.intake.models import Segment
from registry_api.tenancy.plans import PLANS, Quota, seconds_left
from tests.registry_api.conftest import ANY

NOW = utcnow().isoformat()
NDJSON = {"Content-Type": "application/x-ndjson"}


def plugin(name, *versions):
    releases = [{"version": version} for version in versions]
    return {"namespace": "n", "name": name, "visibility": "private", "releases": releases}


def target(name):
    return {"name": name, "environment": "dev", "kind": "test"}


def user(name):
    return {"email": f"{name}@acme.example", "display_name": name, "role": "viewer"}


async def limit(api, **quotas):
    changed = await api.operator.patch("/v1/tenants/acme", json={"quotas": quotas}, headers=ANY)
    assert changed.status_code == 200, changed.text


async def send_events(caller, key, *ids):
    rows = [{"id": id, "type": "search", "at": NOW} for id in ids]
    body = "\n".join(map(json.dumps, rows))
    return await caller.post("/v1/usage/batches", content=body, headers=NDJSON | {"Idempotency-Key": key})


async def usage(caller, tenant="acme"):
    answer = await caller.get(f"/v1/tenants/{tenant}/usage")
    assert answer.status_code == 200, answer.text
    return {row["quota"]: row for row in answer.json()["quotas"]}


def refused(answer, quota, *, status=402):
    code = "quota_exceeded" if status == 402 else "event_quota_exceeded"
    assert (answer.status_code, answer.json()["type"].split("/")[-1]) == (status, code), answer.text
    figures = answer.json()["quota"]
    assert figures["name"] == quota and f"The quota {quota} allows {figures['limit']}" in answer.json()["detail"]
    return figures["limit"], figures["used"], figures["wanted"]


async def test_a_plugin_beyond_the_quota_is_refused_with_its_name_limit_and_use(api):
    await limit(api, plugins=1)
    assert (await api.acme.post("/v1/plugins", json=plugin("one"))).status_code == 201
    assert refused(await api.acme.post("/v1/plugins", json=plugin("two")), "plugins") == (1, 1, 1)
    batch = {"plugins": [plugin("three"), plugin("four")]}
    assert refused(await api.acme.post("/v1/catalogue/batches", json=batch), "plugins") == (1, 1, 2)
    assert [item["ref"] for item in (await api.acme.get("/v1/plugins")).json()["items"]] == ["n:one"]
    changed = await api.acme.post("/v1/catalogue/batches", json={"plugins": [{**plugin("one"), "title": "One"}]})
    assert changed.json()["updated"] == 1, "what is there may still be changed"


async def test_a_release_beyond_the_quota_is_refused_and_a_deleted_plugin_gives_its_place_back(api):
    await limit(api, plugins=1, releases=2)
    assert (await api.acme.post("/v1/plugins", json=plugin("one", "1.0.0", "1.1.0"))).status_code == 201
    refused(await api.acme.post("/v1/plugins/n:one/releases", json={"version": "2.0.0"}), "releases")
    again = await api.acme.post("/v1/plugins/n:one/releases", json={"version": "1.0.0"})
    assert again.status_code == 200, "a release that is there takes no place"
    assert (await api.acme.delete("/v1/plugins/n:one")).status_code == 204
    used = await usage(api.acme)
    assert (used["plugins"]["used"], used["releases"]["used"]) == (0, 0)
    assert (await api.acme.post("/v1/plugins", json=plugin("two", "1.0.0", "1.1.0"))).status_code == 201


async def test_targets_and_seats_have_their_doors(api):
    await limit(api, targets=1, seats=1)
    post = api.acme.post
    assert (await post("/v1/targets/batches", json={"targets": [target("a")]})).json()["created"] == 1
    refused(await post("/v1/targets/batches", json={"targets": [target("a"), target("b")]}), "targets")
    assert (await post("/v1/targets/batches", json={"targets": [target("a")]})).json()["unchanged"] == 1
    assert (await post("/v1/users", json=user("ada"))).status_code == 201
    refused(await post("/v1/users", json=user("bob")), "seats")


def seen(where, event, at="2026-01-01T00:00:00Z", what="n:one"):
    row = {"target": where, "plugin": what, "event": event, "source": "s", "occurred_at": at}
    return row if event == "removed" else {**row, "version": "1.0.0"}


async def observe(api, *rows):
    return await api.acme.post("/v1/observations/installations", json={"observations": rows})


async def standing(api):
    """Installs as the routes list them."""
    targets = (await api.acme.get("/v1/targets")).json()["items"]
    pages = [(await api.acme.get(f"/v1/targets/{row['id']}/installations")).json()["items"] for row in targets]
    return sum(map(len, pages))


async def test_installs_are_counted_while_they_stand_and_one_beyond_the_quota_is_refused(api):
    for name in ("one", "two"):
        await api.acme.post("/v1/plugins", json=plugin(name, "1.0.0"))
    await api.acme.post("/v1/targets/batches", json={"targets": [target("a"), target("b")]})
    await limit(api, installs=2)
    both = [seen("a", "added"), seen("b", "present")]
    assert (await observe(api, *both)).json()["created"] == 2
    assert refused(await observe(api, seen("a", "added", what="n:two")), "installs") == (2, 2, 1)
    assert (await observe(api, *both, seen("a", "updated", "2026-01-02T00:00:00Z"))).json()["created"] == 1
    late = seen("b", "removed", "2025-01-01T00:00:00Z")
    assert (await observe(api, late)).json()["created"] == 1
    assert (await usage(api.acme))["installs"]["used"] == await standing(api) == 2
    moved = [seen("b", "removed", "2026-01-03T00:00:00Z"), seen("b", "added", what="n:two")]
    assert (await observe(api, *moved)).json()["created"] == 2, "one goes, one comes"
    gone = [seen("a", "removed", "2026-01-03T00:00:00Z"), seen("a", "removed", "2026-01-04T00:00:00Z")]
    assert (await observe(api, *gone)).json()["created"] == 2
    assert (await usage(api.acme))["installs"]["used"] == await standing(api) == 1
    assert (await observe(api, seen("a", "present", "2026-01-05T00:00:00Z"))).json()["created"] == 1


async def test_an_install_of_a_public_plugin_that_is_public_no_more_stays_known_and_can_be_given_back(api):
    public = {**plugin("one", "1.0.0"), "visibility": "public"}
    one = (await api.operator.post("/v1/plugins", json=public)).json()["id"]
    await api.acme.post("/v1/targets/batches", json={"targets": [target("a")]})
    assert (await observe(api, seen("a", "added"))).json()["created"] == 1
    hidden = await api.operator.patch("/v1/plugins/n:one", json={"visibility": "private"}, headers=ANY)
    assert hidden.status_code == 200
    assert (await usage(api.acme))["installs"]["used"] == await standing(api) == 1
    assert (await observe(api, seen("a", "removed", "2026-01-03T00:00:00Z", what=one))).json()["created"] == 1
    assert (await usage(api.acme))["installs"]["used"] == await standing(api) == 0
    other = await api.globex.post("/v1/targets/batches", json={"targets": [target("a")]})
    assert other.json()["created"] == 1
    row = {"observations": [seen("a", "added", what=one)]}
    refusal = (await api.globex.post("/v1/observations/installations", json=row)).json()
    assert refusal["rejects"][0]["code"] == "unknown_plugin", "who never saw it there knows nothing of it"


async def test_a_month_of_events_is_refused_with_the_time_until_the_next_and_leaves_no_file(api):
    await limit(api, events_per_month=2)
    assert (await send_events(api.acme, "a", "1")).status_code == 201
    too_many = await send_events(api.acme, "b", "2", "3")
    assert refused(too_many, "events_per_month", status=429) == (2, 1, 2)
    assert 0 < int(too_many.headers["retry-after"]) <= 31 * 24 * 3600
    assert len(list(api.app.state.storage.list("lake/usage"))) == 1
    assert (await send_events(api.acme, "a", "1")).json()["replayed"]
    assert (await send_events(api.acme, "c", "4")).status_code == 201
    assert refused(await send_events(api.acme, "d", "5"), "events_per_month", status=429) == (2, 2, 1)
    await limit(api, events_per_month=None)
    assert (await send_events(api.acme, "d", "5")).status_code == 201


async def test_a_new_month_begins_at_nothing(api, monkeypatch):
    await limit(api, events_per_month=1)
    assert (await send_events(api.acme, "a", "1")).status_code == 201
    later = datetime(2027, 5, 2, tzinfo=UTC)
    monkeypatch.setattr("registry_api.tenancy.metering.utcnow", lambda: later)
    assert (await send_events(api.acme, "b", "2")).status_code == 201


async def test_storage_counts_the_files_that_count_and_compaction_moves_it(api):
    for key in ("a", "b"):
        assert (await send_events(api.acme, key, key)).status_code == 201
    before = (await usage(api.acme))["storage_bytes"]["used"]
    assert before == await counted(api, func.sum(Segment.bytes), Segment, Segment.retired_at.is_(None))
    await api.acme.post("/v1/jobs", json={"kind": "usage.compact", "payload": {"include_today": True}})
    await api.drain_jobs()
    after = (await usage(api.acme))["storage_bytes"]["used"]
    assert after == await counted(api, func.sum(Segment.bytes), Segment, Segment.retired_at.is_(None))
    assert after < before
    await limit(api, storage_bytes=after)
    refused(await send_events(api.acme, "c", "c"), "storage_bytes")
    await limit(api, storage_bytes=after + 1)
    refused(await send_events(api.acme, "c", "c"), "storage_bytes")


async def test_refused_rows_are_kept_and_so_count_as_storage_of_every_kind_of_batch(api):
    bad = "\n".join(
        json.dumps({"id": f"{number}", "type": "use", "at": NOW, "plugin": "x" * 400}) for number in range(50)
    )
    sent = await api.acme.post("/v1/usage/batches", content=bad, headers=NDJSON | {"Idempotency-Key": "bad"})
    assert sent.json()["rejected"] == 50
    assert (await api.acme.post("/v1/targets/batches", json={"targets": [{"name": ""}]})).json()["rejected"] == 1
    assert (await observe(api, seen("nowhere", "added"))).json()["rejected"] == 1
    storage = api.app.state.storage
    kept = sum(len(storage.read_bytes(key)) for key in storage.list("lake/rejects"))
    assert 0 < kept == (await usage(api.acme))["storage_bytes"]["used"]
    await limit(api, storage_bytes=kept)
    refused(await send_events(api.acme, "c", "c"), "storage_bytes")
    refused(await observe(api, seen("nowhere", "added")), "storage_bytes")
    refused(await api.acme.post("/v1/targets/batches", json={"targets": [{"name": ""}]}), "storage_bytes")
    assert sum(len(storage.read_bytes(key)) for key in storage.list("lake/rejects")) == kept
    good = await api.acme.post("/v1/targets/batches", json={"targets": [target("a")]})
    assert good.json()["created"] == 1, "what keeps no file takes no storage"


async def test_the_use_of_requests_is_what_the_running_minute_has_not_restored(api):
    await limit(api, requests_per_minute=12)
    for _ in range(8):
        await api.acme.get("/v1/me")
    mine = (await usage(api.acme))["requests_per_minute"]
    assert 5 <= mine["used"] <= 9 and mine["used"] + mine["remaining"] == mine["limit"] == 12
    assert 5 <= (await usage(api.operator))["requests_per_minute"]["used"] <= 9
    assert (await usage(api.operator, "globex"))["requests_per_minute"]["used"] == 0


async def test_of_two_at_the_limit_at_once_one_passes(api):
    await limit(api, plugins=3, targets=3, seats=3, events_per_month=3)
    for number in range(2):
        await api.acme.post("/v1/plugins", json=plugin(f"p{number}"))
        await api.acme.post("/v1/targets/batches", json={"targets": [target(f"t{number}")]})
        await api.acme.post("/v1/users", json=user(f"u{number}"))
        await send_events(api.acme, f"e{number}", str(number))
    answers = await asyncio.gather(
        *(api.acme.post("/v1/plugins", json=plugin(f"q{number}")) for number in range(4)),
        *(api.acme.post("/v1/targets/batches", json={"targets": [target(f"s{number}")]}) for number in range(4)),
        *(api.acme.post("/v1/users", json=user(f"v{number}")) for number in range(4)),
        *(send_events(api.acme, f"f{number}", f"f{number}") for number in range(4)),
    )
    for start in range(0, 16, 4):
        statuses = sorted(answer.status_code for answer in answers[start : start + 4])
        assert statuses == [201, *[429 if start == 12 else 402] * 3]
    used = await usage(api.acme)
    assert [used[name]["used"] for name in ("plugins", "targets", "seats", "events_per_month")] == [3, 3, 3, 3]


async def counted(api, what, kind, *conditions):
    tenant = UUID((await api.acme.get("/v1/me")).json()["tenant"]["id"])
    async with api.app.state.database.reading(Crossing.SETUP) as session:
        return (await session.execute(select(what).where(kind.tenant_id == tenant, *conditions))).scalar() or 0


async def test_the_counters_are_what_the_tables_hold(api):
    await api.acme.post("/v1/plugins", json=plugin("one", "1.0.0", "1.1.0"))
    await api.acme.post("/v1/plugins", json=plugin("gone", "1.0.0"))
    await api.acme.delete("/v1/plugins/n:gone")
    await api.acme.post("/v1/plugins", json=plugin("one"))  # refused: it is there
    await api.acme.post("/v1/targets/batches", json={"targets": [target("a"), target("a"), target("b")]})
    await api.acme.post("/v1/users", json=user("ada"))
    await api.acme.post("/v1/users", json=user("ada"))  # refused: a member already
    erased = (await api.acme.post("/v1/users", json=user("bea"))).json()
    assert (await api.acme.delete(f"/v1/users/{erased['id']}")).status_code == 204
    used = await usage(api.acme)
    for quota, kind in (("plugins", Plugin), ("releases", Release), ("targets", Target), ("seats", User)):
        assert used[quota]["used"] == await counted(api, func.count(), kind), quota


async def test_a_plan_sets_the_limits_and_the_operator_may_set_each_otherwise(api):
    made = await api.operator.post("/v1/tenants", json={"slug": "small", "name": "Small", "plan": "free"})
    small = api.client(made.json()["token"])
    assert made.json()["tenant"]["plan"] == "free"
    shown = await usage(small, "small")
    assert {name: row["limit"] for name, row in shown.items()} == {q.value: n for q, n in PLANS["free"].items()}
    assert shown["plugins"] | {"limit": 10} == {
        "quota": "plugins", "limit": 10, "used": 0, "remaining": 10, "period": "", "overridden": False,
    }  # fmt: skip
    assert shown["requests_per_minute"]["used"] + shown["requests_per_minute"]["remaining"] == 300
    assert shown["events_per_month"]["period"] == f"{utcnow():%Y-%m}"
    await api.operator.patch(
        "/v1/tenants/small", json={"plan": "team", "quotas": {"plugins": 0, "seats": None}}, headers=ANY
    )
    shown = await usage(small, "small")
    assert shown["targets"]["limit"] == PLANS["team"][Quota.TARGETS]
    assert (shown["plugins"]["limit"], shown["plugins"]["overridden"]) == (0, True)
    assert (shown["seats"]["limit"], shown["seats"]["overridden"]) == (None, True)
    refused(await small.post("/v1/plugins", json=plugin("one")), "plugins")
    [record, *_] = (await small.get("/v1/audit?action=tenant.changed")).json()["items"]
    assert {"op": "replace", "path": "/plan", "was": "free", "value": "team"} in record["patch"]


async def test_a_limit_below_the_use_refuses_more_and_takes_nothing_away(api):
    for name in ("one", "two"):
        await api.acme.post("/v1/plugins", json=plugin(name))
    await limit(api, plugins=1)
    assert ((await usage(api.acme))["plugins"]["used"], (await usage(api.acme))["plugins"]["remaining"]) == (2, 0)
    refused(await api.acme.post("/v1/plugins", json=plugin("three")), "plugins")
    assert len((await api.acme.get("/v1/plugins")).json()["items"]) == 2


async def test_quotas_of_one_tenant_are_not_anothers(api):
    await limit(api, plugins=0)
    refused(await api.acme.post("/v1/plugins", json=plugin("one")), "plugins")
    assert (await api.globex.post("/v1/plugins", json=plugin("one"))).status_code == 201
    assert (await api.globex.get("/v1/tenants/acme/usage")).status_code == 404
    assert (await usage(api.operator))["plugins"]["limit"] == 0


@pytest.mark.parametrize("change", [{"plan": "free"}, {"quotas": {"plugins": 1}}])
async def test_the_operator_tenant_cannot_be_limited(api, change):
    answer = await api.operator.patch("/v1/tenants/operator", json=change, headers=ANY)
    assert (answer.status_code, answer.json()["type"].split("/")[-1]) == (422, "operator_tenant_fixed")


@pytest.mark.parametrize(
    "change",
    [
        {"plan": "operator"},
        {"quotas": {"plugin": 1}},
        {"quotas": {"plugins": -1}},
        {"quotas": {"requests_per_minute": 0}},
    ],
)
async def test_a_plan_or_quota_that_cannot_be_is_refused(api, change):
    assert (await api.operator.patch("/v1/tenants/acme", json=change, headers=ANY)).status_code == 400


def test_the_next_month_begins_after_the_last_second_of_this_one():
    assert seconds_left(datetime(2026, 12, 31, 23, 59, 50, tzinfo=UTC)) == 10
    assert seconds_left(datetime(2026, 2, 28, 0, 0, tzinfo=UTC)) == 24 * 3600
    assert seconds_left(datetime(2026, 12, 31, 23, 59, 59, 900_000, tzinfo=UTC)) == 1
