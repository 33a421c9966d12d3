"""The Jenkins importer on small catalogues made to be good, odd or broken."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from patchbay.importers import Report, jenkins
from patchbay.importers.jenkins.text import plain_text
from tests.pace import under

Make = Callable[..., bytes]


def _run(source: Path | str, twin: Any, **options: Any) -> Report:
    report = jenkins.run(source, twin, **options)
    assert report.adds_up
    return report


def _codes(report: Report) -> list[tuple[str, str, str]]:
    return [(row.kind, row.pointer, row.code) for row in report.rejects]


def test_a_plugin_is_told_in_the_registrys_words(twin: Any, folder: Any, catalogue: Make) -> None:
    row = {
        "wiki": "https://plugins.jenkins.io/git",
        "scm": "https://github.com/jenkinsci/git-plugin",
        "dependencies": [{"name": "mailer", "version": "457.v3f72cb_e015e5", "optional": True}],
    }
    _run(folder(d2023_07_01=catalogue({"git": row})), twin)
    plugin = twin.documents["plugins"]["jenkins:git"]
    assert (plugin["title"], plugin["summary"], plugin["lifecycle"], plugin["visibility"]) == (
        "Git",
        "Does things.",
        "active",
        "public",
    )
    assert plugin["labels"] == ["scm"] and plugin["maintainers"] == [{"handle": "ada", "name": "Ada"}]
    assert plugin["occurred_at"] == "2023-06-07T18:55:39Z" and plugin["homepage_url"].endswith("/git")
    assert twin.releases["git", "1.0"] == {
        "version": "1.0",
        "version_scheme": "jenkins",
        "requires_host": "2.387.3",
        "artifact_url": "https://example.org/git.hpi",
        "digest": "sha256:f7f3c1ad08dcd3e635dfd46e1c56780366d6f54ff514c1c72bfc3ce06fc7091d",
        "size_bytes": 606219,
        "released_at": "2023-06-07T18:55:39Z",
        "dependencies": [{"ref": "jenkins:mailer", "optional": True, "requirement": "457.v3f72cb_e015e5"}],
    }


def test_warnings_become_advisories_dated_by_their_address(twin: Any, folder: Any, catalogue: Make) -> None:
    warnings = [
        {
            "id": "SECURITY-208",
            "type": "plugin",
            "name": "google-login",
            "message": "Bypass &amp; more",
            "url": "https://jenkins.io/security/advisory/2015-10-12/",
            "versions": [{"firstVersion": "1.0", "lastVersion": "1.1", "pattern": "1[.][01]"}, {"pattern": ".*"}],
        },
        {
            "id": "core-2_44",
            "type": "core",
            "name": "core",
            "message": "m",
            "url": "https://jenkins.io/x",
            "versions": [],
        },
    ]
    _run(folder(d2023_07_01=catalogue({}, warnings=warnings)), twin)
    assert twin.documents["advisories"]["SECURITY-208"] == {
        "external_id": "SECURITY-208",
        "subject_kind": "plugin",
        "subject_ref": "jenkins:google-login",
        "summary": "Bypass & more",
        "url": "https://jenkins.io/security/advisory/2015-10-12/",
        "ranges": [{"first_version": "1.0", "last_version": "1.1", "pattern": "1[.][01]"}, {"pattern": ".*"}],
        "published_at": "2015-10-12T00:00:00Z",
    }
    core = twin.documents["advisories"]["core-2_44"]
    assert (core["subject_kind"], core["subject_ref"]) == ("host", "jenkins-core") and "published_at" not in core


def test_several_catalogues_give_the_history_of_releases(twin: Any, folder: Any, catalogue: Make) -> None:
    earlier = {"previousVersion": "0.9", "previousTimestamp": "2020-01-01T00:00:00.00Z"}
    report = _run(
        folder(
            d2023_02_01=catalogue(
                {"a": {"version": "1.1", "previousVersion": "1.0", "previousTimestamp": "2023-01-01T00:00:00.00Z"}}
            ),
            d2023_01_01=catalogue({"a": earlier, "b": {}}),
            d2023_03_01=catalogue({"a": {"version": "1.1"}, "b": {"title": "New title"}}),
        ),
        twin,
    )
    assert sorted(twin.releases) == [("a", "0.9"), ("a", "1.0"), ("a", "1.1"), ("b", "1.0")]
    assert twin.releases["a", "0.9"] == {
        "version": "0.9",
        "version_scheme": "jenkins",
        "released_at": "2020-01-01T00:00:00Z",
    }
    assert "digest" in twin.releases["a", "1.0"], "described by a catalogue, not only mentioned"
    assert twin.documents["plugins"]["jenkins:a"]["occurred_at"] == "2020-01-01T00:00:00Z"
    assert twin.documents["plugins"]["jenkins:b"]["title"] == "New title"
    assert report.totals["plugins"].received == 7 and report.details["releases"] == 4, (
        "five rows, one withdrawal, one mention"
    )


def test_what_a_later_catalogue_says_otherwise_is_counted_not_sent(twin: Any, folder: Any, catalogue: Make) -> None:
    report = _run(
        folder(
            d2023_01_01=catalogue({"a": {"size": None}}),
            d2023_02_01=catalogue({"a": {"url": "https://mirror.example/a"}}),
        ),
        twin,
    )
    assert report.details["releases_restated"] == 1
    release = twin.releases["a", "1.0"]
    assert (release["artifact_url"], release["size_bytes"]) == ("https://example.org/a.hpi", 606219), (
        "what was missing is filled"
    )


def test_a_plugin_that_is_gone_is_withdrawn_and_comes_back(twin: Any, folder: Any, catalogue: Make) -> None:
    both: dict[str, Any] = {"a": {}, "b": {}}
    one: dict[str, Any] = {"a": {}}
    _run(folder(d2023_01_01=catalogue(both), d2023_02_01=catalogue(one)), twin)
    assert twin.documents["plugins"]["jenkins:b"]["lifecycle"] == "withdrawn"
    _run(folder(d2023_03_01=catalogue(both, id="back")), twin)
    assert twin.documents["plugins"]["jenkins:b"]["lifecycle"] == "active"


def test_a_catalogue_of_too_few_plugins_withdraws_none(twin: Any, folder: Any, catalogue: Make) -> None:
    many: dict[str, Any] = {f"p{number}": {} for number in range(5)}
    report = _run(folder(d2023_01_01=catalogue(many), d2023_02_01=catalogue({"p0": {}, "new": {}})), twin)
    assert {plugin["lifecycle"] for plugin in twin.documents["plugins"].values()} == {"active"}
    assert _codes(report) == [("files", "/plugins", "implausible_catalogue")]
    assert "jenkins:new" in twin.documents["plugins"]


def test_a_plugin_whose_row_breaks_is_not_withdrawn_for_it(twin: Any, folder: Any, catalogue: Make) -> None:
    _run(folder(d2023_01_01=catalogue({"a": {}, "b": {}}), d2023_02_01=catalogue({"a": {}, "b": "broken"})), twin)
    assert twin.documents["plugins"]["jenkins:b"]["lifecycle"] == "active"


def test_deprecation_comes_from_labels_the_section_or_the_list(twin: Any, folder: Any, catalogue: Make) -> None:
    plugins: dict[str, Any] = {"label": {"labels": ["deprecated"]}, "section": {}, "list": {}, "fine": {}}
    properties = b"# comment\n\nlist = https://example.org/why\nunknown = https://example.org\n"
    _run(folder(d2023_01_01=catalogue(plugins, deprecations={"section": {"url": "x"}}), deprecations=properties), twin)
    lifecycles = {name.split(":")[1]: plugin["lifecycle"] for name, plugin in twin.documents["plugins"].items()}
    assert lifecycles == {"label": "deprecated", "section": "deprecated", "list": "deprecated", "fine": "active"}


MALFORMED_ROWS: dict[str, tuple[Any, str, str]] = {
    "no object": ("text", "/plugins/bad", "malformed_plugin"),
    "another name": ({"name": "other"}, "/plugins/bad", "malformed_plugin"),
    "no version": ({"version": None}, "/plugins/bad", "malformed_plugin"),
    "no usable version": ({"version": "1/2"}, "/plugins/bad/version", "invalid_version"),
    "version of a wrong type": ({"version": 1.5}, "/plugins/bad/version", "wrong_type"),
}


@pytest.mark.parametrize("case", MALFORMED_ROWS)
def test_a_malformed_row_names_itself_and_the_good_ones_are_kept(
    case: str, twin: Any, folder: Any, catalogue: Make
) -> None:
    row, pointer, code = MALFORMED_ROWS[case]
    report = _run(folder(d2023_01_01=catalogue({"bad": row, "good": {}})), twin)
    assert (pointer, code) in {(found.pointer, found.code) for found in report.rejects}
    assert {found.source for found in report.rejects} == {"update-center-2023-01-01.json"}
    assert list(twin.documents["plugins"]) == ["jenkins:good"] and report.totals["plugins"].rejected == 1


ODD_FIELDS: dict[str, tuple[dict[str, Any], str]] = {
    "digest": ({"sha256": "not base64!"}, "/plugins/a/sha256"),
    "short digest": ({"sha256": "AAAA"}, "/plugins/a/sha256"),
    "size": ({"size": "big"}, "/plugins/a/size"),
    "time": ({"releaseTimestamp": "yesterday"}, "/plugins/a/releaseTimestamp"),
    "time before the calendar": ({"releaseTimestamp": "0001-01-01T00:00:00+01:00"}, "/plugins/a/releaseTimestamp"),
    "time after the calendar": ({"previousTimestamp": "9999-12-31T23:59:59-01:00"}, "/plugins/a/previousTimestamp"),
    "excerpt": ({"excerpt": "a <![ b>"}, "/plugins/a/excerpt"),
    "address": ({"wiki": "javascript:alert(1)"}, "/plugins/a/wiki"),
    "labels": ({"labels": "scm"}, "/plugins/a/labels"),
    "maintainers": ({"developers": ["ada"]}, "/plugins/a/developers"),
    "title": ({"title": ["x"]}, "/plugins/a/title"),
    "earlier version": ({"previousVersion": "a/b"}, "/plugins/a/previousVersion"),
}


@pytest.mark.parametrize("case", ODD_FIELDS)
def test_an_odd_field_is_left_out_and_said_so(case: str, twin: Any, folder: Any, catalogue: Make) -> None:
    row, pointer = ODD_FIELDS[case]
    report = _run(folder(d2023_01_01=catalogue({"a": row})), twin)
    assert [(found.kind, found.pointer) for found in report.rejects] == [("fields", pointer)]
    assert report.details["ignored_fields"] == 1 and ("a", "1.0") in twin.releases


def test_a_malformed_dependency_or_warning_is_one_reject(twin: Any, folder: Any, catalogue: Make) -> None:
    dependencies = [{"name": "a b"}, {"name": "ok", "version": "1"}]
    warnings = [{"id": "X"}, "text", {"id": "Y", "type": "plugin", "name": "a", "message": "m", "versions": []}]
    report = _run(folder(d2023_01_01=catalogue({"a": {"dependencies": dependencies}}, warnings=warnings)), twin)
    assert _codes(report) == [
        ("dependencies", "/plugins/a/dependencies/0", "malformed_dependency"),
        ("advisories", "/warnings/0", "malformed_warning"),
        ("advisories", "/warnings/1", "malformed_warning"),
    ]
    assert list(twin.documents["advisories"]) == ["Y"] and len(twin.releases["a", "1.0"]["dependencies"]) == 1
    assert (report.totals["dependencies"].received, report.totals["dependencies"].accepted) == (2, 1)


BROKEN_FILES: dict[str, tuple[bytes, str, str]] = {
    "cut off": (b'updateCenter.post(\n{"plugins":{}\n', "line 2", "cut off"),
    "bad JSON": (b'updateCenter.post(\n{"plugins":\n {"a": NaN}}\n);', "line 3 column 8", "is no JSON"),
    "plain bad JSON": (b'{"plugins"\n:}', "line 2 column 2", "is no JSON"),
    "another document": (b"[1, 2]", "/plugins", "has no object"),
    "empty": (b"", "line 1 column 1", "is no JSON"),
    "too deep": (b"[" * 5000, "line 1 column", "is no JSON"),
    "no UTF-8": (b'{"plugins": {"\xff": 1}}', "line 1 column", "is no JSON"),
}


@pytest.mark.parametrize("case", BROKEN_FILES)
def test_a_broken_file_names_itself_and_its_line(case: str, twin: Any, folder: Any, catalogue: Make) -> None:
    data, pointer, reason = BROKEN_FILES[case]
    report = _run(folder(d2023_01_01=data, d2023_02_01=catalogue({"a": {}})), twin)
    (reject,) = report.rejects
    assert (reject.kind, reject.source) == ("files", "update-center-2023-01-01.json")
    assert reject.pointer.startswith(pointer) and reason in reject.reason
    assert list(twin.documents["plugins"]) == ["jenkins:a"]
    assert (report.totals["files"].accepted, report.totals["files"].rejected) == (1, 1)


def test_plain_json_without_jsonp_is_read_too(twin: Any, folder: Any, catalogue: Make) -> None:
    _run(folder(current=catalogue({"a": {}})[len("updateCenter.post(\n") : -3]), twin)
    assert list(twin.documents["plugins"]) == ["jenkins:a"]


def test_a_rerun_changes_nothing_and_says_so(twin: Any, folder: Any, catalogue: Make) -> None:
    counts = b'{"name": "a", "installations": {"1682899200000": 5}}'
    both: dict[str, Any] = {"a": {}, "b": {}}
    source = folder(d2023_01_01=catalogue(both), d2023_02_01=catalogue({"a": {}}), stats_a=counts)
    _run(source, twin)
    posts = twin.posts
    second = _run(source, twin)
    assert twin.posts == posts
    for kind in ("plugins", "releases", "advisories"):
        tally = second.tally(kind)
        assert (tally.created, tally.updated, tally.unchanged) == (0, 0, tally.accepted)
    assert (second.totals["statistics"].accepted, second.totals["statistics"].duplicates) == (0, 1)


def test_an_import_that_broke_off_is_taken_up_by_running_it_again(twin: Any, folder: Any, catalogue: Make) -> None:
    source = folder(d2023_01_01=catalogue({"a": {}}), d2023_02_01=catalogue({"a": {}, "b": {}}))
    post, calls = twin.post_catalogue, []

    def failing(items: Any, *, batch_id: str) -> Any:
        calls.append(batch_id)
        if len(calls) == 2:
            raise ConnectionError("killed")
        return post(items, batch_id=batch_id)

    twin.post_catalogue = failing
    with pytest.raises(ConnectionError):
        _run(source, twin)
    _run(source, twin)
    assert calls[0] == calls[2] and calls[1] == calls[3] and twin.posts == 2
    assert sorted(twin.documents["plugins"]) == ["jenkins:a", "jenkins:b"]


def test_with_again_every_batch_is_judged_anew(twin: Any, folder: Any, catalogue: Make) -> None:
    source = folder(d2023_01_01=catalogue({"a": {}}))
    _run(source, twin)
    _run(source, twin, again=True)
    assert twin.posts == 2


def test_the_same_catalogue_twice_is_one(twin: Any, folder: Any, catalogue: Make) -> None:
    data = catalogue({"a": {}})
    report = _run(folder(d2023_01_01=data, d2023_02_01=data), twin)
    assert (report.totals["files"].accepted, report.totals["files"].duplicates) == (1, 1)


def test_an_archive_in_any_order_is_the_same_history(
    twin: Any, tmp_path: Path, catalogue: Make, tar: Callable[[dict[str, bytes]], bytes], zstd: Callable[[bytes], bytes]
) -> None:
    path = tmp_path / "update-center-monthly.tar.zst"
    newer, older = catalogue({"a": {"version": "2"}, "b": {}}), catalogue({"a": {"title": "Old"}, "b": {}, "c": {}})
    path.write_bytes(
        zstd(tar({"m/update-center-2023-02-01.json": newer, "m/update-center-2023-01-01.json": older, "m/x.txt": b"x"}))
    )
    _run(path, twin)
    assert (
        twin.documents["plugins"]["jenkins:a"]["title"] == "A"
        and twin.documents["plugins"]["jenkins:c"]["lifecycle"] == "withdrawn"
    )


def test_progress_and_report_are_told(twin: Any, folder: Any, catalogue: Make, tmp_path: Path) -> None:
    told: list[tuple[str, int, int | None]] = []
    path = tmp_path / "reports" / "jenkins.json"
    source = folder(d2023_01_01=catalogue({"a": {}, "bad": 1}))
    jenkins.run(source, twin, lambda *step: told.append(step), report_path=path)
    assert told == [("catalogues", 0, 1), ("catalogues", 1, 1)]
    written = json.loads(path.read_text())
    assert written["totals"]["plugins"]["created"] == 1 and written["rejects"][0]["pointer"] == "/plugins/bad"


def test_excerpts_become_plain_text() -> None:
    assert (
        plain_text(
            'A <a href="x" onclick="y">link</a>&nbsp;&lt;b&gt;<br/>next<script>alert(1)</script><style>p{}</style>!'
        )
        == "A link <b> next!"
    )
    assert plain_text("<p>one</p><p>t<i>w</i>o\x00\u202e\n\n three") == "one two three"
    assert plain_text("<") == "<" and plain_text("") == "" and plain_text("</script><b>x") == "x"
    assert plain_text("a <![ b") == "a <![ b" and plain_text("1 < 2 <b>3</b> <4") == "1 < 2 3 <4"
    assert plain_text("word " * 1000, 20) == "word word word word…"


@pytest.mark.parametrize("piece", ["<a ", "<a b='", "<a b=", "<!--", "<?", "</"])
@pytest.mark.parametrize("end", ["", ">"])
def test_an_endless_excerpt_takes_no_time(piece: str, end: str) -> None:
    assert under(1, lambda: plain_text(piece * 60_000 + end))


def test_an_early_year_is_written_as_iso_8601_has_it(twin: Any, folder: Any, catalogue: Make) -> None:
    _run(folder(d2023_01_01=catalogue({"a": {"releaseTimestamp": "0005-01-01T00:00:00Z"}})), twin)
    assert twin.releases["a", "1.0"]["released_at"] == "0005-01-01T00:00:00Z"
