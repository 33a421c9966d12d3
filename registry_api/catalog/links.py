"""What points at plugins: linked when they arrive, let go when they leave, in every tenant that sees them come and go."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from registry_api.catalog.feed import advisory_row, dependency_row
from registry_api.catalog.models import Advisory, Dependency
from registry_api.catalog.store import CatalogueStore, Record
from registry_api.catalog.visibility import PRIVATE, PUBLIC, is_public
from registry_api.db import Crossing, UnitOfWork, crossing


async def link_waiting(work: UnitOfWork, plugins: Sequence[Record]) -> None:
    """Point dependencies and advisories that waited for these plugins at them, with their feed rows."""
    if plugins:
        async with crossing(work.session, Crossing.LINKS):
            await _link(work, plugins)


async def _link(work: UnitOfWork, plugins: Sequence[Record]) -> None:
    store, scope = work.repository(CatalogueStore), work.principal.scope
    shared = {p["ref"]: p["id"] for p in plugins if is_public(p["tenant_id"], scope.operator_id, p["visibility"])}
    own = {p["ref"]: p["id"] for p in plugins if p["ref"] not in shared}
    await _point(work, store, shared, None)
    await _point(work, store, own, scope.tenant_id)


async def link_shared(work: UnitOfWork, ref: str, plugin_id: UUID, grantee_id: UUID) -> None:
    """Point what waited in a tenant for a plugin that is shared with it from now on at it, with feed rows."""
    async with crossing(work.session, Crossing.LINKS):
        await _point(work, work.repository(CatalogueStore), {ref: plugin_id}, grantee_id)


async def _point(work: UnitOfWork, store: CatalogueStore, ids: Mapping[str, UUID], of: UUID | None) -> None:
    dependencies = await store.waiting_dependencies(list(ids), of)
    for row in dependencies:
        row["dependency_plugin_id"] = ids[row["dependency_ref"]]
    advisories = await store.waiting_advisories(list(ids), of)
    for row in advisories:
        row["plugin_id"] = ids[row["subject_ref"]]
    await _save(work, dependencies, advisories, PUBLIC)


async def let_go(
    work: UnitOfWork, plugins: Sequence[Mapping[str, Any]], *, of: UUID | None = None, but: UUID | None = None
) -> None:
    """Point what points at these plugins at the one its tenant else sees under that ref, or let it wait; with feed rows.

    For plugins about to be deleted; rows `of` one tenant, from which they are hidden from now on, or of all `but` one, their own.
    """
    async with crossing(work.session, Crossing.LINKS):
        await _let_go(work, plugins, of, but)


async def _let_go(work: UnitOfWork, plugins: Sequence[Mapping[str, Any]], of: UUID | None, but: UUID | None) -> None:
    store, gone = work.repository(CatalogueStore), [plugin["id"] for plugin in plugins]
    refs = [plugin["ref"] for plugin in plugins]
    dependencies = await store.pointing(Dependency, "dependency_plugin_id", gone, of=of, but=but)
    advisories = await store.pointing(Advisory, "plugin_id", gone, of=of, but=but)
    heirs = await store.heirs(refs, gone)
    tenants = {row["tenant_id"] for row in (*dependencies, *advisories)}
    shared = {tenant: await store.shared_ids(refs, tenant, gone) for tenant in tenants}

    def heir(row: Record, ref: str) -> UUID | None:
        tenant = row["tenant_id"]
        return heirs.get((tenant, ref)) or heirs.get((None, ref)) or shared[tenant].get(ref)

    for row in dependencies:
        row["dependency_plugin_id"] = heir(row, row["dependency_ref"])
    for row in advisories:
        row["plugin_id"] = heir(row, row["subject_ref"])
    closed = any(plugin["visibility"] != PUBLIC for plugin in plugins)
    await _save(work, dependencies, advisories, PRIVATE if closed else PUBLIC)


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
