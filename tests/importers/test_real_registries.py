"""The real Jenkins registry and the real controllers, imported into the real API and counted again by other code."""

import csv
import io
import json
import tarfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import zstandard

from patchbay.core.client import Client
from patchbay.core.storage import LocalStorage
from patchbay.importers import Report, jenkins, jiro

LONGEST_LICENCE = 20_000
"""Characters the registry keeps of a licence field; a longer one is a reject that names the field."""

pytestmark = [pytest.mark.shared, pytest.mark.slow]


@dataclass(frozen=True)
class Imported:
    """The registry after two imports of the same files, and what each said."""

    client: Client
    lake: LocalStorage
    jenkins: Report
    jiro: Report
    head_after_first: int
    jenkins_again: Report
    jiro_again: Report


@pytest.fixture(scope="module")
def imported(real_registry: Client, registry_home: Path, shared_data: Path) -> Imported:
    """Both registries, imported twice."""
    first = jenkins.run(shared_data / "jenkins", real_registry), jiro.run(shared_data / "jiro", real_registry)
    head = _head(real_registry)
    again = jenkins.run(shared_data / "jenkins", real_registry), jiro.run(shared_data / "jiro", real_registry)
    return Imported(real_registry, LocalStorage(registry_home), *first, head, *again)


def _head(client: Client) -> int:
    return int(client.status()["feeds"]["head_seq"])


@pytest.fixture(scope="module")
def catalogues(shared_data: Path) -> list[dict[str, Any]]:
    """The monthly catalogues in order of date."""
    packed = (shared_data / "jenkins" / "update-center-monthly.tar.zst").read_bytes()
    data = zstandard.ZstdDecompressor(max_window_size=2**27).decompressobj().decompress(packed)
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        files = {member.name: archive.extractfile(member) for member in archive if member.isfile()}
        texts = [file.read().decode() for _, file in sorted(files.items()) if file]
    return [json.loads(text[text.index("(") + 1 : text.rindex(")")]) for text in texts]


@pytest.fixture(scope="module")
def counts(shared_data: Path) -> list[dict[str, Any]]:
    """The install statistics, by file name."""
    return [
        json.loads(path.read_text()) for path in sorted((shared_data / "jenkins").glob("installs-to-*/*.stats.json"))
    ]


def test_every_plugin_release_dependency_and_warning_is_in_the_registry(
    imported: Imported, catalogues: list[dict[str, Any]]
) -> None:
    rows = [row for catalogue in catalogues for row in catalogue["plugins"].values()]
    releases = {(row["name"], row["version"]) for row in rows}
    releases |= {(row["name"], row["previousVersion"]) for row in rows if row.get("previousVersion")}
    edges = {(row["name"], row["version"], needed["name"]) for row in rows for needed in row["dependencies"]}
    warnings = {warning["id"] for catalogue in catalogues for warning in catalogue["warnings"]}
    stored = imported.client.status()["counts"]
    assert stored["plugins"] == len({row["name"] for row in rows}) == imported.jenkins.details["plugins"] == 1987
    assert stored["releases"] == len(releases) == imported.jenkins.details["releases"]
    assert stored["dependencies"] == len(edges)
    assert (
        stored["advisories"] == len(warnings) == len({found["external_id"] for found in imported.client.advisories()})
    )
    assert {row.kind for row in imported.jenkins.rejects} == {"statistics"}


def test_the_account_adds_up_to_what_the_files_hold(imported: Imported, catalogues: list[dict[str, Any]]) -> None:
    assert imported.jenkins.adds_up and imported.jiro.adds_up
    files = imported.jenkins.totals["files"]
    assert (files.accepted, files.duplicates, files.rejected) == (28 + 2238 + 1, 3, 0)
    assert imported.jenkins.totals["advisories"].received == sum(len(catalogue["warnings"]) for catalogue in catalogues)
    assert imported.jenkins.totals["plugins"].received >= sum(len(catalogue["plugins"]) for catalogue in catalogues)


