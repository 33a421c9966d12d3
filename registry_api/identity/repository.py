"""All SQL about people and credentials."""

from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from registry_api.db.repository import Repository
from registry_api.identity.models import LOCAL_ISSUER, ApiToken, Identity, LoginSession, Membership, Password, User
from registry_api.tenancy.models import Tenant
from registry_api.tenancy.repository import named


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

    async def user_by_email(self, email: str) -> User | None:
        """The account of an e-mail in any tenant: accounts are people, not rows of a tenant."""
        return (await self.session.execute(select(User).where(User.email == email))).scalar_one_or_none()

    async def user(self, user_id: UUID) -> User:
        """An account by id."""
        return (await self.session.execute(select(User).where(User.id == user_id))).scalar_one()

    async def is_member(self, user_id: UUID) -> bool:
        """Whether a person is a member of the tenant acted in."""
        query = select(Membership.id).where(Membership.user_id == user_id, Membership.tenant_id == self.scope.tenant_id)
        return (await self.session.execute(query)).scalar_one_or_none() is not None

    async def memberships(self, user_id: UUID) -> list[tuple[Tenant, str]]:
        """A person's tenants and roles, oldest first."""
        return await memberships_of(self.session, user_id)

    async def session_by_id(self, session_id: UUID) -> LoginSession | None:
        """A login session of the tenant acted in."""
        query = select(LoginSession).where(
            LoginSession.id == session_id, LoginSession.tenant_id == self.scope.tenant_id
        )
        return (await self.session.execute(query)).scalar_one_or_none()


async def find_login(session: AsyncSession, email: str) -> Row[tuple[User, str]] | None:
    """The active account and password hash of a local identity. It comes before any scope, so it needs none."""
    query = (
        select(User, Password.hash)
        .join(Identity, Identity.user_id == User.id)
        .join(Password, Password.user_id == User.id)
        .where(Identity.issuer == LOCAL_ISSUER, Identity.subject == email, User.status == "active")
    )
    return (await session.execute(query)).one_or_none()


async def memberships_of(session: AsyncSession, user_id: UUID, tenant: str | None = None) -> list[tuple[Tenant, str]]:
    """A person's tenants and roles, oldest first; only the one named when `tenant` is given."""
    query = select(Tenant, Membership.role).join(Membership, Membership.tenant_id == Tenant.id)
    query = query.where(Membership.user_id == user_id).order_by(Membership.recorded_at, Membership.id)
    if tenant is not None:
        query = query.where(named(tenant))
    return [(found, role) for found, role in (await session.execute(query)).all()]
