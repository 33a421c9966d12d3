"""The import as a whole: the tenant, its targets, the dated events, then what is there at the newest commit."""

import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import orjson

from patchbay.core.client import ApiError, Client
from patchbay.core.ids import stable_id
from patchbay.importers.jiro.rows import Row, as_utc, csv_rows
from patchbay.importers.posting import BatchKeys, Document, Outbox, known_plugins, posting
from patchbay.importers.report import Progress, Report, Where
from patchbay.importers.sources import Limits, SourceError, SourceFile, is_archive, source_files

TENANT_SLUG, TENANT_NAME = "eclipse-foundation", "Eclipse Foundation"
NAMESPACE, SOURCE, KIND = "jenkins", "jiro-git", "jenkins-controller"
TARGETS_A_BATCH, OBSERVATIONS_A_BATCH = 1000, 5000

_CONFIG = re.compile(r"(?:.*/)?instances/([^/]+)/target/config\.json\Z")
_EVENTS = "plugin-events.csv"
_HEAD = "instance-plugins-head.csv"
_CHANGES = {"add": "added", "remove": "removed"}
_ORIGINS = ("extra", "base")


def run(
    source: str | Path,
    client: Client,
    progress: Progress | None = None,
    *,
    tenant: str = TENANT_SLUG,
    tenant_name: str = TENANT_NAME,
    report_path: Path | None = None,
    limits: Limits | None = None,
    again: bool = False,
) -> Report:
    """Import controllers and what was observed on them into one tenant, made when it is not there.

    `source` is jiro's folder, a tar archive of it or its URL; the plugins' catalogue is imported first, by the jenkins
    importer. A platform client acts in the tenant, a tenant's own token is used as it is. The head file has no dates:
    its rows are sightings (`present`) at the time of the newest event. A rerun changes nothing. Raises `SourceError`
    when the source cannot be read, and the client's errors.
    """
    report = Report("jiro", str(source))
    files = list(source_files(source, _is_wanted, limits))
    run_ = _Import(_in_tenant(client, tenant, tenant_name, report), report, BatchKeys("jiro", again=again))
    run_.everything(files, progress or _silent)
    if report_path:
        report.write(report_path)
    return report


def _silent(stage: str, done: int, total: int | None) -> None:
    """No progress is shown."""


def _is_wanted(path: str) -> bool:
    name = PurePosixPath(path).name
    return name in {_EVENTS, _HEAD} or bool(_CONFIG.match(path)) or (is_archive(name) and "jiro" in name)


def _in_tenant(client: Client, slug: str, name: str, report: Report) -> Client:
    report.details["tenant"] = slug
    if client.me()["tenant"]["slug"] == slug:
        return client
    try:
        client.tenant(slug)
    except ApiError as error:
        if error.status != 404:
            raise
        client.create_tenant(slug, name)
    return client.acting_in(slug)