TEN = [
    "git",
    "workflow-cps",
    "blueocean",
    "kubernetes",
    "mailer",
    "ant",
    "warnings-ng",
    "jira",
    "docker-plugin",
    "zos-connector",
]


@pytest.mark.parametrize("name", TEN)
def test_ten_plugins_read_back_as_the_newest_catalogue_tells_them(
    name: str, imported: Imported, catalogues: list[dict[str, Any]]
) -> None:
    row = catalogues[-1]["plugins"][name]
    plugin = imported.client.plugin(f"jenkins:{name}")
    assert (plugin["title"], plugin["lifecycle"]) == (row["title"], "active")
    assert sorted(plugin["labels"]) == sorted(row["labels"])
    needed = {(f"jenkins:{d['name']}", d["version"], d["optional"]) for d in row["dependencies"]}
    assert {
        (d["dependency_ref"], d["requirement"], d["optional"]) for d in imported.client.dependencies(f"jenkins:{name}")
    } == needed
    seen = {
        c["plugins"][name].get(key)
        for c in catalogues
        if name in c["plugins"]
        for key in ("version", "previousVersion")
    }
    assert {release["version"] for release in imported.client.releases(f"jenkins:{name}")} == seen - {None}
    about = {w["id"] for c in catalogues for w in c["warnings"] if (w["type"], w["name"]) == ("plugin", name)}
    assert {found["external_id"] for found in imported.client.plugin_advisories(f"jenkins:{name}")} == about


def test_what_the_newest_catalogue_lacks_is_withdrawn(
    imported: Imported, catalogues: list[dict[str, Any]], shared_data: Path
) -> None:
    listed = catalogues[-1]["plugins"]
    properties = (shared_data / "jenkins" / "update-center2-resources" / "deprecations.properties").read_text()
    named = {line.split("=")[0].strip() for line in properties.splitlines() if "=" in line and not line.startswith("#")}
    lifecycles = {plugin["name"]: plugin["lifecycle"] for plugin in imported.client.plugins(namespace="jenkins")}
    assert {name for name, found in lifecycles.items() if found == "withdrawn"} == lifecycles.keys() - listed.keys()
    deprecated = {name for name, row in listed.items() if "deprecated" in row["labels"] or name in named}
    assert {name for name, found in lifecycles.items() if found == "deprecated"} == deprecated and deprecated


def test_every_count_is_taken_once_or_named_as_rejected(imported: Imported, counts: list[dict[str, Any]]) -> None:
    known = {plugin["name"] for plugin in imported.client.plugins(namespace="jenkins")}
    points = sum(len(file["installations"]) for file in counts)
    versions = sum(len(file["installationsPerVersion"]) for file in counts)
    tally = imported.jenkins.totals["statistics"]
    assert tally.received == points + versions and points == 206_068
    unknown = sum(len(f["installations"]) + len(f["installationsPerVersion"]) for f in counts if f["name"] not in known)
    codes = Counter(row.code for row in imported.jenkins.rejects)
    assert codes["unknown_plugin"] + codes["conflicting_count"] == tally.rejected == len(imported.jenkins.rejects)
    assert codes["unknown_plugin"] == unknown


def test_new_york_midnights_fall_into_their_month(imported: Imported, counts: list[dict[str, Any]]) -> None:
    stamps = {int(stamp) for file in counts for stamp in file["installations"]}
    odd = {stamp for stamp in stamps if stamp % 86_400_000}
    assert len(odd) == 148 and {datetime.fromtimestamp(stamp / 1000, UTC).hour for stamp in odd} == {4, 5}
    taken = list(_statistics(imported))
    assert {row["period"].day for row in taken} == {1}
    assert len(taken) == imported.jenkins.totals["statistics"].accepted
    keys = Counter((row["plugin_id"], row["version"], row["period"]) for row in taken)
    assert max(keys.values()) == 1


