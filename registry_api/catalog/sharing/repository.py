"""All SQL of grants, conditions on plugins aside."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, delete, or_, select

from patchbay.core.clock import utcnow
from registry_api.catalog.models import Plugin
from registry_api.catalog.sharing.models import PluginGrant
from registry_api.db import Crossing, Repository, crossing
from registry_api.db.chunks import chunks
from registry_api.feeds.models import OutboxRow
from registry_api.problems import NotFound
from registry_api.tenancy.models import Tenant


class PluginGrants(Repository):
    """Grants that the tenant acted in gave, and those it was given."""

    def given(self, plugin_id: UUID) -> Select[tuple[PluginGrant]]:
        """The tenant's grants of a plugin, those that ended too."""
        return select(PluginGrant).where(
            PluginGrant.tenant_id == self.scope.tenant_id, PluginGrant.plugin_id == plugin_id
        )

    def received(self) -> Select[tuple[PluginGrant]]:
        """What others gave the tenant, those that ended too."""
        return select(PluginGrant).where(PluginGrant.grantee_id == self.scope.tenant_id)

    async def one(self, query: Select[tuple[PluginGrant]], grant_id: UUID) -> PluginGrant:
        """One of those by id; raises `NotFound`."""
        found = (await self.session.execute(query.where(PluginGrant.id == grant_id))).scalar_one_or_none()
        if found is None:
            raise NotFound(f"There is no grant {grant_id} here.")
        return found

    async def standing(self, plugin_ids: Sequence[UUID]) -> list[PluginGrant]:
        """The tenant's grants of plugins that have not ended, oldest first."""
        found: list[PluginGrant] = []
        for part in chunks(plugin_ids):
            query = select(PluginGrant).where(PluginGrant.plugin_id.in_(part), PluginGrant.ended_at.is_(None))
            own = query.where(PluginGrant.tenant_id == self.scope.tenant_id).order_by(PluginGrant.id)
            found.extend((await self.session.execute(own)).scalars())
        return found

    async def find(self, grant_id: UUID) -> PluginGrant | None:
        """One of the tenant's grants, if it is there."""
        own = (PluginGrant.id == grant_id, PluginGrant.tenant_id == self.scope.tenant_id)
        return (await self.session.execute(select(PluginGrant).where(*own))).scalar_one_or_none()

    async def of_either_side(self) -> Sequence[PluginGrant]:
        """All that have not ended of which the tenant is a side; for its deletion."""
        sides = or_(PluginGrant.tenant_id == self.scope.tenant_id, PluginGrant.grantee_id == self.scope.tenant_id)
        query = select(PluginGrant).where(sides, PluginGrant.ended_at.is_(None)).order_by(PluginGrant.id)
        return (await self.session.execute(query)).scalars().all()

    async def sides(self, grants: Iterable[PluginGrant]) -> dict[UUID, Tenant]:
        """The tenants of grants, by id."""
        ids = {id for grant in grants for id in (grant.tenant_id, grant.grantee_id)}
        async with crossing(self.session, Crossing.SHARING):
            found = (await self.session.execute(select(Tenant).where(Tenant.id.in_(ids)))).scalars()
            return {tenant.id: tenant for tenant in found}

    async def require_tenants(self, ids: Sequence[UUID]) -> None:
        """Raises `NotFound` unless all are customers that may be given something, in one answer for whatever is wrong."""
        async with crossing(self.session, Crossing.SHARING):
            query = select(Tenant.id).where(Tenant.id.in_(ids), Tenant.kind == "customer")
            query = query.where(Tenant.status.in_(("active", "suspended")), Tenant.id != self.scope.tenant_id)
            known = set((await self.session.execute(query)).scalars())
        unknown = [str(id) for id in ids if id not in known]
        if unknown:
            raise NotFound(f"No plugin can be shared with {', '.join(unknown)}: ask the tenant for its id.")

    async def former(self, plugin: str) -> PluginGrant | None:
        """The newest grant by which the tenant once had a plugin, by the plugin's id or ref."""
        try:
            named = PluginGrant.plugin_id == UUID(plugin)
        except ValueError:
            named = PluginGrant.ref == plugin
        query = self.received().where(named).order_by(PluginGrant.id.desc()).limit(1)
        return (await self.session.execute(query)).scalar_one_or_none()

    async def told(self, grant: PluginGrant) -> Sequence[tuple[str, str]]:
        """Feed and line of what the grantee was told under a grant."""
        query = select(OutboxRow.feed, OutboxRow.line).where(OutboxRow.grant_id == grant.id).order_by(OutboxRow.seq)
        return (await self.session.execute(query)).tuples().all()

    async def untell(self, grant: PluginGrant) -> None:
        """Take those rows away."""
        await self.session.execute(delete(OutboxRow).where(OutboxRow.grant_id == grant.id))

    async def forget(self, plugin_id: UUID) -> None:
        """Delete the tenant's grants of a plugin that goes."""
        own = (PluginGrant.tenant_id == self.scope.tenant_id, PluginGrant.plugin_id == plugin_id)
        await self.session.execute(delete(PluginGrant).where(*own))

    async def plugin(self, plugin_id: UUID) -> Plugin:
        """The plugin of a grant."""
        return (await self.session.execute(select(Plugin).where(Plugin.id == plugin_id))).scalar_one()


def state(grant: PluginGrant, now: datetime | None = None) -> str:
    """What a grant is at a moment, now if none is said."""
    if grant.ended_because is not None:
        return grant.ended_because
    if grant.expires_at is not None and grant.expires_at <= (now or utcnow()):
        return "expired"
    return "in_force" if grant.live else "paused"
