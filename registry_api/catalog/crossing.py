"""Plugins that the operator opens to other tenants or closes to them: their feeds and links follow."""

from collections.abc import Iterator, Sequence
from uuid import UUID

from registry_api.catalog.documents import Draft
from registry_api.catalog.feed import plugin_row
from registry_api.catalog.links import let_go
from registry_api.catalog.parts import Part, parts_of
from registry_api.catalog.sharing import service as sharing
from registry_api.catalog.store import Record
from registry_api.catalog.visibility import SHARED, is_public
from registry_api.db import UnitOfWork
from registry_api.webhooks.events import QUIET


async def follow_visibility(work: UnitOfWork, draft: Draft, by_id: dict[UUID, Record]) -> list[Record]:
    """Tell other tenants of parts they never saw, and to forget what they may see no more; the plugins opened to them."""
    opened, closed = (list(_crossed(work, draft, by_id, public)) for public in (True, False))
    if opened:
        _tell(work, draft, "upsert", await parts_of(work, opened), True)
    if closed:
        parts = await parts_of(work, closed)
        fresh = {*draft.new_releases, *(row["id"] for row in draft.new_dependencies)}
        seen = [_before(draft, id) for id in closed] + [part for part in parts if part[1] not in fresh]
        _tell(work, draft, "delete", seen, True)
        # Whoever sees everything reads the deletion too.
        _tell(work, draft, "upsert", [*(_plugin(draft, by_id[id]) for id in closed), *parts], False)
        await let_go(work, [by_id[id] for id in closed], but=draft.tenant_id)
    return [by_id[id] for id in opened]


async def follow_sharing(work: UnitOfWork, draft: Draft, by_id: dict[UUID, Record]) -> None:
    """Have grants count for plugins that became `shared`, and rest for those that no longer are."""
    was = {id: change.before["visibility"] for id, change in draft.changes.items() if change.before is not None}
    now = {id: by_id[id]["visibility"] for id in was if was[id] != by_id[id]["visibility"]}
    opened = [id for id, visibility in now.items() if visibility == SHARED]
    closed = {id: visibility for id, visibility in now.items() if was[id] == SHARED}
    if opened or closed:
        await sharing.follow(work, opened, closed)


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


def _tell(work: UnitOfWork, draft: Draft, op: str, parts: Sequence[Part], public: bool) -> None:
    """Webhooks hear of the plugin itself, whose own row was published before; only that it is hidden is said here."""
    for feed, id, row in parts:
        event = "plugin.hidden" if (feed, op) == ("plugins", "delete") else QUIET
        work.publish(feed, op, id, row, tenant_id=draft.tenant_id, public=public, event=event)
