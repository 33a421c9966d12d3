"""A plugin is deleted while batches that name it are on their way: one of the two waits, and nothing names what is gone."""

import asyncio
from typing import Any

import pytest

from registry_api.catalog.store import CatalogueStore
from registry_api.usage.stream import UsageStream
from tests.registry_api.intake_data import accepted, ago, event, feed, lines, plugin, post, send

OWN = "/v1/plugins/jenkins:own"


@pytest.fixture(autouse=True)
async def _own(api: Any) -> None:
    await post(api.acme, "/v1/plugins", **plugin("own"))
    await post(api.acme, "/v1/targets/batches", targets=[{"name": "t", "environment": "dev", "kind": "k"}])


async def test_a_batch_whose_plugin_went_while_it_was_judged_is_to_be_sent_again(
    api: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare = UsageStream.prepare

    async def prepare_late(*arguments: Any) -> Any:
        assert (await api.acme.delete(OWN)).status_code == 204
        return await prepare(*arguments)

    body = lines(event("e", plugin="jenkins:own"))
    with monkeypatch.context() as late:
        late.setattr(UsageStream, "prepare", prepare_late)
        answer = await send(api.acme, body)
    assert answer.status_code == 503 and "Retry-After" in answer.headers
    assert [row["code"] for row in (await accepted(api.acme, body))["rejects"]] == ["unknown_plugin"]
    assert await feed(api.service, "segments") == []


async def test_a_plugin_is_not_deleted_under_a_batch_that_is_just_being_registered(
    api: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    effect, deleting = UsageStream.effect, []

    async def effect_late(*arguments: Any) -> None:
        deleting.append(asyncio.create_task(api.acme.delete(OWN)))
        await asyncio.sleep(0.5)
        await effect(*arguments)

    monkeypatch.setattr(UsageStream, "effect", effect_late)
    await accepted(api.acme, lines(event("e", plugin="jenkins:own")))
    assert (await deleting[0]).status_code == 409


async def test_an_observation_whose_plugin_went_after_it_was_looked_up_is_to_be_sent_again(
    api: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not api.is_postgres:
        pytest.skip("on SQLite nobody else writes between the look and the insertion")
    look = CatalogueStore.plugin_ids

    async def look_early(*arguments: Any) -> Any:
        found = await look(*arguments)
        assert (await api.acme.delete(OWN)).status_code == 204
        return found

    seen = {"target": "t", "plugin": "jenkins:own", "event": "added", "source": "s", "occurred_at": ago(days=1)}
    path = "/v1/observations/installations"
    with monkeypatch.context() as late:
        late.setattr(CatalogueStore, "plugin_ids", look_early)
        answer = await api.acme.post(path, json={"observations": [seen]})
    assert answer.status_code == 503 and "Retry-After" in answer.headers
    result = await post(api.acme, path, observations=[seen])
    assert [row["code"] for row in result["rejects"]] == ["unknown_plugin"]
