"""Taking a plugin out of the catalogue."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, delete, exists, or_, select

from registry_api.catalog.errors import PluginInUse
from registry_api.catalog.feed import Record, dependency_row, plugin_row, release_row
from registry_api.catalog.links import let_go
from registry_api.catalog.models import Dependency, Plugin, PluginLabel, PluginMaintainer, Release
from registry_api.catalog.repository import Catalogue
from registry_api.catalog.sharing.models import PluginGrant
from registry_api.catalog.sharing.repository import PluginGrants
from registry_api.catalog.sharing.service import end
from registry_api.catalog.visibility import is_public
from registry_api.db import Crossing, Repository, UnitOfWork, crossing
from registry_api.installs.models import Observation, ReleaseBlock
from registry_api.intake.models import IntakeBatch
from registry_api.tenancy.metering import Metering
from registry_api.tenancy.plans import Quota
from registry_api.usage.models import MinuteCounter


class Removal(Repository):
    """SQL of removing one plugin."""

    async def is_named(self, plugin: Plugin) -> bool:
        """Whether what was observed or counted names it, in any tenant, or what came in since it was published may."""
        named = or_(
            exists().where(Observation.plugin_id == plugin.id),
            exists().where(MinuteCounter.plugin_id == plugin.id),
            exists().where(*self._intake(plugin)),
        )
        async with crossing(self.session, Crossing.REMOVAL):
            return bool((await self.session.execute(select(named))).scalar())

    def _intake(self, plugin: Plugin) -> list[ColumnElement[bool]]:
        """Batches whose files may name it: they are in the lake, and are not opened to look."""
        since = IntakeBatch.recorded_at >= plugin.recorded_at
        found = [IntakeBatch.stream.in_(("usage", "statistics")), IntakeBatch.accepted > 0, since]
        # The operator's plugin may have been public before, and so anyone's events name it.
        if plugin.tenant_id == self.scope.operator_id:
            return found
        grantees = select(PluginGrant.grantee_id).where(PluginGrant.plugin_id == plugin.id)
        return [*found, or_(IntakeBatch.tenant_id == plugin.tenant_id, IntakeBatch.tenant_id.in_(grantees))]

    async def owned_by(self, model: Any, plugin: Plugin) -> Sequence[dict[str, Any]]:
        """Rows of `model` that are parts of the plugin."""
        found = await self.session.execute(select(model.__table__).where(model.plugin_id == plugin.id))
        return [dict(row) for row in found.mappings()]

    async def remove_parts(self, plugin: Plugin) -> None:
        """Delete all it owns."""
        async with crossing(self.session, Crossing.REMOVAL):
            for owned in (ReleaseBlock, Dependency, Release, PluginLabel, PluginMaintainer):
                await self.session.execute(delete(owned).where(owned.plugin_id == plugin.id))

    async def remove(self, plugin: Plugin) -> None:
        """Delete it once nothing points at it."""
        await self.session.execute(delete(Plugin).where(Plugin.id == plugin.id))


async def remove_plugin(work: UnitOfWork, plugin: Plugin) -> None:
    """Delete a claimed plugin with its releases and dependencies.

    What pointed at it points at the plugin then seen under its ref, or waits. Raises `PluginInUse` when records may name it.
    """
    removal, catalogue = work.repository(Removal), work.repository(Catalogue)
    if await removal.is_named(plugin):
        raise PluginInUse(
            f"{plugin.ref} was observed on targets, or usage or statistics that may name it came in since it was "
            "published, and would lose what they speak of. Set its lifecycle to withdrawn instead."
        )
    labels = (await catalogue.labels([plugin.id]))[plugin.id]
    maintainers = (await catalogue.maintainers([plugin.id]))[plugin.id]
    releases = await removal.owned_by(Release, plugin)
    dependencies = await removal.owned_by(Dependency, plugin)
    state = {column.name: getattr(plugin, column.name) for column in Plugin.__table__.columns}
    grants = work.repository(PluginGrants)
    for grant in await grants.standing([plugin.id]):
        await end(work, grant, "revoked")
    _publish(work, state, "dependencies", [(row, dependency_row(row)) for row in dependencies])
    _publish(work, state, "releases", [(row, release_row(row)) for row in releases])
    _publish(work, state, "plugins", [(state, plugin_row(state, labels, maintainers))])
    await removal.remove_parts(plugin)
    await let_go(work, [state])
    await grants.forget(plugin.id)
    await removal.remove(plugin)
    await work.repository(Metering).free({Quota.PLUGINS: 1, Quota.RELEASES: len(releases)})
    work.audit("plugin.deleted", f"plugin:{plugin.id}", before={"ref": plugin.ref, "releases": len(releases)})


def _publish(work: UnitOfWork, plugin: Record, feed: str, rows: Sequence[tuple[Record, dict[str, Any]]]) -> None:
    public = is_public(plugin["tenant_id"], work.principal.scope.operator_id, plugin["visibility"])
    for row, payload in rows:
        work.publish(feed, "delete", row["id"], payload, tenant_id=plugin["tenant_id"], public=public)
