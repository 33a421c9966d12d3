"""Single plugins and releases: publishing, reading, searching, changing, deleting, and who may see them."""

import asyncio
from typing import Any

import pytest

from tests.registry_api.intake_data import accepted, ago, event, feed, items, lines, plugin, post
from tests.registry_api.steps import steps


async def test_a_published_plugin_is_read_by_id_and_by_ref(api: Any) -> None:
    made = await post(api.acme, "/v1/plugins", **plugin("own", "1.0.0"))
    by_id, by_ref = [(await api.acme.get(f"/v1/plugins/{name}")).json() for name in (made["id"], "jenkins:own")]
    assert made == by_id == by_ref and made["latest_version"] == "1.0.0"


async def test_a_second_plugin_of_that_name_is_a_conflict(api: Any) -> None:
    await post(api.acme, "/v1/plugins", **plugin("own"))
    assert (await post(api.acme, "/v1/plugins", status=409, **plugin("own")))["type"].endswith("plugin_exists")
    await post(api.globex, "/v1/plugins", **plugin("own"))


async def test_others_see_only_the_operators_public_plugins(api: Any) -> None:
    await post(api.operator, "/v1/plugins", **plugin("open", "1.0.0", labels=["a"]))
    hidden = await post(api.operator, "/v1/plugins", **plugin("closed", "1.0.0", visibility="private", labels=["b"]))
    own = await post(api.acme, "/v1/plugins", **plugin("own", "1.0.0", labels=["c"]))
    assert [row["name"] for row in await items(api.acme, "/v1/plugins")] == ["open", "own"]
    assert [row["name"] for row in await items(api.globex, "/v1/plugins")] == ["open"]
    assert {row["name"] for row in await items(api.operator, "/v1/plugins")} >= {"closed", "open"}
    assert [row["label"] for row in await items(api.globex, "/v1/labels")] == ["a"]
    for client, id in ((api.globex, own["id"]), (api.globex, "jenkins:own"), (api.acme, hidden["id"])):
        for part in (
            "",
            "/releases",
            "/releases/1.0.0",
            "/dependencies",
            "/dependants",
            "/advisories",
            "/installations",
        ):
            assert (await client.get(f"/v1/plugins/{id}{part}")).status_code == 404, part


async def test_an_own_plugin_hides_the_public_one_of_that_name(api: Any) -> None:
    await post(api.operator, "/v1/plugins", **plugin("git", title="Public"))
    await post(api.acme, "/v1/plugins", **plugin("git", title="Fork"))
    assert (await api.acme.get("/v1/plugins/jenkins:git")).json()["title"] == "Fork"
    assert (await api.globex.get("/v1/plugins/jenkins:git")).json()["title"] == "Public"


async def test_nobody_writes_to_a_plugin_of_another_tenant(api: Any) -> None:
    public = await post(api.operator, "/v1/plugins", **plugin("git", "1.0.0"))
    for name in (public["id"], "jenkins:git"):
        patched = await api.acme.patch(f"/v1/plugins/{name}", json={"title": "Mine"}, headers={"If-Match": "*"})
        released = await api.acme.post(f"/v1/plugins/{name}/releases", json={"version": "9.0.0"})
        deleted = await api.acme.delete(f"/v1/plugins/{name}")
        assert {answer.status_code for answer in (patched, released, deleted)} == {404}


async def test_a_change_needs_the_revision_that_was_read(api: Any) -> None:
    made = await api.acme.post("/v1/plugins", json=plugin("own", summary="S"))
    tag = made.headers["ETag"]
    path = f"/v1/plugins/{made.json()['id']}"
    assert (await api.acme.patch(path, json={"title": "A"})).status_code == 428
    changed = await api.acme.patch(path, json={"title": "A", "labels": ["x"]}, headers={"If-Match": tag})
    assert changed.status_code == 200 and changed.headers["ETag"] != tag
    assert (changed.json()["title"], changed.json()["labels"], changed.json()["summary"]) == ("A", ["x"], "S")
    assert (await api.acme.patch(path, json={"title": "B"}, headers={"If-Match": tag})).status_code == 412
    assert (await api.acme.patch(path, json={"summary": None}, headers={"If-Match": "*"})).json()["summary"] is None
    assert (await api.acme.patch(path, json={"lifecycle": None}, headers={"If-Match": "*"})).status_code == 422


