"""What points at plugins: linked when they arrive, let go when they leave, in every tenant that sees them come and go."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from registry_api.catalog.feed import advisory_row, dependency_row, is_public
from registry_api.catalog.models import Advisory, Dependency
from registry_api.catalog.store import CatalogueStore, Record
from registry_api.db import UnitOfWork


async def link_waiting(work: UnitOfWork, plugins: Sequence[Record]) -> None:
    """Point dependencies and advisories that waited for these plugins at them, with their feed rows."""
    if not plugins:
        return
    store, scope = work.repository(CatalogueStore), work.principal.scope
    shared = {p["ref"]: p["id"] for p in plugins if is_public(p["tenant_id"], scope.operator_id, p["visibility"])}
    own = {p["ref"]: p["id"] for p in plugins if p["ref"] not in shared}
    for ids, everywhere in ((shared, True), (own, False)):
        dependencies = await store.waiting_dependencies(list(ids), everywhere)
        for row in dependencies:
            row["dependency_plugin_id"] = ids[row["dependency_ref"]]
        advisories = await store.waiting_advisories(list(ids), everywhere)
        for row in advisories:
            row["plugin_id"] = ids[row["subject_ref"]]
        await _save(work, dependencies, advisories, "public")


async def let_go(work: UnitOfWork, plugins: Sequence[Mapping[str, Any]], *, by_others: bool = False) -> None:
    """Point what points at these plugins at the one its tenant else sees under that ref, or let it wait; with feed rows.

    For plugins about to be deleted, or `by_others` for those that only their own tenant sees from now on.
    """
    store, gone = work.repository(CatalogueStore), [plugin["id"] for plugin in plugins]
    dependencies = await store.pointing(Dependency, "dependency_plugin_id", gone, by_others)
    advisories = await store.pointing(Advisory, "plugin_id", gone, by_others)
    heirs = await store.heirs([plugin["ref"] for plugin in plugins], gone)

    def heir(row: Record, ref: str) -> UUID | None:
        return heirs.get((row["tenant_id"], ref)) or heirs.get((None, ref))

    for row in dependencies:
        row["dependency_plugin_id"] = heir(row, row["dependency_ref"])
    for row in advisories:
        row["plugin_id"] = heir(row, row["subject_ref"])
    closed = any(plugin["visibility"] != "public" for plugin in plugins)
    await _save(work, dependencies, advisories, "private" if closed else "public")


async def _save(
    work: UnitOfWork, dependencies: Sequence[Record], advisories: Sequence[Record], of_unknown: str
) -> None:
    """`of_unknown` is the visibility of advisories that wait."""
    store, operator_id = work.repository(CatalogueStore), work.principal.scope.operator_id
    await store.update(Dependency, dependencies, ("dependency_plugin_id",))
    await store.update(Advisory, advisories, ("plugin_id",))
    named = [row["plugin_id"] for row in (*dependencies, *advisories) if row["plugin_id"] is not None]
    seen = await store.visibilities(named)
    for feed, rows, shape in (("dependencies", dependencies, dependency_row), ("advisories", advisories, advisory_row)):
        for row in rows:
            public = is_public(row["tenant_id"], operator_id, seen.get(row["plugin_id"], of_unknown))
            work.publish(feed, "upsert", row["id"], shape(row), tenant_id=row["tenant_id"], public=public)
