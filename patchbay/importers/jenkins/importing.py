"""The import as a whole: catalogues in the order of their dates, then deprecations, then statistics."""

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PurePosixPath

from patchbay.core.client import ARROW, BatchResult, Client, Reject, arrow_stream
from patchbay.importers.jenkins.history import Change, History
from patchbay.importers.jenkins.rows import NAMESPACE
from patchbay.importers.jenkins.statistics import CountReader, Counts
from patchbay.importers.jenkins.update_center import Catalogue, MalformedFile, parse_catalogue
from patchbay.importers.posting import BatchKeys, Document, Outbox, known_plugins, note_rejects, posting
from patchbay.importers.report import Progress, Report, Where
from patchbay.importers.sources import Limits, SourceError, SourceFile, is_archive, source_files

_CATALOGUE = re.compile(r"update-center.*\.json(\.gz|\.zst)?\Z")
_COUNTS = re.compile(r".*\.stats\.json(\.gz|\.zst)?\Z")
_ARCHIVE = re.compile(r"(update-center|installs-to)")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_DEPRECATIONS = "deprecations.properties"
_FAULTS_OF_A_RELEASE = frozenset({"release_conflict", "invalid_version", "repeated_dependency"})
_RELEASE = re.compile(r"(/plugins/\d+/releases/\d+).*")
_PROPERTY = re.compile(r"\s*([^#!=:\s][^=:\s]*)")

PLUGINS_A_BATCH, ADVISORIES_A_BATCH, COUNTS_A_BATCH = 500, 1000, 50_000


def run(
    source: str | Path,
    client: Client,
    progress: Progress | None = None,
    *,
    report_path: Path | None = None,
    limits: Limits | None = None,
    again: bool = False,
) -> Report:
    """Import catalogues, advisories and install counts; a rerun of the same files changes nothing.

    `source` is a file, a folder, a tar archive (zstd or gzip) or an http(s) URL. The report is also written to
    `report_path`. With `again`, batches the registry has answered before are judged anew instead of replayed. Raises
    `SourceError` when the source as a whole cannot be read and the client's errors when the registry cannot be spoken
    to; what was posted until then stays, and running again goes on from there.
    """
    report = Report("jenkins", str(source))
    run_ = _Import(client, report, BatchKeys("jenkins", again=again), progress or _silent)
    run_.everything(list(source_files(source, _is_wanted, limits)))
    if report_path:
        report.write(report_path)
    return report


def _silent(stage: str, done: int, total: int | None) -> None:
    """No progress is shown."""


def _is_wanted(path: str) -> bool:
    name = PurePosixPath(path).name
    if is_archive(name):
        return bool(_ARCHIVE.match(name))
    return bool(_CATALOGUE.match(name) or _COUNTS.match(name)) or name == _DEPRECATIONS


