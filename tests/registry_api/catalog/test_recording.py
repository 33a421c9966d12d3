"""What the audit log keeps of the catalogue: every change field by field, by whichever route, and nobody's name in the open."""

from typing import Any

import pytest

from registry_api.audit.personal import ERASED
from tests.registry_api.audit.tampering import exported, offline
from tests.registry_api.conftest import ANY
from tests.registry_api.intake_data import feed, items, plugin, post

BATCH = "/v1/catalogue/batches"
MARK = {"handle": "mwaite-okapi", "name": "Mark Okapi"}
ADA = {"handle": "ada-quokka", "name": "Ada Quokka"}
CANARIES = ("okapi", "quokka")


async def records(api: Any, action: str) -> list[dict[str, Any]]:
    """Of acme, oldest first."""
    return (await items(api.acme, "/v1/audit", action=action))[::-1]


async def by_patch(api: Any, own: dict[str, Any], **fields: Any) -> None:
    answer = await api.acme.patch(f"/v1/plugins/{own['id']}", json=fields, headers=ANY)
    assert answer.status_code == 200, answer.text


async def by_batch(api: Any, _own: dict[str, Any], **fields: Any) -> None:
    assert (await post(api.acme, BATCH, plugins=[{"namespace": "jenkins", "name": "own", **fields}]))["updated"] == 1


@pytest.mark.parametrize("change", [by_patch, by_batch])
async def test_a_changed_plugin_is_recorded_field_by_field_by_whichever_route(api: Any, change: Any) -> None:
    own = await post(api.acme, "/v1/plugins", **plugin("own", "1.0.0", lifecycle="active", maintainers=[MARK]))
    await change(api, own, lifecycle="deprecated", visibility="private", maintainers=[ADA])
    [record] = await records(api, "plugin.changed")
    assert record["subject"] == f"plugin:{own['id']}"
    assert record["patch"] == [
        {"op": "replace", "path": "/lifecycle", "value": "deprecated", "was": "active"},
        {"op": "replace", "path": "/maintainers", "value": [ADA], "was": [MARK]},
        {"op": "replace", "path": "/visibility", "value": "private", "was": "public"},
    ]


async def publish(api: Any, own: dict[str, Any], **release: Any) -> None:
    await post(api.acme, f"/v1/plugins/{own['id']}/releases", status=200, **release)


async def send(api: Any, _own: dict[str, Any], **release: Any) -> None:
    await by_batch(api, _own, releases=[release])


@pytest.mark.parametrize("change", [publish, send])
async def test_a_changed_release_is_recorded_field_by_field_by_whichever_route(api: Any, change: Any) -> None:
    own = await post(api.acme, "/v1/plugins", **plugin("own", "1.0.0"))
    await change(api, own, version="1.0.0", yanked=True, size_bytes=7)
    await change(api, own, version="1.0.0", dependencies=[{"ref": "jenkins:scm"}])
    [yanked, filled] = await records(api, "release.changed")
    release = (await api.acme.get("/v1/plugins/jenkins:own/releases/1.0.0")).json()
    assert yanked["subject"] == filled["subject"] == f"release:{release['id']}"
    assert yanked["change"] == {"plugin": own["id"], "version": "1.0.0"}
    assert yanked["patch"] == [
        {"op": "replace", "path": "/size_bytes", "value": 7, "was": None},
        {"op": "replace", "path": "/yanked", "value": True, "was": False},
    ]
    needed = [{"ref": "jenkins:scm", "requirement": None, "optional": False}]
    assert filled["patch"] == [{"op": "replace", "path": "/dependencies", "value": needed, "was": []}]
    assert await records(api, "release.published") == [], "there was no other one"


