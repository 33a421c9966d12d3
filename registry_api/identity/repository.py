"""All SQL about people and credentials."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from registry_api.db.repository import Repository
from registry_api.identity.models import LOCAL_ISSUER, ApiToken, Identity, LoginSession, Membership, Password, User
from registry_api.identity.roles import ADMINISTRATORS
from registry_api.problems import NotFound
from registry_api.schemas import as_id
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

    async def locked(self, token_id: UUID) -> ApiToken | None:
        """One token of the tenant as it is now, locked until the end of the transaction."""
        found = await self._locked(ApiToken.id == token_id)
        return found[0] if found else None

    async def family(self, token: ApiToken) -> list[ApiToken]:
        """A token and all that were made from it, locked: whoever makes another one waits, and sees what became of it."""
        level = family = await self._locked(ApiToken.id == token.id)
        while level:
            level = await self._locked(ApiToken.parent_id.in_([one.id for one in level]))
            family = [*family, *level]
        return family

    async def is_live(self, token_id: UUID) -> bool:
        """Whether a token of any tenant that the session reaches is not revoked, and is not until the end of the transaction."""
        query = select(ApiToken.id).where(ApiToken.id == token_id, ApiToken.revoked_at.is_(None))
        return (await self.session.execute(query.with_for_update(read=True))).first() is not None

    async def made_by(self, person: str, *, locked: bool = False) -> list[ApiToken]:
        """Tokens that somebody made, and all that those made in turn, in every tenant that the session reaches."""
        made: list[ApiToken] = []
        makers = [person]
        while makers:
            query = select(ApiToken).where(ApiToken.created_by.in_(makers)).order_by(ApiToken.id)
            level = await self.session.execute(query.with_for_update() if locked else query)
            found = level.scalars().all()
            made, makers = [*made, *found], [f"token:{one.id}" for one in found]
        return made

    async def leave_made_by(self, token: ApiToken) -> list[ApiToken]:
        """Note for the tokens that a token made itself that its maker did; which ones."""
        query = select(ApiToken).where(ApiToken.created_by == f"token:{token.id}").order_by(ApiToken.id)
        found = list((await self.session.execute(query.with_for_update())).scalars())
        for one in found:
            one.created_by = token.created_by
        return found

    async def _locked(self, which: ColumnElement[bool]) -> list[ApiToken]:
        query = self.all().where(which).order_by(ApiToken.id).with_for_update()
        return list((await self.session.execute(query.execution_options(populate_existing=True))).scalars())


class People(Repository):
    """Members of the scope's tenant."""

    def members(self) -> Select[Any]:
        """Rows of (User columns, role)."""
        query = select(
            User.id, User.email, User.display_name, User.status, User.revision, User.recorded_at, Membership.role
        )
        return query.join(Membership, Membership.user_id == User.id).where(Membership.tenant_id == self.scope.tenant_id)

    async def member(self, user_id: UUID) -> Any:
        """A row of the same; raises `NotFound`."""
        found = (await self.session.execute(self.members().where(User.id == user_id))).one_or_none()
        if found is None:
            raise NotFound(f"There is no person {user_id} in this tenant.")
        return found

    async def user(self, user_id: UUID) -> User:
        """An account by id."""
        return (await self.session.execute(select(User).where(User.id == user_id))).scalar_one()

    async def memberships(self, user_id: UUID) -> list[tuple[Tenant, str]]:
        """An account's tenant and role."""
        query = select(Tenant, Membership.role).join(Membership, Membership.tenant_id == Tenant.id)
        found = await self.session.execute(query.where(Membership.user_id == user_id))
        return [(tenant, role) for tenant, role in found.all()]

    async def locked(self, user_id: UUID) -> tuple[User, Membership] | None:
        """A member of the tenant and the membership, locked until the end of the transaction."""
        query = select(User, Membership).join(Membership, Membership.user_id == User.id)
        query = query.where(User.id == user_id, User.tenant_id == self.scope.tenant_id).with_for_update()
        found = (await self.session.execute(query.execution_options(populate_existing=True))).one_or_none()
        return None if found is None else (found[0], found[1])

    async def role(self, user_id: UUID) -> str | None:
        """The role of an active account, locked against changes of either; None without one."""
        query = select(Membership.role).join(User, User.id == Membership.user_id)
        query = query.where(User.id == user_id, User.status == "active").with_for_update(read=True)
        return (await self.session.execute(query)).scalar_one_or_none()

    async def lock_administrators(self) -> list[UUID]:
        """Active administrators of the tenant, locked in order of id: of two who remove each other, one waits and sees."""
        query = select(User.id).join(Membership, Membership.user_id == User.id).order_by(User.id)
        active = (User.tenant_id == self.scope.tenant_id, User.status == "active")
        query = query.where(*active, Membership.role.in_(ADMINISTRATORS)).with_for_update()
        return list((await self.session.execute(query)).scalars())

    async def password_hash(self, user_id: UUID) -> str | None:
        """The stored hash of an account's password; None for one that signs in elsewhere."""
        return (
            await self.session.execute(select(Password.hash).where(Password.user_id == user_id))
        ).scalar_one_or_none()

    async def put_password(self, user_id: UUID, former: str, fresh: str, now: datetime) -> bool:
        """Replace a hash; false when it is no longer the former one."""
        mine = (Password.user_id == user_id, Password.hash == former)
        result = await self.session.execute(update(Password).where(*mine).values(hash=fresh, changed_at=now))
        return int(result.rowcount) == 1  # type: ignore[attr-defined]

    def sessions(self, user_id: UUID | None, now: datetime) -> Select[tuple[LoginSession]]:
        """An account's live sessions; none for None."""
        live = (LoginSession.revoked_at.is_(None), LoginSession.expires_at > now)
        return select(LoginSession).where(LoginSession.user_id == user_id, *live)

    async def own_session(self, user_id: UUID | None, session_id: UUID) -> LoginSession | None:
        """A session of the account, locked."""
        query = select(LoginSession).where(LoginSession.id == session_id, LoginSession.user_id == user_id)
        return (await self.session.execute(query.with_for_update())).scalar_one_or_none()

    async def forget_sessions(self, before: datetime) -> None:
        """Delete the tenant's sessions that ended before a moment, passing over those that others are deleting."""
        old = select(LoginSession.id).where(LoginSession.tenant_id == self.scope.tenant_id, ended_before(before))
        free = old.with_for_update(skip_locked=True).scalar_subquery()
        await self.session.execute(delete(LoginSession).where(LoginSession.id.in_(free)))

    async def end_sessions(self, user_id: UUID, now: datetime, but: UUID | None = None) -> int:
        """Revoke an account's sessions, all or all but one; how many."""
        live = (LoginSession.user_id == user_id, LoginSession.revoked_at.is_(None))
        others = live if but is None else (*live, LoginSession.id != but)
        result = await self.session.execute(update(LoginSession).where(*others).values(revoked_at=now))
        return int(result.rowcount)  # type: ignore[attr-defined]


