"""All SQL about people and credentials."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from registry_api.db.repository import Repository
from registry_api.identity.models import LOCAL_ISSUER, ApiToken, Identity, LoginSession, Membership, Password, User
from registry_api.tenancy.models import Tenant
from registry_api.tenancy.repository import named


@dataclass(frozen=True, slots=True)
class Login:
    """An account that a password may open, with its tenant and its role there."""

    user: User
    tenant: Tenant
    role: str
    password_hash: str


class Tokens(Repository):
    """API tokens of the scope's tenant."""

    def all(self) -> Select[tuple[ApiToken]]:
        """Every token of the tenant acted in, also for platform readers: tokens are listed tenant by tenant."""
        return select(ApiToken).where(ApiToken.tenant_id == self.scope.tenant_id)

    async def find(self, token_id: UUID) -> ApiToken | None:
        """One token of the tenant."""
        return (await self.session.execute(self.all().where(ApiToken.id == token_id))).scalar_one_or_none()


class People(Repository):
    """Members of the scope's tenant."""

    def members(self) -> Select[Any]:
        """Rows of (User columns, role)."""
        query = select(User.id, User.email, User.display_name, User.status, User.recorded_at, Membership.role)
        return query.join(Membership, Membership.user_id == User.id).where(Membership.tenant_id == self.scope.tenant_id)

    async def user(self, user_id: UUID) -> User:
        """An account by id."""
        return (await self.session.execute(select(User).where(User.id == user_id))).scalar_one()

    async def memberships(self, user_id: UUID) -> list[tuple[Tenant, str]]:
        """An account's tenant and role."""
        query = select(Tenant, Membership.role).join(Membership, Membership.tenant_id == Tenant.id)
        found = await self.session.execute(query.where(Membership.user_id == user_id))
        return [(tenant, role) for tenant, role in found.all()]

    async def session_by_id(self, session_id: UUID) -> LoginSession | None:
        """A login session of the tenant acted in."""
        query = select(LoginSession).where(
            LoginSession.id == session_id, LoginSession.tenant_id == self.scope.tenant_id
        )
        return (await self.session.execute(query)).scalar_one_or_none()


async def find_logins(session: AsyncSession, email: str, tenant: str | None, most: int) -> list[Login]:
    """The active local accounts of an e-mail, oldest first, at most `most`; only the one in `tenant` when it is given.

    It comes before any scope, so it needs none.
    """
    query = (
        select(User, Tenant, Membership.role, Password.hash)
        .join(Identity, Identity.user_id == User.id)
        .join(Password, Password.user_id == User.id)
        .join(Membership, Membership.user_id == User.id)
        .join(Tenant, Tenant.id == Membership.tenant_id)
        .where(Identity.issuer == LOCAL_ISSUER, Identity.subject == email, User.status == "active")
    )
    query = query if tenant is None else query.where(named(tenant))
    found = await session.execute(query.order_by(User.recorded_at, User.id).limit(most))
    return [Login(*row) for row in found.all()]
