"""Targets, and what was observed on them in any order."""

from typing import Any

import pytest

from tests.registry_api.intake_data import ago, feed, fill, items, plugin, post
from tests.registry_api.steps import steps

BATCH = "/v1/observations/installations"


@pytest.fixture(autouse=True)
async def _filled(api: Any) -> None:
    await fill(api)


def seen(event: str, at: str, version: str | None = None, **fields: Any) -> dict[str, Any]:
    """An observation of jenkins:git on t1."""
    base = {
        "target": "t1",
        "plugin": "jenkins:git",
        "event": event,
        "occurred_at": at,
        "version": version,
        "source": "jiro",
    }
    return {**base, **fields}


async def test_targets_are_upserted_by_name(api: Any) -> None:
    documents = [
        {"name": "t1", "environment": "staging", "kind": "jenkins-controller"},
        {"name": "t3", "environment": "dev", "kind": "k"},
    ]
    result = await post(
        api.acme, "/v1/targets/batches", targets=[*documents, {"name": "bad", "environment": "prod", "kind": "k"}]
    )
    assert (result["created"], result["unchanged"], result["rejected"]) == (1, 1, 1)
    documents[1]["title"] = "Third"
    assert (await post(api.acme, "/v1/targets/batches", targets=documents))["updated"] == 1
    assert [(row["name"], row["title"]) for row in await items(api.acme, "/v1/targets", limit=2)] == [
        ("t1", None),
        ("t2", None),
        ("t3", "Third"),
    ]
    assert [row["name"] for row in await feed(api.service, "targets")] == ["t1", "t2", "t3", "t3"]


async def test_the_last_event_decides_whatever_the_order_of_arrival(api: Any) -> None:
    await post(api.acme, BATCH, observations=[seen("updated", "2022-05-01T00:00:00Z", "1.1.0")])
    await post(api.acme, BATCH, observations=[seen("added", "2021-05-01T00:00:00Z", "1.0.0", origin="base")])
    found = await items(api.acme, "/v1/targets/t1/installations")
    assert [(row["ref"], row["version"], row["event"], row["since"]) for row in found] == [
        ("jenkins:git", "1.1.0", "updated", "2022-05-01T00:00:00Z")
    ]
    await post(api.acme, BATCH, observations=[seen("removed", "2021-12-01T00:00:00Z")])
    assert len(await items(api.acme, "/v1/targets/t1/installations")) == 1, "removed before it was updated again"
    await post(api.acme, BATCH, observations=[seen("removed", "2023-01-01T00:00:00Z")])
    assert await items(api.acme, "/v1/targets/t1/installations") == []
    assert await items(api.acme, "/v1/plugins/jenkins:git/installations") == []


async def test_of_events_at_one_time_the_one_recorded_last_decides(api: Any) -> None:
    at = "2022-05-01T00:00:00Z"
    await post(api.acme, BATCH, observations=[seen("removed", at), seen("added", at, "1.0.0")])
    assert [row["version"] for row in await items(api.acme, "/v1/targets/t1/installations")] == ["1.0.0"]
    await post(api.acme, BATCH, observations=[seen("updated", at, "1.1.0")])
    assert [row["version"] for row in await items(api.acme, "/v1/targets/t1/installations")] == ["1.1.0"]


async def test_a_repeat_is_a_duplicate_by_id_or_by_content(api: Any) -> None:
    at = "2022-05-01T00:00:00Z"
    rows = [
        seen("added", at, "1.0.0"),
        seen("added", at, "1.0.0"),
        seen("added", at, "1.0.0", id="x"),
        seen("removed", at, id="x"),
    ]
    result = await post(api.acme, BATCH, observations=rows)
    assert (result["received"], result["accepted"], result["duplicates"]) == (4, 2, 2)
    spelled = seen(
        "added", "2022-05-01T02:00:00+02:00", "1.0.0", target=(await api.acme.get("/v1/targets/t1")).json()["id"]
    )
    assert (await post(api.acme, BATCH, observations=[spelled]))["duplicates"] == 1
    assert len(await feed(api.service, "observations")) == 2