async def test_a_change_is_audited_with_before_and_after(api: Any) -> None:
    made = await post(api.acme, "/v1/plugins", **plugin("own", lifecycle="active"))
    await api.acme.patch(f"/v1/plugins/{made['id']}", json={"lifecycle": "deprecated"}, headers={"If-Match": "*"})
    record = next(row for row in await items(api.acme, "/v1/audit") if row["action"] == "plugin.changed")
    assert record["patch"] == [{"op": "replace", "path": "/lifecycle", "value": "deprecated", "was": "active"}]


async def test_search_finds_words_in_any_field_and_takes_signs_literally(api: Any) -> None:
    documents = [
        plugin("git", title="Git Client", summary="Clones REPOSITORIES", labels=["scm"]),
        plugin("unicode", title="Ünïcode Straße"),
        plugin("hundred", summary="100%_sure"),
    ]
    await post(api.operator, "/v1/catalogue/batches", plugins=documents)

    async def found(q: str) -> list[str]:
        return [row["name"] for row in await items(api.acme, "/v1/plugins", q=q)]

    assert await found("repositories") == ["git"] and await found("SCM client") == ["git"]
    assert await found("ünïcode STRASSE") == ["unicode"]
    assert await found("%_") == ["hundred"] and await found("0%s") == []
    assert await found("git nothing") == []


async def test_lists_are_filtered_sorted_and_paged(api: Any) -> None:
    names = ["c", "a", "b", "e", "d"]
    for name in names:
        await post(api.operator, "/v1/plugins", **plugin(name, labels=["odd"] if name in "ace" else []))
    assert [row["name"] for row in await items(api.acme, "/v1/plugins", limit=2)] == sorted(names)
    assert [row["name"] for row in await items(api.acme, "/v1/plugins", limit=2, sort="-created")] == names[::-1]
    assert [row["name"] for row in await items(api.acme, "/v1/plugins", label="odd", limit=1)] == ["a", "c", "e"]
    assert [row["name"] for row in await items(api.acme, "/v1/plugins", name="b", namespace="jenkins")] == ["b"]
    assert await items(api.acme, "/v1/labels") == [{"label": "odd", "plugins": 3}]


async def test_a_release_is_published_once(api: Any) -> None:
    made = await post(api.acme, "/v1/plugins", **plugin("own"))
    path = f"/v1/plugins/{made['id']}/releases"
    body: dict[str, Any] = {
        "version": "1.0.0",
        "digest": "sha256:aa",
        "dependencies": [{"ref": "jenkins:git", "requirement": ">=1"}],
    }
    first = await post(api.acme, path, **body)
    assert first["dependencies"][0]["requirement"] == ">=1"
    assert (await post(api.acme, path, status=200, **body))["id"] == first["id"]
    assert (await post(api.acme, path, status=409, **{**body, "digest": "sha256:bb"}))["type"].endswith(
        "release_conflict"
    )
    assert (await post(api.acme, path, status=422, version="one"))["errors"][0]["code"] == "invalid_version"


@pytest.mark.parametrize(
    ("scheme", "versions"),
    [
        ("semver", ["1.0.0-rc.1", "1.0.0", "1.9.0", "1.10.0"]),
        ("jenkins", ["1.9", "1.10", "1647.ve39ca_b_829b_42"]),
        ("pep440", ["1.0.dev1", "1.0rc1", "1.0", "1.0.post1"]),
    ],
)
async def test_releases_are_ordered_by_their_scheme(api: Any, scheme: str, versions: list[str]) -> None:
    releases: list[dict[str, Any]] = [{"version": version, "version_scheme": scheme} for version in reversed(versions)]
    await post(api.acme, "/v1/plugins", **{**plugin("own"), "releases": releases})
    found = await items(api.acme, "/v1/plugins/jenkins:own/releases", limit=1)
    assert [row["version"] for row in found] == versions[::-1]


