"""The jiro importer on a small foundation."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from patchbay.importers import Report, jiro

EVENTS = """commit_time,commit,instance,event,plugin
2021-02-15T18:10:43+01:00,c29e,ee4j.cu,add,git
2022-06-01T00:30:00+02:00,d3aa,ee4j.cu,remove,git
2022-06-01T00:30:00+02:00,d3aa,asciidoc,add,matrix-communication
"""
HEAD = """instance,plugin,source
asciidoc,git,base
asciidoc,mailer,extra
mystery,git,base
"""


@pytest.fixture
def foundation(tmp_path: Path) -> Callable[..., Path]:
    """Writes jiro's files; the twin knows the plugins git and mailer."""

    def make(
        *, events: str | bytes = EVENTS, head: str | bytes = HEAD, configs: dict[str, str | bytes] | None = None
    ) -> Path:
        for name, config in (
            configs or {"asciidoc": json.dumps({"project": {"displayName": "Eclipse AsciiDoc"}})}
        ).items():
            folder = tmp_path / "jiro" / "instances" / name / "target"
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "config.json").write_bytes(_bytes(config))
        derived = tmp_path / "jiro" / "derived"
        derived.mkdir(parents=True, exist_ok=True)
        (derived / "plugin-events.csv").write_bytes(_bytes(events))
        (derived / "instance-plugins-head.csv").write_bytes(_bytes(head))
        return tmp_path / "jiro"

    return make


