"""Plugins that the operator opens to other tenants or closes to them: their feeds and links follow."""

from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

from registry_api.catalog.documents import Draft
from registry_api.catalog.feed import advisory_row, dependency_row, is_public, plugin_row, release_row
from registry_api.catalog.links import let_go
from registry_api.catalog.store import CatalogueStore, Record
from registry_api.db import UnitOfWork

Part = tuple[str, UUID, dict[str, Any]]


async def follow_visibility(work: UnitOfWork, draft: Draft, by_id: dict[UUID, Record]) -> list[Record]:
    """Tell other tenants of parts they never saw, and to forget what they may see no more; the plugins opened to them."""
    opened, closed = (list(_crossed(work, draft, by_id, public)) for public in (True, False))
    if opened:
        _tell(work, draft, "upsert", await _parts(work, opened), True)
    if closed:
        parts = await _parts(work, closed)
        fresh = {*draft.new_releases, *(row["id"] for row in draft.new_dependencies)}
        seen = [_before(draft, id) for id in closed] + [part for part in parts if part[1] not in fresh]
        _tell(work, draft, "delete", seen, True)
        # Whoever sees everything reads the deletion too.
        _tell(work, draft, "upsert", [*(_plugin(draft, by_id[id]) for id in closed), *parts], False)
        await let_go(work, [by_id[id] for id in closed], by_others=True)
    return [by_id[id] for id in opened]


def _crossed(work: UnitOfWork, draft: Draft, by_id: dict[UUID, Record], public: bool) -> Iterator[UUID]:
    operator_id = work.principal.scope.operator_id
    for id, change in draft.changes.items():
        if change.before is not None and change.before["visibility"] != by_id[id]["visibility"]:
            visible = change.before["visibility"] if not public else by_id[id]["visibility"]
            if is_public(draft.tenant_id, operator_id, visible):
                yield id


def _plugin(draft: Draft, plugin: Record) -> Part:
    id: UUID = plugin["id"]
    return "plugins", id, plugin_row(plugin, draft.labels[id], draft.maintainers[id])


def _before(draft: Draft, plugin_id: UUID) -> Part:
    """The last state that other tenants could see."""
    before = draft.changes[plugin_id].before
    assert before is not None
    return "plugins", plugin_id, plugin_row(before, before["labels"], before["maintainers"])


async def _parts(work: UnitOfWork, plugin_ids: Sequence[UUID]) -> list[Part]:
    """Feed rows of the plugins' releases, dependencies and the tenant's advisories on them."""
    store = work.repository(CatalogueStore)
    releases = await store.all_releases(plugin_ids)
    dependencies = await store.dependencies([release["id"] for release in releases])
    advisories = await store.own_advisories_on(plugin_ids)
    return [
        *(("releases", row["id"], release_row(row)) for row in releases),
        *(("dependencies", row["id"], dependency_row(row)) for rows in dependencies.values() for row in rows),
        *(("advisories", row["id"], advisory_row(row)) for row in advisories),
    ]


def _tell(work: UnitOfWork, draft: Draft, op: str, parts: Sequence[Part], public: bool) -> None:
    for feed, id, row in parts:
        work.publish(feed, op, id, row, tenant_id=draft.tenant_id, public=public)
