"""All SQL about tenants."""

from uuid import UUID

from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from registry_api.db.repository import Repository
from registry_api.problems import NotFound
from registry_api.schemas import as_id
from registry_api.tenancy.models import Tenant


def named(tenant: str) -> ColumnElement[bool]:
    """Matches a tenant by slug or id; no slug has the form of an id."""
    found = as_id(tenant)
    return Tenant.slug == tenant if found is None else Tenant.id == found


async def find_operator_id(session: AsyncSession) -> UUID | None:
    """The operator tenant's id; None before the registry is set up. It comes before any scope, so it needs none."""
    return (await session.execute(select(Tenant.id).where(Tenant.kind == "operator"))).scalar_one_or_none()


async def named_tenant(session: AsyncSession, tenant: str) -> Tenant:
    """Any tenant by slug or id, for callers with tenancy:act; raises `NotFound`."""
    found = (await session.execute(select(Tenant).where(named(tenant)))).scalar_one_or_none()
    if found is None:
        raise NotFound(f"There is no tenant {tenant!r}.")
    return found


class Tenants(Repository):
    """Tenants the scope may see: its own, or all for platform readers."""

    def visible(self) -> Select[tuple[Tenant]]:
        """The tenants themselves are not tenant-owned rows, so they have their own rule."""
        query = select(Tenant)
        return query if self.scope.all_tenants else query.where(Tenant.id == self.scope.tenant_id)

    async def get(self, tenant: str) -> Tenant:
        """A visible tenant by slug or id; raises `NotFound`."""
        return await self._one(self.visible(), tenant)

    async def hold(self, tenant: str) -> Tenant:
        """The same, and until the transaction ends it is neither suspended nor deleted."""
        query = self.visible().with_for_update(read=True).execution_options(populate_existing=True)
        return await self._one(query, tenant)

    async def get_any(self, tenant: str) -> Tenant:
        """Any tenant by slug or id, locked for a change of it, for which nobody waits who writes rows of the tenant's; raises `NotFound`.

        For routes that only platform scopes open, whose holder need not have a role that sees every tenant.
        """
        query = select(Tenant).with_for_update(key_share=True).execution_options(populate_existing=True)
        return await self._one(query, tenant)

    async def _one(self, query: Select[tuple[Tenant]], tenant: str) -> Tenant:
        found = (await self.session.execute(query.where(named(tenant)))).scalar_one_or_none()
        if found is None:
            raise NotFound(f"There is no tenant {tenant[:200]!r}.")
        return found

    async def own(self, *, locked: bool = False) -> Tenant:
        """The tenant acted in; locked, it is not suspended or deleted meanwhile."""
        query = select(Tenant).where(Tenant.id == self.scope.tenant_id)
        return (await self.session.execute(query.with_for_update(read=True) if locked else query)).scalar_one()