async def test_only_the_latest_release_speaks_for_a_plugins_needs(api: Any) -> None:
    releases = [
        {"version": "1.0.0", "dependencies": [{"ref": "jenkins:old"}]},
        {"version": "2.0.0", "dependencies": [{"ref": "jenkins:new"}]},
        {"version": "3.0.0", "yanked": True, "dependencies": [{"ref": "jenkins:yanked"}]},
        {"version": "4.0.0-beta", "dependencies": [{"ref": "jenkins:beta"}]},
    ]
    await post(
        api.operator,
        "/v1/catalogue/batches",
        plugins=[{**plugin("git"), "releases": releases}, plugin("old"), plugin("new")],
    )
    assert [row["dependency_ref"] for row in await items(api.acme, "/v1/plugins/jenkins:git/dependencies")] == [
        "jenkins:new"
    ]
    assert await items(api.acme, "/v1/plugins/jenkins:old/dependants") == []
    assert [row["version"] for row in await items(api.acme, "/v1/plugins/jenkins:new/dependants")] == ["2.0.0"]


async def test_a_deleted_plugin_leaves_with_its_parts_and_what_needs_it_waits_again(api: Any) -> None:
    await post(api.operator, "/v1/plugins", **plugin("scm-api", "1.0.0", labels=["x"], maintainers=[{"handle": "m"}]))
    git: dict[str, Any] = {
        **plugin("git"),
        "releases": [{"version": "1.0.0", "dependencies": [{"ref": "jenkins:scm-api"}]}],
    }
    await post(api.operator, "/v1/plugins", **git)
    assert (await api.operator.delete("/v1/plugins/jenkins:scm-api")).status_code == 204
    assert (await api.operator.get("/v1/plugins/jenkins:scm-api")).status_code == 404
    assert (await items(api.acme, "/v1/plugins/jenkins:git/dependencies"))[0]["dependency_plugin_id"] is None
    assert [row["op"] for row in await feed(api.service, "plugins")] == ["upsert", "upsert", "delete"]
    assert [row["op"] for row in await feed(api.service, "releases")] == ["upsert", "upsert", "delete"]
    await post(api.operator, "/v1/plugins", **plugin("scm-api"))
    assert (await items(api.acme, "/v1/plugins/jenkins:git/dependencies"))[0]["dependency_plugin_id"] is not None


async def test_a_plugin_that_was_observed_is_not_deleted(api: Any) -> None:
    await post(api.acme, "/v1/plugins", **plugin("own"))
    await post(api.acme, "/v1/targets/batches", targets=[{"name": "t", "environment": "dev", "kind": "k"}])
    seen = {"target": "t", "plugin": "jenkins:own", "event": "added", "source": "s", "occurred_at": ago(days=1)}
    await post(api.acme, "/v1/observations/installations", observations=[seen])
    answer = await api.acme.delete("/v1/plugins/jenkins:own")
    assert answer.status_code == 409 and answer.json()["type"].endswith("plugin_in_use")


async def test_a_plugin_made_public_shows_others_its_releases_in_the_feed(api: Any) -> None:
    document = {
        **plugin("git", visibility="private"),
        "releases": [{"version": "1.0.0", "dependencies": [{"ref": "a:b"}]}],
    }
    made = await post(api.operator, "/v1/plugins", **document)

    async def seen() -> list[int]:
        return [len(await feed(api.acme, name)) for name in ("plugins", "releases", "dependencies")]

    assert await seen() == [0, 0, 0]
    await api.operator.patch(f"/v1/plugins/{made['id']}", json={"visibility": "public"}, headers={"If-Match": "*"})
    assert await seen() == [1, 1, 1]
    await api.operator.patch(f"/v1/plugins/{made['id']}", json={"visibility": "private"}, headers={"If-Match": "*"})
    for name in ("plugins", "releases", "dependencies"):
        assert [row["op"] for row in await feed(api.acme, name)] == ["upsert", "delete"]
        assert [row["op"] for row in await feed(api.service, name)][-2:] == ["delete", "upsert"]


async def _set_visibility(api: Any, visibility: str) -> None:
    body, match = {"visibility": visibility, "summary": visibility}, {"If-Match": "*"}
    answer = await api.operator.patch("/v1/plugins/jenkins:git", json=body, headers=match)
    assert answer.status_code == 200, answer.text