class _Import:
    """One run: what is shared between its stages."""

    def __init__(self, client: Client, report: Report, keys: BatchKeys) -> None:
        self.client, self.report = client, report
        self.targets = Outbox("targets", posting(client.post_targets), TARGETS_A_BATCH, keys, client, report)
        self.observations = _ObservationOutbox(
            "observations", posting(client.post_observations), OBSERVATIONS_A_BATCH, keys, client, report
        )

    def everything(self, files: Sequence[SourceFile], progress: Progress) -> None:
        """All files by what they are."""
        progress("targets", 0, None)
        titles = self._titles([file for file in files if _CONFIG.match(file.name)])
        events = self._rows(files, _EVENTS, ("commit_time", "commit", "instance", "event", "plugin"))
        head = self._rows(files, _HEAD, ("instance", "plugin", "source"))
        alive = titles.keys() | {row["instance"] for row, _ in head}
        self._post_targets(titles, alive, {row["instance"]: where for row, where in (*events, *head)})
        progress("observations", 0, len(events) + len(head))
        self.observations.known = known_plugins(self.client, NAMESPACE)
        newest = self._post_events(events)
        self._post_head(head, newest)
        self.observations.flush()
        progress("observations", len(events) + len(head), len(events) + len(head))

    def _titles(self, files: Sequence[SourceFile]) -> dict[str, tuple[str | None, Where]]:
        """Title and place of every controller that has a configuration; a damaged one still is a controller."""
        titles: dict[str, tuple[str | None, Where]] = {}
        for file in files:
            found = _CONFIG.match(file.name)
            assert found is not None, "only configurations are given"
            titles[found.group(1)] = (self._title(file), Where(file.name))
        return titles

    def _title(self, file: SourceFile) -> str | None:
        where = Where(file.name)
        try:
            title = orjson.loads(file.read())["project"]["displayName"]
        except SourceError as error:
            self.report.reject("files", where, "unreadable_file", str(error))
        except orjson.JSONDecodeError as error:
            place = Where(file.name, f"line {error.lineno} column {error.colno}")
            self.report.reject("files", place, "malformed_file", f"is no JSON: {error.msg}")
        except (KeyError, TypeError, IndexError):
            self.report.reject("files", where.below("project", "displayName"), "malformed_file", "is missing")
        else:
            self.report.tally("files").count_accepted()
            return title if isinstance(title, str) and title.strip() else None
        return None

    def _rows(self, files: Sequence[SourceFile], name: str, columns: Sequence[str]) -> list[tuple[Row, Where]]:
        rows: list[tuple[Row, Where]] = []
        for file in files:
            if PurePosixPath(file.name).name != name:
                continue
            try:
                rows += csv_rows(file.read(), file.name, columns, self.report)
            except SourceError as error:
                self.report.reject("files", Where(file.name), "unreadable_file", str(error))
        return rows

    def _post_targets(
        self, titles: dict[str, tuple[str | None, Where]], alive: set[str], mentioned: dict[str, Where]
    ) -> None:
        for name in sorted({*titles, *mentioned}):
            title, where = titles.get(name, (None, None))
            lifecycle = "active" if name in alive else "retired"
            target = {"name": name, "title": title, "environment": "production", "kind": KIND, "lifecycle": lifecycle}
            self.targets.add(target, where or mentioned[name])
        self.targets.flush()

    def _post_events(self, events: Sequence[tuple[Row, Where]]) -> str | None:
        """Post the dated events; gives the time of the newest one, None when there is none."""
        newest = None
        for row, where in events:
            moment, change = as_utc(row["commit_time"]), _CHANGES.get(row["event"])
            if moment is None or change is None:
                reason = "commit_time must be an ISO 8601 time with zone, event must be add or remove"
                self.report.reject("observations", where, "malformed_row", reason)
                continue
            newest = max(newest or moment, moment)
            key = stable_id("jiro", row["commit"], row["instance"], row["event"], row["plugin"])
            self.observations.add(_observation(row, moment, change) | {"id": str(key)}, where)
        return newest

    def _post_head(self, head: Sequence[tuple[Row, Where]], moment: str | None) -> None:
        """Post the sightings, chosen plugins before base ones: of a pair listed as both the team's choice is kept."""
        for origin in _ORIGINS:
            for row, where in head:
                if row["source"] == origin and moment is not None:
                    key = stable_id("jiro-head", moment, row["instance"], row["plugin"])
                    sighting = _observation(row, moment, "present") | {"id": str(key), "origin": origin}
                    self.observations.add(sighting, where)
        for row, where in head:
            if row["source"] not in _ORIGINS:
                self.report.reject("observations", where, "malformed_row", "source must be base or extra")
            elif moment is None:
                reason = f"has no date: {_EVENTS} with at least one good row must be in the source"
                self.report.reject("observations", where, "no_date", reason)


def _observation(row: Row, moment: str, event: str) -> dict[str, Any]:
    return {
        "target": row["instance"],
        "plugin": f"{NAMESPACE}:{row['plugin']}",
        "event": event,
        "source": SOURCE,
        "occurred_at": moment,
    }


class _ObservationOutbox(Outbox):
    """Observations, which are refused while the registry does not know the plugin."""

    known: frozenset[str] = frozenset()

    def unknown(self, items: Sequence[Document]) -> frozenset[str]:
        """Plugins of the items that the registry does not know."""
        return frozenset(item["plugin"] for item in items) - self.known
