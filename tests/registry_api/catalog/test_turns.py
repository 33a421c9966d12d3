"""Writers of the catalogue at once: releases of different plugins side by side, and none of them misses a plugin that is just added."""

import asyncio
from typing import Any

import pytest

from registry_api.catalog import service
from registry_api.catalog.store import CatalogueStore
from tests.registry_api.intake_data import plugin, post


def release(needs: str) -> dict[str, Any]:
    return {"version": "2.0.0", "dependencies": [{"ref": needs, "requirement": ">=1.0"}]}


async def publish(api: Any, of: str, needs: str) -> Any:
    return await api.acme.post(f"/v1/plugins/jenkins:{of}/releases", json=release(f"jenkins:{needs}"))


async def test_releases_that_need_each_other_are_published_side_by_side(
    api: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not api.is_postgres:
        pytest.skip("SQLite has one writer at a time")
    for name in ("a", "b"):
        await post(api.acme, "/v1/plugins", **plugin(name))
    claim, both = service._load, asyncio.Barrier(2)

    async def load(*arguments: Any) -> Any:
        await asyncio.wait_for(both.wait(), 20)
        return await claim(*arguments)

    monkeypatch.setattr(service, "_load", load)
    answers = await asyncio.gather(publish(api, "a", "b"), publish(api, "b", "a"))
    assert [answer.status_code for answer in answers] == [201, 201]
    records = (await api.acme.get("/v1/audit?action=release.published")).json()["items"]
    assert len(records) == 2


async def test_a_plugin_that_is_added_while_a_release_needs_it_is_linked(
    api: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await post(api.acme, "/v1/plugins", **plugin("a"))
    look, adding = CatalogueStore.linked_ids, []

    async def look_early(*arguments: Any) -> Any:
        found = await look(*arguments)
        if not adding:
            adding.append(asyncio.create_task(post(api.acme, "/v1/plugins", **plugin("late"))))
            await asyncio.sleep(0.3)
            assert not adding[0].done(), "it waits its turn"
        return found

    monkeypatch.setattr(CatalogueStore, "linked_ids", look_early)
    published = await publish(api, "a", "late")
    assert published.status_code == 201, published.text
    added = await adding[0]
    (need,) = (await api.acme.get("/v1/plugins/jenkins:a/releases/2.0.0")).json()["dependencies"]
    assert need["dependency_plugin_id"] == added["id"]