async def test_what_other_tenants_need_is_linked_when_a_plugin_opens_and_let_go_when_it_closes(api: Any) -> None:
    await post(api.operator, "/v1/plugins", **plugin("git", visibility="private"))
    needing = {**plugin("own"), "releases": [{"version": "1.0.0", "dependencies": [{"ref": "jenkins:git"}]}]}
    await post(api.acme, "/v1/plugins", **needing)
    advisory = {"external_id": "S", "subject_kind": "plugin", "subject_ref": "jenkins:git", "summary": "Bad"}
    for client in (api.operator, api.acme):
        await post(client, "/v1/advisories/batches", advisories=[advisory])

    async def linked() -> list[bool]:
        needed = await items(api.acme, "/v1/plugins/jenkins:own/dependencies")
        own = (await feed(api.acme, "advisories"))[-1]
        return [needed[0]["dependency_plugin_id"] is not None, own["plugin_id"] is not None]

    assert await linked() == [False, False]
    await _set_visibility(api, "public")
    assert await linked() == [True, True]
    assert len({row["tenant_id"] for row in await feed(api.acme, "advisories")}) == 2, "the operator's is told again"
    await _set_visibility(api, "private")
    assert await linked() == [False, False]
    assert "private" not in {row["summary"] for row in await feed(api.acme, "plugins")}, "what came later is not shown"


async def test_deleting_an_own_plugin_points_its_dependants_at_the_public_one_it_hid(api: Any) -> None:
    public = await post(api.operator, "/v1/plugins", **plugin("git"))
    await post(api.acme, "/v1/plugins", **plugin("git"))
    needing = {**plugin("own"), "releases": [{"version": "1.0.0", "dependencies": [{"ref": "jenkins:git"}]}]}
    await post(api.acme, "/v1/plugins", **needing)
    assert (await api.acme.delete("/v1/plugins/jenkins:git")).status_code == 204
    (needed,) = await items(api.acme, "/v1/plugins/jenkins:own/dependencies")
    assert needed["dependency_plugin_id"] == public["id"]
    assert (await feed(api.acme, "dependencies"))[-1]["dependency_plugin_id"] == public["id"]


async def test_a_plugin_that_usage_or_statistics_may_name_is_not_deleted(api: Any) -> None:
    await post(api.acme, "/v1/plugins", **plugin("own"))
    await accepted(api.acme, lines(event("e", plugin="jenkins:own", at=ago(days=90))))
    await post(api.acme, "/v1/plugins", **plugin("later"))
    answer = await api.acme.delete("/v1/plugins/jenkins:own")
    assert answer.status_code == 409 and "lifecycle to withdrawn" in answer.json()["detail"]
    assert (await api.acme.delete("/v1/plugins/jenkins:later")).status_code == 204


async def test_single_changes_and_batches_at_once_never_lock_each_other_out(api: Any) -> None:
    await post(api.operator, "/v1/plugins", **plugin("git", "1.0.0"))

    async def patched(number: int) -> int:
        path, body = "/v1/plugins/jenkins:git", {"summary": f"patch {number}"}
        return int((await api.operator.patch(path, json=body, headers={"If-Match": "*"})).status_code)

    async def sent(number: int) -> int:
        body = {"plugins": [plugin("git", "1.0.0", summary=f"batch {number}")]}
        return int((await api.operator.post("/v1/catalogue/batches", json=body)).status_code)

    found = await asyncio.gather(*(call(number) for number in range(20) for call in (patched, sent)))
    assert set(found) == {200, 201}


async def test_reading_dependants_does_not_grow_with_the_catalogue(api: Any) -> None:
    needing = {**plugin("git"), "releases": [{"version": "1.0.0", "dependencies": [{"ref": "jenkins:scm"}]}]}
    await post(api.operator, "/v1/catalogue/batches", plugins=[plugin("scm"), needing])
    before = await steps(api, api.acme, "/v1/plugins/jenkins:scm/dependants")
    others = [plugin(f"p{number}", *(f"1.{minor}.0" for minor in range(10))) for number in range(100)]
    await post(api.operator, "/v1/catalogue/batches", plugins=others)
    assert await steps(api, api.acme, "/v1/plugins/jenkins:scm/dependants") < 2 * before


async def test_writing_needs_the_scope(api: Any) -> None:
    viewer = api.client(await api.token(api.acme, role="viewer"))
    assert (await viewer.post("/v1/plugins", json=plugin("own"))).status_code == 403
    assert (await viewer.get("/v1/plugins")).status_code == 200
    assert (await api.nobody.get("/v1/plugins")).status_code == 401
