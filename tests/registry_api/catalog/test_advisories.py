"""Advisories and the releases they hit."""

from typing import Any

import pytest

from tests.registry_api.intake_data import feed, items, plugin, post

BATCH = "/v1/advisories/batches"
VERSIONS = ("1.0.0", "1.7.2", "1.7.24", "1.7.25", "2.0.0-rc.1", "2.0.0")


def advisory(external_id: str = "SECURITY-1", **fields: Any) -> dict[str, Any]:
    """An advisory on jenkins:git."""
    base = {"external_id": external_id, "subject_kind": "plugin", "subject_ref": "jenkins:git", "summary": "Leaks"}
    return {**base, **fields}


async def affected(api: Any) -> dict[str, list[str]]:
    """Affected versions of jenkins:git by advisory."""
    return {
        row["external_id"]: row["affected_versions"]
        for row in await items(api.acme, "/v1/plugins/jenkins:git/advisories")
    }


@pytest.fixture(autouse=True)
async def _filled(api: Any) -> None:
    await post(api.operator, "/v1/catalogue/batches", plugins=[plugin("git", *VERSIONS)])


async def test_a_pattern_must_match_the_whole_version_and_else_bounds_decide(api: Any) -> None:
    ranges = {
        "pattern": [{"last_version": "1.7.24", "pattern": r"1[.]7[.](\d(|[.-].*)|24)"}],
        "last": [{"last_version": "1.7.24"}],
        "first": [{"first_version": "1.7.25"}],
        "both": [{"first_version": "1.7.2", "last_version": "1.7.24"}],
        "several": [{"last_version": "1.0.0"}, {"first_version": "2.0.0"}],
        "all": [{}],
        "none": [],
    }
    await post(api.operator, BATCH, advisories=[advisory(name, ranges=value) for name, value in ranges.items()])
    assert await affected(api) == {
        "pattern": ["1.7.2", "1.7.24"],
        "last": ["1.0.0", "1.7.2", "1.7.24"],
        "first": ["1.7.25", "2.0.0-rc.1", "2.0.0"],
        "both": ["1.7.2", "1.7.24"],
        "several": ["1.0.0", "2.0.0"],
        "all": list(VERSIONS),
        "none": [],
    }
    unfixed = {row["external_id"]: row["unfixed"] for row in await items(api.acme, "/v1/advisories")}
    assert {name for name, value in unfixed.items() if value} == {"first", "several", "all"}


async def test_a_hostile_pattern_costs_no_time_and_one_that_is_no_expression_falls_back_on_bounds(api: Any) -> None:
    ranges = [
        [{"pattern": "(a+)+$" * 20 + "|(x+x+)+y"}],
        [{"pattern": r"(?!1).*", "last_version": "1.0.0"}],
        [{"pattern": "(" * 500, "last_version": "1.0.0"}],
        [{"pattern": "a)|(1.*", "last_version": "1.0.0"}],
        [{"pattern": "((a{1,1000}){1,1000}){1000}", "last_version": "1.0.0"}],
    ]
    documents = [advisory(str(place), ranges=value) for place, value in enumerate(ranges)]
    assert (await post(api.operator, BATCH, advisories=documents))["accepted"] == 5
    assert await affected(api) == {"0": [], **{str(place): ["1.0.0"] for place in range(1, 5)}}


async def test_a_pattern_that_is_no_expression_and_has_no_bounds_is_refused(api: Any) -> None:
    result = await post(
        api.operator, BATCH, advisories=[advisory("a", ranges=[{}, {"pattern": "(?=x)"}]), advisory("b")]
    )
    assert [(row["field"], row["code"]) for row in result["rejects"]] == [
        ("/advisories/0/ranges/1/pattern", "invalid_pattern")
    ]
    assert result["accepted"] == 1


async def test_the_same_advisory_again_writes_nothing_and_a_change_one_row(api: Any) -> None:
    assert (await post(api.operator, BATCH, advisories=[advisory(ranges=[{"last_version": "1.0.0"}])]))["created"] == 1
    assert (await post(api.operator, BATCH, advisories=[advisory(ranges=[{"last_version": "1.0.0"}])]))[
        "unchanged"
    ] == 1
    assert (await post(api.operator, BATCH, advisories=[advisory(ranges=[{"last_version": "1.7.2"}])]))["updated"] == 1
    rows = await feed(api.service, "advisories")
    assert [row["ranges"] for row in rows] == ['[{"last_version":"1.0.0"}]', '[{"last_version":"1.7.2"}]']
    assert len({row["id"] for row in rows}) == 1


async def test_one_external_id_may_name_several_subjects(api: Any) -> None:
    documents = [advisory(), advisory(subject_ref="jenkins:svn"), advisory(subject_kind="host", subject_ref="core")]
    assert (await post(api.operator, BATCH, advisories=documents))["created"] == 3
    known = {
        row["subject_ref"]: row["plugin_id"] is not None for row in await items(api.acme, "/v1/advisories", limit=1)
    }
    assert known == {"jenkins:git": True, "jenkins:svn": False, "core": False}


async def test_advisories_on_private_plugins_stay_private(api: Any) -> None:
    await post(api.operator, "/v1/plugins", **plugin("closed", visibility="private"))
    await post(api.operator, BATCH, advisories=[advisory("a", subject_ref="jenkins:closed")])
    await post(api.acme, BATCH, advisories=[advisory("b")])
    assert await items(api.globex, "/v1/advisories") == []
    assert [row["external_id"] for row in await items(api.acme, "/v1/advisories")] == ["b"]
    assert await feed(api.globex, "advisories") == []


@pytest.mark.parametrize("pattern", ["(.?){1000}", "((.?){30}){30}", r"\pL" * 100, r"1[.]\w{101}"])
async def test_a_pattern_that_would_cost_much_is_refused(api: Any, pattern: str) -> None:
    result = await post(api.operator, BATCH, advisories=[advisory(ranges=[{"pattern": pattern}])])
    assert [row["code"] for row in result["rejects"]] == ["invalid_pattern"]


async def test_a_batch_of_too_many_patterns_keeps_the_first_ones(api: Any) -> None:
    documents = [
        advisory(str(place), ranges=[{"pattern": f"{place}[.]{number}"} for number in range(200)])
        for place in range(11)
    ]
    result = await post(api.operator, BATCH, advisories=documents)
    assert (result["accepted"], result["rejected"]) == (10, 1)
    assert {row["code"] for row in result["rejects"]} == {"too_many_patterns"}


async def test_matching_that_takes_too_long_is_given_up(api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    await post(api.operator, BATCH, advisories=[advisory(ranges=[{"pattern": "1.*"}])])
    monkeypatch.setattr("registry_api.catalog.presenting.MATCHING_SECONDS", -1)
    answer = await api.acme.get("/v1/plugins/jenkins:git/advisories")
    assert answer.status_code == 422 and answer.json()["type"].endswith("matching_too_long")