async def test_unknown_names_and_impossible_times_are_refused_by_pointer(api: Any) -> None:
    rows = [
        seen("added", ago(days=1), plugin="jenkins:gone"),
        seen("added", ago(days=1), target="gone"),
        seen("added", ago(days=-1)),
        seen("added", "1999-01-01T00:00:00Z"),
        seen("added", "2022-05-01T00:00:00"),
        seen("installed", ago(days=1)),
        seen("added", ago(days=1)),
    ]
    result = await post(api.acme, BATCH, observations=rows)
    found = [(row["row_index"], row["field"]) for row in result["rejects"]]
    fields = ["plugin", "target", "occurred_at", "occurred_at", "occurred_at", "event"]
    assert found == [(place, f"/observations/{place}/{field}") for place, field in enumerate(fields)]
    assert [row["code"] for row in result["rejects"]][:2] == ["unknown_plugin", "unknown_target"]
    assert result["accepted"] == 1


async def test_installations_of_a_public_plugin_show_only_ones_own_targets(api: Any) -> None:
    await post(api.globex, "/v1/targets/batches", targets=[{"name": "g", "environment": "dev", "kind": "k"}])
    await post(api.acme, BATCH, observations=[seen("added", ago(days=1)), seen("present", ago(days=2), target="t2")])
    await post(api.globex, BATCH, observations=[seen("added", ago(days=1), target="g")])
    for client, names in ((api.acme, ["t1", "t2"]), (api.globex, ["g"]), (api.service, ["g", "t1", "t2"])):
        found = await items(client, "/v1/plugins/jenkins:git/installations", limit=1)
        assert [row["target"] for row in found] == names


async def test_another_tenants_target_does_not_exist(api: Any) -> None:
    target = (await api.acme.get("/v1/targets/t1")).json()["id"]
    for name in ("t1", target):
        for part in ("", "/installations"):
            assert (await api.globex.get(f"/v1/targets/{name}{part}")).status_code == 404
    assert (await post(api.globex, BATCH, observations=[seen("added", ago(days=1), target=target)]))["rejected"] == 1
    assert await items(api.globex, "/v1/targets") == []


async def test_an_observation_may_name_an_own_private_plugin_but_nobody_elses(api: Any) -> None:
    secret = await post(api.acme, "/v1/plugins", **plugin("secret", visibility="private"))
    assert (await post(api.acme, BATCH, observations=[seen("added", ago(days=1), plugin=secret["id"])]))[
        "accepted"
    ] == 1
    await post(api.globex, "/v1/targets/batches", targets=[{"name": "g", "environment": "dev", "kind": "k"}])
    for name in (secret["id"], "jenkins:secret"):
        assert (await post(api.globex, BATCH, observations=[seen("added", ago(days=1), plugin=name, target="g")]))[
            "rejected"
        ] == 1


async def test_writing_needs_the_scope(api: Any) -> None:
    author = api.client(await api.token(api.acme, role="author"))
    assert (await author.post(BATCH, json={"observations": [seen("added", ago(days=1))]})).status_code == 403


async def test_an_id_is_its_sources_own(api: Any) -> None:
    at = ago(days=1)
    rows = [seen("added", at, id="1", source=source) for source in ("jiro", "agent", "jiro")]
    result = await post(api.acme, BATCH, observations=rows)
    assert (result["created"], result["duplicates"]) == (2, 1)


async def test_reading_installations_does_not_grow_with_what_others_observed(api: Any) -> None:
    await post(api.globex, "/v1/targets/batches", targets=[{"name": "g", "environment": "dev", "kind": "k"}])
    for client, target in ((api.acme, "t1"), (api.globex, "g")):
        await post(client, BATCH, observations=[seen("added", ago(days=1), target=target)])
    before = await steps(api, api.acme, "/v1/plugins/jenkins:git/installations")
    rows = [seen("present", ago(hours=hour + 30), target="g") for hour in range(300)]
    await post(api.globex, BATCH, observations=rows)
    assert await steps(api, api.acme, "/v1/plugins/jenkins:git/installations") < 2 * before


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
async def test_a_time_that_no_calendar_has_in_utc_is_refused(api: Any, moment: str) -> None:
    result = await post(api.acme, BATCH, observations=[seen("added", moment)])
    assert [(row["field"], row["code"]) for row in result["rejects"]] == [
        ("/observations/0/occurred_at", "time_out_of_range")
    ]