def ended_before(moment: datetime) -> ColumnElement[bool]:
    """Sessions that were revoked, or else expired, before a moment."""
    return func.coalesce(LoginSession.revoked_at, LoginSession.expires_at) < moment


@dataclass(frozen=True, slots=True)
class Account:
    """An account that may sign in."""

    user: User
    tenant: Tenant
    role: str


async def find_account(session: AsyncSession, issuer: str, subject: str, tenant_id: UUID) -> Account | None:
    """The active account that an issuer names in a tenant, locked. It comes before any scope, so it needs none."""
    query = (
        select(User, Tenant, Membership.role)
        .join(Identity, Identity.user_id == User.id)
        .join(Membership, Membership.user_id == User.id)
        .join(Tenant, Tenant.id == User.tenant_id)
        .where(Identity.issuer == issuer, Identity.subject == subject, Identity.tenant_id == tenant_id)
    )
    active = query.where(User.status == "active").with_for_update(read=True, of=User)
    found = (await session.execute(active)).one_or_none()
    return None if found is None else Account(*found)


async def has_password(session: AsyncSession, user_id: UUID, stored: str) -> bool:
    """Whether an account's password is the one of a hash, locked: of its change and a sign-in at once, one waits and sees."""
    query = select(Password.user_id).where(Password.user_id == user_id, Password.hash == stored)
    return (await session.execute(query.with_for_update(read=True))).first() is not None


async def find_tenant_id(session: AsyncSession, tenant: str) -> UUID | str:
    """The id of a tenant by slug or id; the name itself, an id spelled in one way, where there is none. It comes before any
    scope, so it needs none.
    """
    found = (await session.execute(select(Tenant.id).where(named(tenant)))).scalar_one_or_none()
    return found or as_id(tenant) or tenant


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