class _Import:
    """One run: what is shared between its stages."""

    def __init__(self, client: Client, report: Report, keys: BatchKeys, progress: Progress) -> None:
        self.client, self.report, self.keys, self.progress = client, report, keys, progress
        self.history = History()
        self.seen: set[bytes] = set()
        self.plugins = _PluginOutbox("plugins", posting(client.post_catalogue), PLUGINS_A_BATCH, keys, client, report)
        self.advisories = Outbox(
            "advisories", posting(client.post_advisories), ADVISORIES_A_BATCH, keys, client, report
        )

    def everything(self, files: Sequence[SourceFile]) -> None:
        """All files by what they are."""
        counts = [file for file in files if _COUNTS.match(file.name)]
        properties = [file for file in files if file.name.endswith(_DEPRECATIONS)]
        others = {id(file) for file in (*counts, *properties)}
        catalogues = sorted((file for file in files if id(file) not in others), key=_age)
        for file in self._each("catalogues", catalogues):
            self._read(file, self._catalogue)
        for file in properties:
            self._read(file, self._deprecations)
        self._send(self.history.earlier_releases())
        self.plugins.flush()
        self.report.details["plugins"] = self.history.plugins
        self.report.details["releases"] = self.history.releases_known
        self.report.details["releases_restated"] = len(self.history.restated)
        if counts:
            self._statistics(counts)

    def _each(self, stage: str, files: Sequence[SourceFile]) -> Iterator[SourceFile]:
        for done, file in enumerate(files):
            self.progress(stage, done, len(files))
            yield file
        if files:
            self.progress(stage, len(files), len(files))

    def _read(self, file: SourceFile, take: Callable[[bytes, str], None]) -> None:
        """Take a file unless one with the same bytes was taken; a malformed one is rejected, and the others go on."""
        try:
            data = file.read()
            digest = hashlib.sha256(data).digest()
            if digest in self.seen:
                self.report.tally("files").count_duplicate()
                return
            take(data, file.name)
        except SourceError as error:
            self.report.reject("files", Where(file.name), "unreadable_file", str(error))
        except MalformedFile as error:
            self.report.reject("files", Where(file.name, error.pointer), "malformed_file", str(error))
        else:
            self.seen.add(digest)
            self.report.tally("files").count_accepted()

    def _catalogue(self, data: bytes, name: str) -> None:
        catalogue = parse_catalogue(data, name, self.report, self.history.said)
        self.report.tally("plugins").count_unchanged(catalogue.unchanged)
        self._send(self.history.changes(catalogue))
        self._withdraw(catalogue)
        self.plugins.flush()
        for where, advisory in catalogue.advisories:
            if self.history.is_new_advisory(advisory):
                self.advisories.add(advisory, where)
            else:
                self.report.tally("advisories").count_unchanged()
        self.advisories.flush()

    def _withdraw(self, catalogue: Catalogue) -> None:
        if self.history.is_implausible(catalogue):
            reason = "lists less than half of the plugins listed before; none is withdrawn for it"
            self.report.note_reject("files", catalogue.where.below("plugins"), "implausible_catalogue", reason)
        else:
            self._send(self.history.withdrawals(catalogue))

    def _deprecations(self, data: bytes, name: str) -> None:
        lines = data.decode("utf-8", "replace").splitlines()
        names = {
            found.group(1): Where(name, f"line {number}")
            for number, line in enumerate(lines, 1)
            if (found := _PROPERTY.match(line))
        }
        self._send(self.history.deprecations(names))

    def _send(self, changes: "Iterator[Change] | Iterator[Change | None]") -> None:
        for change in changes:
            if change is None:
                self.report.tally("plugins").count_unchanged()
            else:
                self.plugins.add(*change)

    def _statistics(self, files: Sequence[SourceFile]) -> None:
        known = known_plugins(self.client, NAMESPACE)
        reader, batch = CountReader(self.report), Counts()

        def take(data: bytes, name: str) -> None:
            for row in reader.read(data, name):
                batch.add(*row)

        for file in self._each("statistics", files):
            self._read(file, take)
            if len(batch) >= COUNTS_A_BATCH:
                self._post_counts(batch, known)
                batch.clear()
        self._post_counts(batch, known)

    def _post_counts(self, batch: Counts, known: frozenset[str]) -> None:
        if not len(batch):
            return
        content = arrow_stream(batch.table())
        key = self.keys.of(content, frozenset(batch.plugins) - known)
        result = self.client.post_statistics(key, content, content_type=ARROW)
        self.report.tally("statistics").add(result, events=True)
        note_rejects(self.client, self.report, "statistics", result, batch.places)


class _PluginOutbox(Outbox):
    """Plugins, whose releases and dependencies are counted with them."""

    def taken(self, items: Sequence[Document], result: BatchResult, rejects: Sequence[Reject]) -> None:
        """Count what is inside the plugins: refused with the plugin, or by itself when only the release is at fault."""
        pointers = {reject.field for reject in rejects if reject.code in _FAULTS_OF_A_RELEASE}
        refused = {_RELEASE.sub(r"\1", pointer) for pointer in pointers}
        whole = {reject.row_index for reject in rejects if reject.code not in _FAULTS_OF_A_RELEASE}
        for index, item in enumerate(items):
            for place, release in enumerate(item["releases"]):
                is_refused = index in whole or f"/plugins/{index}/releases/{place}" in refused
                self._count("releases", 1, result, is_refused)
                self._count("dependencies", len(release.get("dependencies", ())), result, is_refused)

    def _count(self, kind: str, rows: int, result: BatchResult, refused: bool) -> None:
        tally = self._report.tally(kind)
        if refused:
            tally.count_rejected(rows)
        elif result.replayed:
            tally.count_unchanged(rows)
        else:
            tally.count_accepted(rows)


def _age(file: SourceFile) -> tuple[str, str]:
    """Dated files in order; one without a date is the current one and comes last."""
    dates = _DATE.findall(PurePosixPath(file.name).name)
    return (dates[-1] if dates else "9999", file.name)
