"""A catalogue sent in batches: every item by itself, repeats without effect, what waits linked when it arrives."""

import json
from typing import Any

import pytest
from sqlalchemy import event as listening

from tests.registry_api.intake_data import feed, items, plugin, post

BATCH = "/v1/catalogue/batches"


def release(version: str, *needs: str, **fields: Any) -> dict[str, Any]:
    """A release that needs plugins of the namespace jenkins."""
    return {"version": version, "dependencies": [{"ref": f"jenkins:{name}"} for name in needs], **fields}


async def test_a_batch_creates_plugins_with_all_their_parts(api: Any) -> None:
    document = plugin(
        "git", title="Git", summary="Clones", labels=["scm", "git"], maintainers=[{"handle": "mark", "name": "Mark"}]
    )
    document["releases"] = [release("1.10.0", "scm-api"), release("1.9.0"), release("2.0.0-rc.1")]
    result = await post(api.operator, BATCH, plugins=[document])
    assert (result["received"], result["accepted"], result["created"]) == (1, 1, 1)
    found = (await api.acme.get("/v1/plugins/jenkins:git")).json()
    assert (found["title"], found["labels"], found["latest_version"], found["release_count"]) == (
        "Git",
        ["git", "scm"],
        "1.10.0",
        3,
    )
    assert found["maintainers"] == [{"handle": "mark", "name": "Mark"}]
    versions = [row["version"] for row in await items(api.acme, "/v1/plugins/jenkins:git/releases", limit=2)]
    assert versions == ["2.0.0-rc.1", "1.10.0", "1.9.0"]


async def test_the_same_content_again_writes_nothing(api: Any) -> None:
    documents = [plugin("git", "1.0.0", "1.1.0", labels=["b", "a"], maintainers=[{"handle": "x"}, {"handle": "y"}])]
    await post(api.operator, BATCH, plugins=documents)
    before = [await feed(api.service, name) for name in ("plugins", "releases", "dependencies")]
    documents[0]["labels"].reverse()
    documents[0]["maintainers"].reverse()
    result = await post(api.operator, BATCH, plugins=documents)
    assert (result["unchanged"], result["updated"], result["created"]) == (1, 0, 0)
    assert [await feed(api.service, name) for name in ("plugins", "releases", "dependencies")] == before


async def test_a_change_writes_only_what_changed(api: Any) -> None:
    await post(api.operator, BATCH, plugins=[plugin("git", "1.0.0"), plugin("svn", "1.0.0")])
    result = await post(
        api.operator, BATCH, plugins=[plugin("git", "1.0.0", "1.1.0"), plugin("svn", "1.0.0", summary="Old")]
    )
    assert (result["updated"], result["unchanged"]) == (2, 0)
    plugins, releases = await feed(api.service, "plugins"), await feed(api.service, "releases")
    assert [(row["name"], row["summary"]) for row in plugins] == [("git", None), ("svn", None), ("svn", "Old")]
    assert [row["version"] for row in releases] == ["1.0.0", "1.0.0", "1.1.0"]


async def test_fields_left_out_stay_and_null_clears(api: Any) -> None:
    await post(api.operator, BATCH, plugins=[plugin("git", summary="S", licence="MIT", labels=["scm"])])
    await post(api.operator, BATCH, plugins=[plugin("git", licence=None)])
    found = (await api.acme.get("/v1/plugins/jenkins:git")).json()
    assert (found["summary"], found["licence"], found["labels"], found["revision"]) == ("S", None, ["scm"], 2)


