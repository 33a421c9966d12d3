"""What the audit log keeps of the catalogue: each change of what was there field by field, by whichever route it came."""

from collections.abc import Mapping, Set
from typing import Any
from uuid import UUID

from registry_api.audit.personal import Personal, of_name
from registry_api.catalog.documents import RELEASE_COLUMNS, Draft, Record
from registry_api.catalog.schemas import PluginDocument
from registry_api.db import UnitOfWork


def record_plugin(work: UnitOfWork, plugin_id: UUID, document: PluginDocument) -> None:
    """A new plugin as it was sent, without its releases; who maintains it stands there sealed."""
    named = {one.handle: one.name for one in document.maintainers}
    told = document.model_dump(mode="json", exclude={"releases", "maintainers"})
    work.audit("plugin.created", f"plugin:{plugin_id}", after=told | {"maintainers": _people(work, named)})


def record_changes(work: UnitOfWork, draft: Draft) -> None:
    """A record for each plugin and each release that was there and is changed; new ones are told as a whole or by their batch."""
    plugins = {plugin["id"]: plugin for plugin in draft.plugins.values()}
    for id, change in draft.changes.items():
        if change.before is not None:
            _record_plugin(work, draft, plugins[id], change.before, change.fields)
    releases = {release["id"]: release for release in draft.releases.values()} if draft.former else {}
    for id, before in draft.former.items():
        _record_release(work, before, {**releases[id], "dependencies": draft.dependencies.get(id, [])})


def _record_plugin(work: UnitOfWork, draft: Draft, plugin: Record, before: Record, fields: Set[str]) -> None:
    now = {**plugin, "labels": draft.labels[plugin["id"]], "maintainers": draft.maintainers[plugin["id"]]}
    was, now = ({name: _told(work, name, side[name]) for name in fields} for side in (before, now))
    work.audit("plugin.changed", f"plugin:{plugin['id']}", before=was, after=now)


def _told(work: UnitOfWork, name: str, value: Any) -> Any:
    return _people(work, value) if name == "maintainers" else value


def _people(work: UnitOfWork, named: Mapping[str, str | None]) -> list[dict[str, Personal | None]]:
    """Maintainers as they are sent, in order of handle; what is known of each is sealed under the handle."""
    told = []
    for handle, name in sorted(named.items()):
        of = of_name(work.session, work.principal.tenant_id, handle)
        told.append({"handle": Personal(of, handle), "name": None if name is None else Personal(of, name)})
    return told


def _record_release(work: UnitOfWork, before: Record, after: Record) -> None:
    facts = {"plugin": str(after["plugin_id"]), "version": after["version"]}
    sides = (_fields(before), _fields(after))
    work.audit("release.changed", f"release:{after['id']}", facts, before=sides[0], after=sides[1])


def _fields(release: Record) -> Record:
    needed = [
        {"ref": row["dependency_ref"], "requirement": row["requirement"], "optional": row["optional"]}
        for row in release["dependencies"]
    ]
    return {**{name: release[name] for name in RELEASE_COLUMNS}, "dependencies": needed}