def test_the_months_of_git_read_back_as_the_file_tells_them(imported: Imported, counts: list[dict[str, Any]]) -> None:
    (file,) = (file for file in counts if file["name"] == "git")
    plugin_id = imported.client.plugin("jenkins:git")["id"]
    expected = {
        datetime.fromtimestamp(int(stamp) / 1000, UTC).date().replace(day=1): count
        for stamp, count in file["installations"].items()
    }
    taken = [row for row in _statistics(imported) if row["plugin_id"] == plugin_id]
    assert {row["period"]: row["count"] for row in taken if row["version"] is None} == expected
    assert {row["version"]: row["count"] for row in taken if row["version"]} == file["installationsPerVersion"]


def _statistics(imported: Imported) -> Iterator[dict[str, Any]]:
    for page in imported.client.follow_feed("segments"):
        for segment in page.table.to_pylist():
            if segment["stream"] == "statistics":
                yield from pq.read_table(io.BytesIO(imported.lake.read_bytes(segment["path"]))).to_pylist()


@pytest.fixture(scope="module")
def foundation(shared_data: Path) -> dict[str, list[dict[str, str]]]:
    """The rows of jiro's two files."""
    files = {"events": "plugin-events.csv", "head": "instance-plugins-head.csv"}
    derived = shared_data / "jiro" / "derived"
    return {name: list(csv.DictReader(io.StringIO((derived / file).read_text()))) for name, file in files.items()}


def test_every_event_of_the_foundation_is_in_the_registry_or_named(
    imported: Imported, foundation: dict[str, list[dict[str, str]]], shared_data: Path
) -> None:
    known = {plugin["name"] for plugin in imported.client.plugins(namespace="jenkins")}
    events, head = foundation["events"], foundation["head"]
    unknown = [row["plugin"] for row in (*events, *head) if row["plugin"] not in known]
    tally = imported.jiro.totals["observations"]
    assert (len(events), len(head)) == (753, 10_500) and tally.received == 11_253
    assert tally.rejected == len(unknown) == len(imported.jiro.rejects)
    assert {"matrix-communication", "monitoring ", "secret-guard"} <= set(unknown)
    pairs = {(row["instance"], row["plugin"]) for row in head if row["plugin"] in known}
    assert tally.accepted == sum(row["plugin"] in known for row in events) + len(pairs) and tally.duplicates == 12
    lines = (shared_data / "jiro" / "derived" / "plugin-events.csv").read_text().splitlines()
    for row in imported.jiro.rejects:
        if row.source == "derived/plugin-events.csv":
            name = lines[int(row.pointer.removeprefix("line ")) - 1].split(",")[4]
            assert name not in known and repr(f"jenkins:{name}") in row.reason


def test_controllers_have_the_plugins_the_files_say(
    imported: Imported, foundation: dict[str, list[dict[str, str]]]
) -> None:
    client = imported.client.acting_in("eclipse-foundation")
    targets = {target["name"]: target for target in client.targets()}
    named = {row["instance"] for rows in foundation.values() for row in rows}
    alive = {row["instance"] for row in foundation["head"]}
    assert targets.keys() == named and {name for name in named if targets[name]["lifecycle"] == "active"} == alive
    known = {plugin["name"] for plugin in client.plugins(namespace="jenkins")}
    changes = Counter(row["instance"] for row in foundation["events"])
    for name, _ in changes.most_common(10):
        expected = {row["plugin"] for row in _installed(foundation, name)} & known
        assert {row["ref"].removeprefix("jenkins:") for row in client.target_installations(name)} == expected


def _installed(foundation: dict[str, list[dict[str, str]]], name: str) -> Iterator[dict[str, str]]:
    """Rows whose plugin is there in the end: what the head lists, and what was added last and never listed."""
    head = [row for row in foundation["head"] if row["instance"] == name]
    last = {row["plugin"]: row for row in sorted(foundation["events"], key=_moment) if row["instance"] == name}
    yield from head
    yield from (row for row in last.values() if row["event"] == "add")


def _moment(row: dict[str, str]) -> datetime:
    return datetime.fromisoformat(row["commit_time"])