async def test_bad_items_are_refused_by_pointer_and_the_good_ones_kept(api: Any) -> None:
    bad = [
        plugin("a b"),
        {"namespace": "jenkins", "name": "x", "titel": "X"},
        plugin("y", "not a version"),
        "text",
        plugin("z", "1.0.0", occurred_at="2999-01-01T00:00:00Z"),
        plugin("nul", summary="a\x00b"),
    ]
    result = await post(api.operator, BATCH, plugins=[*bad, plugin("good", "1.0.0")])
    assert (result["accepted"], result["rejected"]) == (1, 6)
    found = {(row["row_index"], row["field"]): row["code"] for row in result["rejects"]}
    assert found[(1, "/plugins/1/titel")] == "unknown_field"
    assert found[(2, "/plugins/2/releases/0/version")] == "invalid_version"
    assert {place for place, _ in found} == set(range(6))
    kept = await items(api.operator, f"/v1/intake/batches/{result['batch_id']}/rejects")
    assert len(kept) == len(result["rejects"]) and '"titel":"X"' in kept[1]["row"]


async def test_a_release_is_immutable_but_for_yanked_and_what_was_null(api: Any) -> None:
    first = release("1.0.0", "scm-api", digest="sha256:aa")
    await post(api.operator, BATCH, plugins=[{**plugin("git"), "releases": [first]}])
    filled = {**first, "size_bytes": 7, "yanked": True}
    assert (await post(api.operator, BATCH, plugins=[{**plugin("git"), "releases": [filled]}]))["updated"] == 1
    changes: dict[str, dict[str, Any]] = {
        "digest": {"digest": "sha256:bb"},
        "size_bytes": {"size_bytes": 8},
        "dependencies": {"dependencies": [{"ref": "jenkins:other"}]},
    }
    for field, change in changes.items():
        documents = [{**plugin("git", labels=[field]), "releases": [{**filled, **change}, release("2.0.0")]}]
        result = await post(api.operator, BATCH, plugins=documents)
        assert [(row["field"], row["code"]) for row in result["rejects"]] == [
            (f"/plugins/0/releases/0/{field}", "release_conflict")
        ]
    found = (await api.acme.get("/v1/plugins/jenkins:git/releases/1.0.0")).json()
    assert (found["digest"], found["size_bytes"], found["yanked"]) == ("sha256:aa", 7, True)
    assert [row["dependency_ref"] for row in found["dependencies"]] == ["jenkins:scm-api"]
    assert (await api.acme.get("/v1/plugins/jenkins:git")).json()["latest_version"] == "2.0.0", (
        "the other parts were kept"
    )


async def test_null_says_nothing_about_a_release_that_has_a_value(api: Any) -> None:
    await post(
        api.operator, BATCH, plugins=[{**plugin("git"), "releases": [release("1.0.0", "scm-api", digest="sha256:aa")]}]
    )
    assert (await post(api.operator, BATCH, plugins=[plugin("git", "1.0.0")]))["unchanged"] == 1


async def test_dependencies_and_advisories_are_linked_when_their_plugin_arrives(api: Any) -> None:
    await post(api.operator, BATCH, plugins=[{**plugin("git"), "releases": [release("1.0.0", "scm-api")]}])
    await post(api.acme, BATCH, plugins=[{**plugin("own"), "releases": [release("1.0.0", "scm-api")]}])
    advisory = {"external_id": "S-1", "subject_kind": "plugin", "subject_ref": "jenkins:scm-api", "summary": "Bad"}
    await post(api.operator, "/v1/advisories/batches", advisories=[advisory])
    assert (await items(api.acme, "/v1/plugins/jenkins:git/dependencies"))[0]["dependency_plugin_id"] is None
    await post(api.operator, BATCH, plugins=[plugin("scm-api", "1.0.0")])
    arrived = (await api.acme.get("/v1/plugins/jenkins:scm-api")).json()["id"]
    for name in ("git", "own"):
        assert (await items(api.acme, f"/v1/plugins/jenkins:{name}/dependencies"))[0]["dependency_plugin_id"] == arrived
    assert [row["ref"] for row in await items(api.acme, "/v1/plugins/jenkins:scm-api/dependants")] == [
        "jenkins:git",
        "jenkins:own",
    ]
    assert (await items(api.acme, "/v1/advisories"))[0]["plugin_id"] == arrived
    linked = [row["dependency_plugin_id"] for row in await feed(api.service, "dependencies")]
    assert linked == [None, None, arrived, arrived]
    assert [row["plugin_id"] for row in await feed(api.service, "advisories")] == [None, arrived]