def _bytes(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode()


@pytest.fixture(autouse=True)
def _known(twin: Any) -> None:
    for name in ("git", "mailer"):
        twin.documents["plugins"][f"jenkins:{name}"] = {"namespace": "jenkins", "name": name}


def _run(source: Path, twin: Any, **options: Any) -> Report:
    report = jiro.run(source, twin, **options)
    assert report.adds_up
    return report


def _places(report: Report) -> list[tuple[str, str, str]]:
    return [(Path(row.source).name, row.pointer, row.code) for row in report.rejects]


def test_controllers_become_targets_and_those_only_remembered_are_retired(foundation: Any, twin: Any) -> None:
    _run(foundation(), twin)
    assert twin.tenants == ["eclipse-foundation"] and twin.acting == "eclipse-foundation"
    targets = {name: (target["title"], target["lifecycle"]) for name, target in twin.documents["targets"].items()}
    assert targets == {
        "asciidoc": ("Eclipse AsciiDoc", "active"),
        "ee4j.cu": (None, "retired"),
        "mystery": (None, "active"),
    }
    assert {(t["kind"], t["environment"]) for t in twin.documents["targets"].values()} == {
        ("jenkins-controller", "production")
    }


def test_events_and_sightings_become_observations_in_utc(foundation: Any, twin: Any) -> None:
    _run(foundation(), twin)
    seen = [
        (row["target"], row["plugin"], row["event"], row.get("origin"), row["occurred_at"])
        for row in twin.documents["observations"].values()
    ]
    assert seen == [
        ("ee4j.cu", "jenkins:git", "added", None, "2021-02-15T17:10:43Z"),
        ("ee4j.cu", "jenkins:git", "removed", None, "2022-05-31T22:30:00Z"),
        ("asciidoc", "jenkins:mailer", "present", "extra", "2022-05-31T22:30:00Z"),
        ("asciidoc", "jenkins:git", "present", "base", "2022-05-31T22:30:00Z"),
        ("mystery", "jenkins:git", "present", "base", "2022-05-31T22:30:00Z"),
    ]


def test_an_event_of_an_unknown_plugin_is_reported_with_its_line_never_dropped(foundation: Any, twin: Any) -> None:
    report = _run(foundation(), twin)
    assert _places(report) == [("plugin-events.csv", "line 4", "unknown_plugin")]


def test_once_the_registry_knows_the_plugin_a_rerun_takes_its_events(foundation: Any, twin: Any) -> None:
    source = foundation()
    _run(source, twin)
    twin.documents["plugins"]["jenkins:matrix-communication"] = {"namespace": "jenkins", "name": "matrix-communication"}
    report = _run(source, twin)
    tally = report.totals["observations"]
    assert (tally.accepted, tally.duplicates, tally.rejected) == (1, 5, 0)


def test_a_name_with_a_stray_space_is_another_name(foundation: Any, twin: Any) -> None:
    report = _run(foundation(events=EVENTS + "2022-06-02T00:00:00Z,e,asciidoc,add,git \n"), twin)
    assert ("plugin-events.csv", "line 5", "unknown_plugin") in _places(report)


def test_a_pair_listed_as_base_and_extra_is_one_sighting_and_the_choice_wins(foundation: Any, twin: Any) -> None:
    report = _run(foundation(head=HEAD + "asciidoc,mailer,base\n"), twin)
    origins = [row["origin"] for row in twin.documents["observations"].values() if row["plugin"] == "jenkins:mailer"]
    assert origins == ["extra"] and report.totals["observations"].duplicates == 1


def test_a_rerun_changes_nothing(foundation: Any, twin: Any) -> None:
    source = foundation()
    _run(source, twin)
    posts = twin.posts
    report = _run(source, twin)
    assert twin.posts == posts and len(twin.tenants) == 1
    assert (report.totals["targets"].unchanged, report.totals["observations"].duplicates) == (3, 5)


BAD_ROWS: dict[str, tuple[bytes, str]] = {
    "no time": (b"soon,c,asciidoc,add,git", "malformed_row"),
    "before the calendar": (b"0001-01-01T00:00:00+01:00,c,asciidoc,add,git", "malformed_row"),
    "no zone": (b"2022-01-01T00:00:00,c,asciidoc,add,git", "malformed_row"),
    "another event": (b"2022-01-01T00:00:00Z,c,asciidoc,moved,git", "malformed_row"),
    "a cell too few": (b"2022-01-01T00:00:00Z,c,asciidoc,add", "malformed_row"),
    "a cell too many": (b"2022-01-01T00:00:00Z,c,asciidoc,add,git,x", "malformed_row"),
    "an open quote": (b'"2022-01-01T00:00:00Z,c,asciidoc,add,git', "malformed_row"),
    "no UTF-8": (b"2022-01-01T00:00:00Z,c,asciidoc,add,g\xfft", "invalid_utf8"),
}


@pytest.mark.parametrize("case", BAD_ROWS)
def test_a_bad_row_names_its_line_and_the_rows_around_it_are_kept(case: str, foundation: Any, twin: Any) -> None:
    row, code = BAD_ROWS[case]
    first, second, *rest = EVENTS.encode().splitlines(keepends=True)
    report = _run(foundation(events=b"".join([first, second, row + b"\r\n", *rest])), twin)
    assert ("plugin-events.csv", "line 3", code) in _places(report)
    assert report.totals["observations"].received == 7 and report.totals["observations"].accepted == 5


def test_a_file_without_its_columns_is_rejected_as_a_whole(foundation: Any, twin: Any) -> None:
    report = _run(foundation(events="a,b\n1,2\n"), twin)
    assert ("plugin-events.csv", "line 1", "malformed_file") in _places(report)
    assert [code for name, _, code in _places(report) if name.startswith("instance-")] == ["no_date"] * 3


BAD_CONFIGS: dict[str, tuple[str | bytes, str]] = {
    "cut off": ('{"project":\n', "line 2 column 1"),
    "no title": ('{"project": {}}', "/project/displayName"),
    "a list": ("[]", "/project/displayName"),
    "no UTF-8": (b"\xff", "line 1 column"),
}


@pytest.mark.parametrize("case", BAD_CONFIGS)
def test_a_broken_configuration_names_itself_and_still_is_a_controller(case: str, foundation: Any, twin: Any) -> None:
    config, pointer = BAD_CONFIGS[case]
    report = _run(foundation(configs={"asciidoc": config, "other": '{"project": {"displayName": "Other"}}'}), twin)
    (reject,) = [row for row in report.rejects if row.kind == "files"]
    assert reject.source == "instances/asciidoc/target/config.json" and reject.pointer.startswith(pointer)
    assert twin.documents["targets"]["asciidoc"]["title"] is None
    assert twin.documents["targets"]["other"]["title"] == "Other"


def test_a_tenants_own_token_is_used_as_it_is(foundation: Any, twin: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(twin, "me", lambda: {"tenant": {"slug": "acme"}})
    _run(foundation(), twin, tenant="acme", tenant_name="Acme")
    assert twin.acting is None and twin.tenants == []


def test_an_archive_of_it_will_do(twin: Any, foundation: Any, tar: Any, zstd: Any, tmp_path: Path) -> None:
    source = foundation()
    files = {f"jiro/{path.relative_to(source)}": path.read_bytes() for path in source.rglob("*") if path.is_file()}
    archive = tmp_path / "jiro.tar.zst"
    archive.write_bytes(zstd(tar(files)))
    report = _run(archive, twin, report_path=tmp_path / "report.json")
    assert report.totals["observations"].accepted == 5
    assert json.loads((tmp_path / "report.json").read_text())["totals"]["targets"]["created"] == 3
