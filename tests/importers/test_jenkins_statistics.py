"""Install counts of the Jenkins registry: months, versions, odd stamps, odd counts."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from patchbay.importers import Report, jenkins

Make = Callable[..., bytes]


def _run(source: Path, twin: Any) -> Report:
    report = jenkins.run(source, twin)
    assert report.adds_up
    return report


def _codes(report: Report) -> list[tuple[str, str, str]]:
    return [(row.kind, row.pointer, row.code) for row in report.rejects]


MAY, JUNE = "1682899200000", "1685577600000"


def _counts(name: str, months: dict[str, Any], versions: dict[str, Any] | None = None) -> bytes:
    return json.dumps({"name": name, "installations": months, "installationsPerVersion": versions or {}}).encode()


def test_counts_are_told_by_month_and_by_version_of_the_last_month(twin: Any, folder: Any, catalogue: Make) -> None:
    _run(
        folder(
            current=catalogue({"git": {}}), stats_git=_counts("git", {MAY: 46, JUNE: 0}, {"1.0": 40, "2.4.0 (***)": 6})
        ),
        twin,
    )
    rows = {(str(row["period"]), row["version"]): row["count"] for row in twin.statistics}
    assert rows == {
        ("2023-05-01", None): 46,
        ("2023-06-01", None): 0,
        ("2023-06-01", "1.0"): 40,
        ("2023-06-01", "2.4.0 (***)"): 6,
    }
    assert {(row["plugin"], row["grain"], row["metric"], row["source"]) for row in twin.statistics} == {
        ("jenkins:git", "month", "installs", "jenkins-infra")
    }


@pytest.mark.parametrize(
    ("stamp", "month"),
    [("1572595200000", "2019-11-01"), ("1583038800000", "2020-03-01"), ("1246420800000", "2009-07-01")],
)
def test_a_stamp_of_new_york_midnight_is_bucketed_to_its_month(
    stamp: str, month: str, twin: Any, folder: Any, catalogue: Make
) -> None:
    _run(folder(current=catalogue({"git": {}}), stats_git=_counts("git", {stamp: 1})), twin)
    assert [str(row["period"]) for row in twin.statistics] == [month]


def test_two_files_of_one_plugin_give_one_count_a_month(twin: Any, folder: Any, catalogue: Make) -> None:
    report = _run(
        folder(
            current=catalogue({"slicing": {}}),
            stats_Slicing=_counts("slicing", {"1246406400000": 6, JUNE: 9}),
            stats_slicing=_counts("slicing", {"1246420800000": 1, JUNE: 9}),
        ),
        twin,
    )
    assert [row["count"] for row in twin.statistics] == [6, 9]
    assert _codes(report) == [("statistics", "/installations/1246420800000", "conflicting_count")]
    tally = report.totals["statistics"]
    assert (tally.received, tally.accepted, tally.duplicates, tally.rejected) == (4, 2, 1, 1)


@pytest.mark.parametrize("count", ["10612022-06-12T21:12:22Z", None, 1.5, True, -1, 2**63, [1]])
def test_a_count_that_is_none_is_a_reject_that_names_its_place(
    count: Any, twin: Any, folder: Any, catalogue: Make
) -> None:
    report = _run(
        folder(current=catalogue({"git": {}}), stats_git=_counts("git", {MAY: count, JUNE: 3}, {"1.0": count})), twin
    )
    assert _codes(report) == [
        ("statistics", f"/installations/{MAY}", "wrong_type"),
        ("statistics", "/installationsPerVersion/1.0", "wrong_type"),
    ]
    assert [row["count"] for row in twin.statistics] == [3]


@pytest.mark.parametrize("stamp", ["", "May 2023", "-1", "1e9", "9999999999999999", "٣"])
def test_a_stamp_that_is_none_is_a_reject(stamp: str, twin: Any, folder: Any, catalogue: Make) -> None:
    report = _run(folder(current=catalogue({"git": {}}), stats_git=_counts("git", {stamp: 1, JUNE: 3})), twin)
    assert [code for _, _, code in _codes(report)] == ["invalid_time"] and len(twin.statistics) == 1


def test_counts_of_plugins_the_registry_does_not_know_are_reported_until_it_does(
    twin: Any, folder: Any, catalogue: Make
) -> None:
    source = folder(stats_git=_counts("git", {JUNE: 3}))
    assert [code for _, _, code in _codes(_run(source, twin))] == ["unknown_plugin"]
    assert [code for _, _, code in _codes(_run(source, twin))] == ["unknown_plugin"] and twin.posts == 1
    _run(folder(current=catalogue({"git": {}})), twin)
    assert [row["count"] for row in twin.statistics] == [3]