async def test_what_is_changed_twice_in_a_batch_is_recorded_from_first_to_last(api: Any) -> None:
    await post(api.acme, "/v1/plugins", **plugin("own", "1.0.0", summary="a"))
    steps = [plugin("own", summary=text) | {"releases": [{"version": "1.0.0", **more}]} for text, more in (
        ("b", {"yanked": True}), ("c", {"size_bytes": 7})
    )]  # fmt: skip
    await post(api.acme, BATCH, plugins=steps)
    [changed], [release] = await records(api, "plugin.changed"), await records(api, "release.changed")
    assert changed["patch"] == [{"op": "replace", "path": "/summary", "value": "c", "was": "a"}]
    assert {one["path"]: one["value"] for one in release["patch"]} == {"/size_bytes": 7, "/yanked": True}


async def test_new_plugins_and_releases_of_a_batch_are_one_record(api: Any) -> None:
    await post(api.acme, BATCH, plugins=[plugin(f"p{n}", "1.0.0", "1.1.0") for n in range(20)])
    await post(api.acme, BATCH, plugins=[plugin("p0", "1.0.0", "1.1.0", "2.0.0")])
    assert len(await records(api, "catalogue.batch_accepted")) == 2
    for action in ("plugin.created", "plugin.changed", "release.published", "release.changed"):
        assert await records(api, action) == []


async def test_a_changed_advisory_is_recorded_field_by_field(api: Any) -> None:
    leak = {"external_id": "S-1", "subject_kind": "plugin", "subject_ref": "jenkins:own", "summary": "Leaks"}
    await post(api.acme, "/v1/advisories/batches", advisories=[leak])
    again = [leak | {"severity": "high"}, leak | {"severity": "low"}]
    await post(api.acme, "/v1/advisories/batches", advisories=again)
    [record] = await records(api, "advisory.changed")
    assert record["change"] == {"external_id": "S-1", "subject": "plugin:jenkins:own"}
    assert record["patch"] == [{"op": "replace", "path": "/severity", "value": "low", "was": None}]


async def test_maintainers_stand_sealed_in_the_log_and_an_erasure_by_handle_reaches_them(api: Any) -> None:
    own = await post(api.acme, "/v1/plugins", **plugin("own", maintainers=[MARK, ADA]))
    await by_patch(api, own, maintainers=[MARK | {"name": "M. Okapi"}, ADA])
    await by_batch(api, own, maintainers=[ADA])
    file = (await exported(api)).decode().lower()
    assert [word for word in CANARIES if word in file] == []
    assert "Okapi" not in str(await feed(api.service, "plugins")), "the feed, and so a webhook, tells handles only"
    [made] = await records(api, "plugin.created")
    assert made["patch"][0]["value"]["maintainers"] == [ADA, MARK]
    assert (await api.globex.delete("/v1/subjects", params={"person": MARK["handle"]})).status_code == 204
    assert (await records(api, "plugin.created")) == [made], "another tenant's erasure"
    assert (await api.acme.delete("/v1/subjects", params={"person": MARK["handle"]})).status_code == 204
    gone = {"handle": ERASED, "name": ERASED}
    [made] = await records(api, "plugin.created")
    assert made["patch"][0]["value"]["maintainers"] == [ADA, gone]
    renamed, left = await records(api, "plugin.changed")
    assert (renamed["patch"][0]["was"], renamed["patch"][0]["value"]) == ([ADA, gone], [ADA, gone])
    assert (left["patch"][0]["was"], left["patch"][0]["value"]) == ([ADA, gone], [ADA])
    assert (await offline(api, await exported(api))).valid


async def test_what_is_recorded_after_an_erasure_is_sealed_for_nobody(api: Any) -> None:
    own = await post(api.acme, "/v1/plugins", **plugin("own", maintainers=[MARK]))
    await api.acme.delete("/v1/subjects", params={"person": MARK["handle"]})
    await by_patch(api, own, maintainers=[])
    [record] = await records(api, "plugin.changed")
    assert record["patch"][0]["was"] == [{"handle": ERASED, "name": ERASED}]
