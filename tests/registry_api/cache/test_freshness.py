"""Whatever anybody writes through any instance, the next read of every cached route reads as it does without the cache."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from registry_api.db import UnitOfWork, system_principal
from registry_api.installs.blocks import block_release
from tests.registry_api.cache.reads import cached_routes, counted, paths, seen
from tests.registry_api.conftest import Api, running
from tests.registry_api.insights_data import publish, risk

PLUGINS = ["n:p0", "n:p1"]
DEPENDENCY = {"ref": "n:p1", "requirement": "^1"}


@dataclass(frozen=True)
class Fleet:
    """Two instances with the cache and one without, on one database."""

    cached: tuple[Api, Api]
    plain: Api


@pytest.fixture
async def fleet(registry):
    settings, tokens = registry
    async with AsyncExitStack() as stack:
        several = [settings, settings, settings.model_copy(update={"document_cache_mb": 0})]
        one, other, plain = [await stack.enter_async_context(running(each, tokens)) for each in several]
        yield Fleet((one, other), plain)


async def publish_plugin(api: Any, caller: Any, number: int) -> None:
    needs = [DEPENDENCY] if number == 0 else []
    releases = [{"version": "1.0.0", "dependencies": needs}]
    visibility = "public" if caller is api.operator else "private"
    body = {"namespace": "n", "name": f"p{number}", "visibility": visibility, "labels": ["a"], "releases": releases}
    await caller.post("/v1/plugins", json=body)


async def publish_release(api: Any, caller: Any, number: int) -> None:
    found = (await caller.get(f"/v1/plugins/n:p{number}")).json()
    await caller.post(f"/v1/plugins/n:p{number}/releases", json={"version": f"1.{found.get('release_count', 0)}.0"})


async def change(api: Any, caller: Any, number: int) -> None:
    path = f"/v1/plugins/n:p{number}"
    now = (await caller.get(path)).json()
    other = {"public": "private", "private": "public"}.get(now.get("visibility"), "public")
    body = {"visibility": other, "labels": ["a", "b"], "title": f"{now.get('revision')}"}
    await caller.patch(path, json=body, headers={"If-Match": "*"})


async def delete(api: Any, caller: Any, number: int) -> None:
    await caller.delete(f"/v1/plugins/n:p{number}")


async def yank(api: Any, caller: Any, number: int) -> None:
    release = {"version": "1.0.0", "yanked": True}
    await caller.post(
        "/v1/catalogue/batches", json={"plugins": [{"namespace": "n", "name": f"p{number}", "releases": [release]}]}
    )


async def warn(api: Any, caller: Any, number: int) -> None:
    advisory = {"external_id": "A-1", "subject_kind": "plugin", "subject_ref": f"n:p{number}", "summary": "Bad"}
    await caller.post(
        "/v1/advisories/batches", json={"advisories": [advisory | {"ranges": [{"last_version": "1.0.0"}]}]}
    )


async def block(api: Any, caller: Any, number: int) -> None:
    release = await caller.get(f"/v1/plugins/n:p{number}/releases/1.0.0")
    if release.status_code == 200:
        mine, operator = [UUID((await who.get("/v1/me")).json()["tenant"]["id"]) for who in (caller, api.operator)]
        async with api.app.state.database.writing() as session:
            work = UnitOfWork(session, system_principal(mine, operator))
            await block_release(work, UUID(release.json()["id"]), "It fails")
            await work.commit()


async def lift(api: Any, caller: Any, number: int) -> None:
    await caller.delete(f"/v1/plugins/n:p{number}/releases/1.0.0/block")


async def rate(api: Any, caller: Any, number: int) -> None:
    found = (await caller.get(f"/v1/plugins/n:p{number}")).json()
    if "id" in found:
        await publish(api.service, "risk", [risk(found["id"], 10.0 + number)])


async def observe(api: Any, caller: Any, number: int) -> None:
    await caller.post("/v1/targets/batches", json={"targets": [{"name": "ci", "environment": "dev", "kind": "test"}]})
    row = {
        "target": "ci",
        "plugin": f"n:p{number}",
        "event": "added",
        "source": "x",
        "occurred_at": "2026-11-01T00:00:00Z",
    }
    await caller.post("/v1/observations/installations", json={"observations": [row]})


DEEDS = (publish_plugin, publish_release, change, delete, yank, warn, block, lift, rate, observe)
STEP = st.tuples(
    st.sampled_from(DEEDS),
    st.sampled_from(["operator", "acme", "globex"]),
    st.integers(0, 1),
    st.integers(0, 1),
    st.integers(0, 1),
)


async def reads_alike(fleet: Fleet, instance: int) -> None:
    for path in paths(PLUGINS):
        for who in ("acme", "globex"):
            kept, plain = getattr(fleet.cached[instance], who), getattr(fleet.plain, who)
            assert seen(await kept.get(path)) == seen(await plain.get(path)), (path, who)


@pytest.mark.anyio
@settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=st.lists(STEP, min_size=2, max_size=3))
async def test_after_any_writes_every_kept_answer_reads_as_an_answer_made_anew(fleet, steps):
    for who in ("operator", "acme"):
        await publish_plugin(fleet.plain, getattr(fleet.plain, who), 0)
    await reads_alike(fleet, 0)
    for deed, who, number, writer, reader in steps:
        api = fleet.cached[writer]
        await deed(api, getattr(api, who), number)
        await reads_alike(fleet, reader)
    await reads_alike(fleet, 0)
    before = await counted(fleet.cached[0], "hit")
    await reads_alike(fleet, 0)
    assert await counted(fleet.cached[0], "hit") > before, "without hits nothing was compared"


def test_the_cached_routes_are_those_that_are_read_here():
    assert cached_routes().keys() == {
        "list_plugins",
        "read_plugin",
        "list_releases",
        "read_release",
        "list_dependencies",
        "list_dependants",
        "list_plugin_advisories",
        "list_advisories",
        "list_labels",
    }


@pytest.mark.anyio
async def test_no_reader_sees_less_than_what_was_acknowledged_before_it_asked(fleet):
    """Many read through both instances while releases are published: linearisable, on both databases."""
    api, acknowledged, done = fleet.plain, 0, False
    await api.acme.post("/v1/plugins", json={"namespace": "n", "name": "p0"})

    async def read(client: Any) -> int:
        reads = 0
        while not done:
            known = acknowledged
            assert (await client.get("/v1/plugins/n:p0")).json()["release_count"] >= known
            reads += 1
            await asyncio.sleep(
                0
            )  # a kept answer on SQLite waits for nothing, and a loop of them would let nobody else run
        return reads

    readers = [asyncio.create_task(read(each.acme)) for each in fleet.cached for _ in range(2)]
    for number in range(8):
        made = await api.acme.post("/v1/plugins/n:p0/releases", json={"version": f"1.{number}.0"})
        assert made.status_code == 201
        acknowledged = number + 1
        await asyncio.sleep(0.02)
    done = True
    assert min(await asyncio.gather(*readers)) > 0
    assert await counted(fleet.cached[0], "hit") > 0
