"""One `update-center.json`: found faults are named, good rows are kept. The format is JSONP around one JSON object."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from patchbay.importers.jenkins.rows import NAME, NAMESPACE, RowReader
from patchbay.importers.report import Report, Where

HOST = "jenkins-core"
_PREFIX = re.compile(rb"\s*updateCenter\.post\(\s*")
_ADVISORY_DATE = re.compile(r"/advisory/([0-9]{4}-[0-9]{2}-[0-9]{2})(?:/|\Z)")

Said = dict[str, tuple[bool, Any]]
"""For each plugin whether it was listed as deprecated, and its row."""


class MalformedFile(ValueError):
    """The file is not what its name says; `pointer` is where that shows."""

    def __init__(self, pointer: str, reason: str) -> None:
        super().__init__(reason)
        self.pointer = pointer


@dataclass(slots=True)
class PluginRow:
    """One plugin of a catalogue: its document without releases, its release, and what is said of the one before."""

    name: str
    where: Where
    document: dict[str, Any]
    version: str
    release: dict[str, Any]
    previous: dict[str, Any] | None


@dataclass(slots=True)
class Catalogue:
    """What one file says. `names` are all plugins it lists, the malformed and the `unchanged` ones too."""

    where: Where
    names: frozenset[str]
    plugins: list[PluginRow]
    unchanged: int
    advisories: list[tuple[Where, dict[str, Any]]]


def parse_catalogue(data: bytes, source: str, report: Report, said: Said) -> Catalogue:
    """The rows of a file; malformed rows go to the report. Raises `MalformedFile` when there is no catalogue in it.

    Rows are compared with what was `said` of their plugin last, and put there; equal ones are only counted.
    """
    root = parse_json(data)
    where = Where(source)
    plugins = root.get("plugins") if isinstance(root, dict) else None
    if not isinstance(plugins, dict):
        raise MalformedFile("/plugins", "has no object `plugins`")
    deprecated = _deprecations(root, where, report)
    rows = []
    for name in _changed(plugins, deprecated, said):
        row = _plugin(name, plugins[name], where, deprecated, report)
        if row is None:
            said.pop(name, None)
        else:
            rows.append(row)
    unchanged = sum(name in said for name in plugins) - len(rows)
    advisories = list(_advisories(root.get("warnings", []), where, report))
    return Catalogue(where, frozenset(plugins), rows, unchanged, advisories)


def _changed(plugins: dict[str, Any], deprecated: frozenset[str], said: Said) -> Iterator[str]:
    for name, row in plugins.items():
        if isinstance(row, dict):
            row.pop("popularity", None)  # moves every month and is nothing the registry keeps
        now = (name in deprecated, row)
        if said.get(name) != now:
            said[name] = now
            yield name


def parse_json(data: bytes) -> Any:
    """JSON, or JSONP as Jenkins serves it. Raises `MalformedFile` with the line and column in the file."""
    prefix = _PREFIX.match(data)
    start = prefix.end() if prefix else 0
    body = data[start:].rstrip()
    if prefix:
        if not body.endswith((b")", b");")):
            last_line = data.rstrip().count(b"\n") + 1
            raise MalformedFile(f"line {last_line}", "is cut off: `updateCenter.post(` is not closed")
        body = body.removesuffix(b";").rstrip().removesuffix(b")")
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        line = data.count(b"\n", 0, start) + error.lineno
        raise MalformedFile(f"line {line} column {error.colno}", f"is no JSON: {error.msg}") from error


def _deprecations(root: dict[str, Any], where: Where, report: Report) -> frozenset[str]:
    section = root.get("deprecations", {})
    if isinstance(section, dict):
        return frozenset(section)
    report.ignore_field(where.below("deprecations"), "wrong_type", "must be an object of plugin names")
    return frozenset()


def _plugin(name: str, value: Any, where: Where, deprecated: frozenset[str], report: Report) -> PluginRow | None:
    where = where.below("plugins", name)
    reader = RowReader("plugins", value, where, report)
    if not isinstance(value, dict) or not NAME.match(name) or value.get("name") != name:
        reader.refuse("malformed_plugin", "must be an object whose `name` equals its key, of A-Za-z0-9._-")
        return None
    version = reader.text("version")
    if not version or not reader.is_version(version, "version"):
        reader.refuse("malformed_plugin", "has no usable `version`")
        return None
    labels = reader.texts("labels")
    lifecycle = "deprecated" if name in deprecated or "deprecated" in labels else "active"
    document = {
        "namespace": NAMESPACE,
        "name": name,
        "title": reader.plain("title", 200) or name,
        "summary": reader.plain("excerpt"),
        "homepage_url": reader.url("wiki"),
        "repository_url": reader.url("scm"),
        "lifecycle": lifecycle,
        "visibility": "public",
        "labels": labels,
        "maintainers": reader.maintainers(),
    }
    return PluginRow(name, where, document, version, _release(version, reader), _previous(reader))


def _release(version: str, reader: "RowReader") -> dict[str, Any]:
    release = {
        "version": version,
        "version_scheme": "jenkins",
        "requires_host": reader.text("requiredCore"),
        "artifact_url": reader.url("url"),
        "digest": reader.digest("sha256"),
        "size_bytes": reader.size("size"),
        "released_at": reader.time("releaseTimestamp"),
    }
    present: dict[str, Any] = {key: value for key, value in release.items() if value is not None}
    return present | {"dependencies": reader.dependencies()}


def _previous(reader: "RowReader") -> dict[str, Any] | None:
    """The release before, of which a catalogue tells only the version and the time."""
    version, moment = reader.text("previousVersion"), reader.time("previousTimestamp")
    if not version or not reader.is_version(version, "previousVersion"):
        return None
    return {"version": version, "version_scheme": "jenkins"} | ({"released_at": moment} if moment else {})


def _advisories(value: Any, where: Where, report: Report) -> Iterator[tuple[Where, dict[str, Any]]]:
    if not isinstance(value, list):
        report.reject("advisories", where.below("warnings"), "wrong_type", "must be a list")
        return
    for index, warning in enumerate(value):
        place = where.below("warnings", index)
        if advisory := _advisory(warning, place, report):
            yield place, advisory


def _advisory(warning: Any, where: Where, report: Report) -> dict[str, Any] | None:
    reader = RowReader("advisories", warning, where, report)
    kind, external_id, name = reader.text("type"), reader.text("id"), reader.text("name")
    if kind not in {"plugin", "core"} or not external_id or not name:
        reader.refuse("malformed_warning", "must have `id`, `name` and the `type` plugin or core")
        return None
    url = reader.url("url")
    dated = _ADVISORY_DATE.search(url or "")
    advisory = {
        "external_id": external_id,
        "subject_kind": "host" if kind == "core" else "plugin",
        "subject_ref": HOST if kind == "core" else f"{NAMESPACE}:{name}",
        "summary": reader.plain("message") or external_id,
        "url": url,
        "ranges": reader.ranges(),
        "published_at": f"{dated.group(1)}T00:00:00Z" if dated else None,
    }
    return {key: value for key, value in advisory.items() if value is not None}