def test_importing_again_changes_nothing(imported: Imported) -> None:
    assert _head(imported.client) == imported.head_after_first
    for report, kinds in (
        (imported.jenkins_again, ("plugins", "advisories", "releases")),
        (imported.jiro_again, ("targets",)),
    ):
        for kind in kinds:
            tally = report.totals[kind]
            assert (tally.created, tally.updated) == (0, 0) and tally.unchanged == tally.accepted == tally.received
    assert (
        imported.jenkins_again.totals["statistics"].accepted == imported.jiro_again.totals["observations"].accepted == 0
    )
    assert Counter(imported.jenkins_again.rejects) == Counter(imported.jenkins.rejects)
    assert Counter(imported.jiro_again.rejects) == Counter(imported.jiro.rejects)


def test_a_daily_counter_that_became_text_is_one_named_reject(imported: Imported, shared_data: Path) -> None:
    day = json.loads((shared_data / "obsidian" / "dirty-days" / "2022-11-04.json").read_text())
    documents = [{"namespace": "obsidian", "name": name} for name in day]
    for start in range(0, len(documents), 500):
        imported.client.post_catalogue(documents[start : start + 500])
    common = {"period": "2022-11-04", "grain": "day", "metric": "downloads", "source": "obsidian"}
    rows = [{"plugin": f"obsidian:{name}"} | common | row for name, row in _downloads(day)]
    result = imported.client.post_statistics("dirty-day", rows)
    found = {rows[reject.row_index].get("count"): reject.field.strip("/") for reject in result.rejects}
    assert found == {"10612022-06-12T21:12:22Z": "count", None: "count"}
    assert (result.accepted, result.rejected) == (len(rows) - 3, 3), "the text, and two plugins without any count"


def _downloads(day: dict[str, dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, row in day.items():
        yield name, {"count": row["downloads"]} if "downloads" in row else {}


def test_counters_that_fall_for_a_day_are_kept_as_they_were_published(imported: Imported) -> None:
    counts = {"2024-11-07": 61_700_000, "2024-11-08": 59_830_000, "2024-11-09": 61_860_000}
    rows = [
        {
            "plugin": "jenkins:ant",
            "period": day,
            "grain": "day",
            "metric": "downloads",
            "source": "obsidian",
            "count": count,
        }
        for day, count in counts.items()
    ]
    assert imported.client.post_statistics("falling-day", rows).accepted == 3
    kept = {str(row["period"]): row["count"] for row in _statistics(imported) if str(row["period"]) in counts}
    assert kept == counts


def test_a_field_that_is_missing_stays_missing(imported: Imported) -> None:
    plugin = {"namespace": "obsidian", "name": "no-updated", "releases": [{"version": "1.0.0"}]}
    assert imported.client.post_catalogue([plugin]).created == 1
    assert imported.client.release("obsidian:no-updated", "1.0.0")["released_at"] is None
    assert imported.client.plugin("obsidian:no-updated")["occurred_at"] is None


def test_licences_are_kept_as_their_authors_wrote_them_whole_texts_and_none_too(
    imported: Imported, shared_data: Path
) -> None:
    csv.field_size_limit(10_000_000)
    with (shared_data / "napari" / "derived" / "licences.csv").open(newline="") as file:
        written = sorted({row["license"] for row in csv.DictReader(file)}, key=len)
    assert len(written) > 100 and "BSD-3" in written and max(map(len, written)) > 10_000
    plugins = [
        {"namespace": "napari", "name": f"l{number}", "licence": text or None} for number, text in enumerate(written)
    ]
    result = imported.client.post_catalogue(plugins)
    fitting = {number for number, text in enumerate(written) if len(text) <= LONGEST_LICENCE}
    assert {reject.row_index for reject in result.rejects} == set(range(len(written))) - fitting
    assert {reject.field.rpartition("/")[2] for reject in result.rejects} <= {"licence"}
    for number in fitting:
        assert imported.client.plugin(f"napari:l{number}")["licence"] == (written[number] or None)
