"""All that a tenant which begins to see a plugin must be told of it."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from registry_api.catalog.feed import advisory_row, dependency_row, release_row
from registry_api.catalog.store import CatalogueStore
from registry_api.db import UnitOfWork

Part = tuple[str, UUID, dict[str, Any]]
"""A feed, an entity and its row."""


async def parts_of(work: UnitOfWork, plugin_ids: Sequence[UUID]) -> list[Part]:
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
