"""Plugin documents laid over the stored state, in memory: what is new, what changes, what is refused.

No database here.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from patchbay.core.ids import new_id
from patchbay.core.versions import InvalidVersion, ParsedVersion, parse
from registry_api.catalog.schemas import DependencyDocument, PluginDocument, ReleaseDocument
from registry_api.intake.documents import Outcome

Record = dict[str, Any]

TEXTS = ("title", "summary", "homepage_url", "repository_url", "licence", "lifecycle", "visibility", "occurred_at")
PLUGIN_COLUMNS = (*TEXTS, "search_text", "updated_at", "revision")
FILLABLE = ("requires_host", "artifact_url", "digest", "size_bytes", "released_at")
RELEASE_COLUMNS = (*FILLABLE, "yanked")


def search_text(plugin: Mapping[str, Any], labels: list[str]) -> str:
    """What searching looks at, case-folded."""
    return "\n".join(part for part in (plugin["name"], plugin["title"], plugin["summary"], *labels) if part).casefold()


@dataclass(slots=True)
class Change:
    """One changed or new plugin, with its state before for the audit and for visibility; None when it is new."""

    before: Record | None
    fields: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Draft:
    """The state of every plugin the documents name, as it stands after those applied so far."""

    tenant_id: UUID
    now: datetime
    plugins: dict[str, Record]
    labels: dict[UUID, list[str]]
    maintainers: dict[UUID, dict[str, str | None]]
    releases: dict[tuple[UUID, str], Record]
    dependencies: dict[UUID, list[Record]]
    changes: dict[UUID, Change] = field(default_factory=dict)
    relabelled: set[UUID] = field(default_factory=set)
    remaintained: set[UUID] = field(default_factory=set)
    new_releases: dict[UUID, Record] = field(default_factory=dict)
    changed_releases: dict[UUID, Record] = field(default_factory=dict)
    former: dict[UUID, Record] = field(default_factory=dict)
    """Releases that were there and are changed, as they were, with their dependencies."""
    new_dependencies: list[Record] = field(default_factory=list)

    def apply(self, index: int, document: PluginDocument, outcome: Outcome, pointer: str) -> Record:
        """Lay one document over the state and count it.

        Parts that are refused are in the outcome, the others are kept.
        """
        plugin = self.plugins.get(document.ref)
        is_new = plugin is None
        if plugin is None:
            plugin = self._create(document)
            changed = True
        else:
            changed = self._merge(plugin, document)
        refused = len(outcome.rejects)
        for place, release in enumerate(document.releases):
            changed |= self._release(plugin, index, release, outcome, f"{pointer}/releases/{place}")
        if len(outcome.rejects) == refused:
            outcome.created += is_new
            outcome.updated += changed and not is_new
            outcome.unchanged += not changed
        return plugin

    def event_of_release(self, release: Record) -> str:
        """What happened to a new or changed release, for webhooks."""
        if release["id"] in self.new_releases:
            return "release.published"
        if release["yanked"] == self.former[release["id"]]["yanked"]:
            return "release.updated"
        return "release.yanked" if release["yanked"] else "release.restored"

    def _create(self, document: PluginDocument) -> Record:
        plugin: Record = {"id": new_id(), "tenant_id": self.tenant_id, "recorded_at": self.now, "updated_at": self.now}
        plugin |= {"ref": document.ref, "namespace": document.namespace, "name": document.name, "revision": 1}
        plugin |= {name: getattr(document, name) for name in TEXTS}
        plugin["title"] = document.title or document.name
        self.plugins[document.ref] = plugin
        self.changes[plugin["id"]] = Change(None)
        self.labels[plugin["id"]] = labels = sorted(set(document.labels))
        self.maintainers[plugin["id"]] = _maintainers(document)
        plugin["search_text"] = search_text(plugin, labels)
        self.relabelled.add(plugin["id"])
        self.remaintained.add(plugin["id"])
        return plugin

    def _merge(self, plugin: Record, document: PluginDocument) -> bool:
        given = document.model_fields_set
        wanted = {name: getattr(document, name) for name in TEXTS if name in given}
        if not wanted and not given & {"labels", "maintainers"}:
            return False
        if "title" in wanted:
            wanted["title"] = wanted["title"] or document.name
        before = {**plugin, "labels": self.labels[plugin["id"]], "maintainers": self.maintainers[plugin["id"]]}
        fields = {name for name, value in wanted.items() if value != plugin[name]}
        plugin |= wanted
        fields |= self._set_labels(plugin, document) if "labels" in given else set()
        fields |= self._set_maintainers(plugin, document) if "maintainers" in given else set()
        if fields:
            self._touch(plugin, before, fields)
        return bool(fields)

    def _touch(self, plugin: Record, before: Record, fields: set[str]) -> None:
        change = self.changes.get(plugin["id"])
        if change is None:
            change = self.changes[plugin["id"]] = Change(before)
            plugin["revision"] += 1
        change.fields |= fields
        plugin["updated_at"] = self.now
        plugin["search_text"] = search_text(plugin, self.labels[plugin["id"]])

    def _set_labels(self, plugin: Record, document: PluginDocument) -> set[str]:
        labels = sorted(set(document.labels))
        if labels == self.labels[plugin["id"]]:
            return set()
        self.labels[plugin["id"]] = labels
        self.relabelled.add(plugin["id"])
        return {"labels"}

    def _set_maintainers(self, plugin: Record, document: PluginDocument) -> set[str]:
        maintainers = _maintainers(document)
        if maintainers == self.maintainers[plugin["id"]]:
            return set()
        self.maintainers[plugin["id"]] = maintainers
        self.remaintained.add(plugin["id"])
        return {"maintainers"}

    def _release(self, plugin: Record, index: int, document: ReleaseDocument, outcome: Outcome, pointer: str) -> bool:
        try:
            version = parse(document.version, document.version_scheme)
        except InvalidVersion as error:
            outcome.refuse(index, f"{pointer}/version", "invalid_version", f"{error}.", document)
            return False
        repeated = _first_repeated(document.dependencies)
        if repeated is not None:
            where = f"{pointer}/dependencies/{repeated}"
            outcome.refuse(index, where, "repeated_dependency", f"{document.version} lists it twice.", document)
            return False
        release = self.releases.get((plugin["id"], document.version))
        if release is None:
            self._add_release(plugin, document, version)
            return True
        conflicts = list(self._conflicts(release, document, version))
        for name in conflicts:
            reason = f"Release {document.version} exists with another {name}, and releases are immutable."
            outcome.refuse(index, f"{pointer}/{name}", "release_conflict", reason, document)
        return not conflicts and self._fill(release, document)

    def _add_release(self, plugin: Record, document: ReleaseDocument, version: ParsedVersion) -> None:
        release: Record = {
            "id": new_id(),
            "tenant_id": self.tenant_id,
            "recorded_at": self.now,
            "plugin_id": plugin["id"],
        }
        release |= {"version": version.version, "version_scheme": version.scheme, "sort_key": version.sort_key}
        release |= {name: getattr(document, name) for name in RELEASE_COLUMNS}
        release["prerelease"] = version.prerelease if document.prerelease is None else document.prerelease
        self.releases[(plugin["id"], version.version)] = release
        self.new_releases[release["id"]] = release
        self._add_dependencies(release, document)

    def _add_dependencies(self, release: Record, document: ReleaseDocument) -> None:
        rows = [self._dependency(release, needed) for needed in document.dependencies]
        self.dependencies[release["id"]] = rows
        self.new_dependencies += rows

    def _dependency(self, release: Record, needed: DependencyDocument) -> Record:
        return {
            "id": new_id(),
            "tenant_id": self.tenant_id,
            "recorded_at": self.now,
            "release_id": release["id"],
            "plugin_id": release["plugin_id"],
            "dependency_ref": needed.ref,
            "dependency_plugin_id": None,
            "requirement": needed.requirement,
            "optional": needed.optional,
        }

    def _conflicts(self, release: Record, document: ReleaseDocument, version: ParsedVersion) -> Iterator[str]:
        """Names of the fields that contradict the stored release; what is null on either side does not."""
        if version.scheme != release["version_scheme"]:
            yield "version_scheme"
        if document.prerelease is not None and document.prerelease != release["prerelease"]:
            yield "prerelease"
        for name in FILLABLE:
            value = getattr(document, name)
            if value is not None and release[name] is not None and value != release[name]:
                yield name
        stored = self.dependencies.get(release["id"])
        if stored and document.dependencies and _as_set(stored) != _as_wanted(document.dependencies):
            yield "dependencies"

    def _fill(self, release: Record, document: ReleaseDocument) -> bool:
        """Take over what was null or empty before, and `yanked` when it is stated."""
        fresh = {name: getattr(document, name) for name in FILLABLE if release[name] is None}
        if "yanked" in document.model_fields_set:
            fresh["yanked"] = document.yanked
        fresh = {name: value for name, value in fresh.items() if value is not None and value != release[name]}
        adds = bool(document.dependencies) and not self.dependencies.get(release["id"])
        if (fresh or adds) and release["id"] not in self.new_releases:
            was = {**release, "dependencies": self.dependencies.get(release["id"], [])}
            self.former.setdefault(release["id"], was)
        release |= fresh
        if fresh and release["id"] not in self.new_releases:
            self.changed_releases[release["id"]] = release
        if adds:
            self._add_dependencies(release, document)
        return bool(fresh) or adds


def _maintainers(document: PluginDocument) -> dict[str, str | None]:
    return dict(sorted({maintainer.handle: maintainer.name for maintainer in document.maintainers}.items()))


def _first_repeated(dependencies: list[DependencyDocument]) -> int | None:
    seen: set[str] = set()
    for place, dependency in enumerate(dependencies):
        if dependency.ref in seen:
            return place
        seen.add(dependency.ref)
    return None


def _as_set(rows: list[Record]) -> set[tuple[Any, ...]]:
    return {(row["dependency_ref"], row["requirement"], row["optional"]) for row in rows}


def _as_wanted(dependencies: list[DependencyDocument]) -> set[tuple[Any, ...]]:
    return {(dependency.ref, dependency.requirement, dependency.optional) for dependency in dependencies}
