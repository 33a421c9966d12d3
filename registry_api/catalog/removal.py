"""Taking a plugin out of the catalogue."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete, exists, select, update

from registry_api.catalog.errors import PluginInUse
from registry_api.catalog.feed import Record, advisory_row, dependency_row, is_public, plugin_row, release_row
from registry_api.catalog.models import Advisory, Dependency, Plugin, PluginLabel, PluginMaintainer, Release
from registry_api.catalog.repository import Catalogue
from registry_api.catalog.store import CatalogueStore
from registry_api.db import Repository, UnitOfWork
from registry_api.installs.models import Observation


class Removal(Repository):
    """SQL of removing one plugin."""

    async def is_observed(self, plugin: Plugin) -> bool:
        """Whether any tenant observed it on a target."""
        return bool((await self.session.execute(select(exists().where(Observation.plugin_id == plugin.id)))).scalar())

    async def pointing(self, model: Any, column: Any, plugin: Plugin) -> Sequence[dict[str, Any]]:
        """Rows of `model` whose `column` is the plugin."""
        found = await self.session.execute(select(model.__table__).where(column == plugin.id))
        return [dict(row) for row in found.mappings()]

    async def remove(self, plugin: Plugin) -> None:
        """Delete it with all it owns; what pointed at it waits for it again."""
        unlink = update(Dependency).where(Dependency.dependency_plugin_id == plugin.id)
        await self.session.execute(unlink.values(dependency_plugin_id=None))
        await self.session.execute(update(Advisory).where(Advisory.plugin_id == plugin.id).values(plugin_id=None))
        for owned in (Dependency, Release, PluginLabel, PluginMaintainer):
            await self.session.execute(delete(owned).where(owned.plugin_id == plugin.id))
        await self.session.execute(delete(Plugin).where(Plugin.id == plugin.id))


async def remove_plugin(work: UnitOfWork, plugin: Plugin) -> None:
    """Delete an own plugin with its releases and dependencies.

    Raises `PluginInUse` when it was ever observed on a target.
    """
    await work.repository(CatalogueStore).take_turn()
    removal, catalogue = work.repository(Removal), work.repository(Catalogue)
    if await removal.is_observed(plugin):
        raise PluginInUse(f"{plugin.ref} was observed on targets. Set its lifecycle to withdrawn instead.")
    labels = (await catalogue.labels([plugin.id]))[plugin.id]
    maintainers = (await catalogue.maintainers([plugin.id]))[plugin.id]
    releases = await removal.pointing(Release, Release.plugin_id, plugin)
    dependencies = await removal.pointing(Dependency, Dependency.plugin_id, plugin)
    incoming = await removal.pointing(Dependency, Dependency.dependency_plugin_id, plugin)
    advisories = await removal.pointing(Advisory, Advisory.plugin_id, plugin)
    state = {column.name: getattr(plugin, column.name) for column in Plugin.__table__.columns}
    await removal.remove(plugin)
    public = is_public(plugin.tenant_id, work.principal.scope.operator_id, plugin.visibility)
    _publish(work, "dependencies", "delete", [(row, dependency_row(row)) for row in dependencies], public)
    _publish(work, "releases", "delete", [(row, release_row(row)) for row in releases], public)
    _publish(work, "plugins", "delete", [(state, plugin_row(state, labels, maintainers))], public)
    gone = {row["id"] for row in dependencies}
    unlinked = [{**row, "dependency_plugin_id": None} for row in incoming if row["id"] not in gone]
    _publish(work, "dependencies", "upsert", [(row, dependency_row(row)) for row in unlinked], public)
    waiting = [{**row, "plugin_id": None} for row in advisories]
    _publish(work, "advisories", "upsert", [(row, advisory_row(row)) for row in waiting], public)
    work.audit("plugin.deleted", f"plugin:{plugin.id}", {"before": {"ref": plugin.ref, "releases": len(releases)}})


def _publish(work: UnitOfWork, feed: str, op: str, rows: Sequence[tuple[Record, dict[str, Any]]], public: bool) -> None:
    operator_id = work.principal.scope.operator_id
    for row, payload in rows:
        seen = public and row["tenant_id"] == operator_id
        work.publish(feed, op, row["id"], payload, tenant_id=row["tenant_id"], public=seen)