async def test_a_private_plugin_of_one_tenant_links_nothing_of_another(api: Any) -> None:
    await post(api.acme, BATCH, plugins=[{**plugin("own"), "releases": [release("1.0.0", "secret")]}])
    await post(api.globex, BATCH, plugins=[plugin("secret", "1.0.0")])
    assert (await items(api.acme, "/v1/plugins/jenkins:own/dependencies"))[0]["dependency_plugin_id"] is None


async def test_plugins_of_one_batch_link_to_each_other(api: Any) -> None:
    documents = [
        {**plugin("a"), "releases": [release("1.0.0", "b")]},
        {**plugin("b"), "releases": [release("1.0.0", "a")]},
    ]
    await post(api.operator, BATCH, plugins=documents)
    for name, other in (("a", "b"), ("b", "a")):
        needed = (await items(api.acme, f"/v1/plugins/jenkins:{name}/dependencies"))[0]
        assert needed["dependency_plugin_id"] == (await api.acme.get(f"/v1/plugins/jenkins:{other}")).json()["id"]


async def test_a_batch_key_replays_and_refuses_other_content(api: Any) -> None:
    first = await post(api.operator, BATCH, key="k", plugins=[plugin("git", "1.0.0")])
    again = await post(api.operator, BATCH, status=200, key="k", plugins=[plugin("git", "1.0.0")])
    assert again == {**first, "replayed": True}
    await post(api.operator, BATCH, status=422, key="k", plugins=[plugin("git", "2.0.0")])


async def test_an_empty_batch_and_one_too_long_are_refused(api: Any) -> None:
    await post(api.operator, BATCH, status=400, plugins=[])
    await post(api.operator, BATCH, status=400, plugins=[plugin(f"p{n}") for n in range(501)])


async def test_a_big_batch_takes_few_statements(api: Any) -> None:
    if api.is_postgres:
        pytest.skip("the driver's statements are counted on SQLite, where they are issued alike")
    documents = [
        {
            **plugin(f"p{n}", labels=["x"]),
            "releases": [release(f"1.{minor}.0", f"p{n + 1}", f"p{n + 2}") for minor in range(5)],
        }
        for n in range(300)
    ]
    statements: list[str] = []
    engine = api.app.state.database.engine.sync_engine
    listening.listen(engine, "before_cursor_execute", lambda *seen: statements.append(seen[2]))
    await post(api.operator, BATCH, plugins=documents)
    assert len(statements) < 60, "300 plugins, 1,500 releases, 3,000 dependencies and their feed rows"
    assert (await post(api.operator, BATCH, plugins=documents))["unchanged"] == 300


async def test_an_item_nested_too_deeply_to_be_kept_is_refused_like_any_other(api: Any) -> None:
    nested = "[" * 300 + "]" * 300
    body = f'{{"plugins": [{{"namespace": "jenkins", "name": "x", "titel": {nested}}}, {json.dumps(plugin("good"))}]}}'
    answer = await api.operator.post(BATCH, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 201, answer.text
    assert (answer.json()["accepted"], answer.json()["rejected"]) == (1, 1)
    (kept,) = await items(api.operator, f"/v1/intake/batches/{answer.json()['batch_id']}/rejects")
    assert "nested too deeply" in kept["row"]


async def test_rejects_known_without_the_database_are_written_before_the_writers_turn(
    api: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage, turn, locked = api.app.state.storage, api.app.state.database._writer_turn, []
    put = type(storage).put

    def watched(self: Any, key: str, data: bytes) -> None:
        locked.append(turn.locked())
        put(self, key, data)

    monkeypatch.setattr(type(storage), "put", watched)
    await post(api.operator, BATCH, plugins=[plugin("a b"), plugin("good", "1.0.0")])
    assert locked == [False]
