"""Rules of people and credentials: who may hand out what, and how one signs in."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.exc import IntegrityError

from patchbay.core.clock import utcnow
from patchbay.core.ids import new_id
from registry_api.db import Base, Principal, UnitOfWork
from registry_api.identity.errors import AlreadyMember, CannotGrant, RoleNotInTenant
from registry_api.identity.models import LOCAL_ISSUER, ApiToken, Identity, LoginSession, Membership, Password, User
from registry_api.identity.roles import ALL_TENANT_ROLES, ROLE_SCOPES, SCOPES, grantable
from registry_api.identity.tokens import Secret, new_secret
from registry_api.problems import FieldError, Unprocessable
from registry_api.tenancy.models import Tenant

SESSION_HOURS = 8


@dataclass(frozen=True, slots=True)
class Grant:
    """What a token or member is to get: a role, or scopes."""

    role: str | None
    scopes: frozenset[str]

    @classmethod
    def of(cls, role: str | None, scopes: list[str] | None = None) -> "Grant":
        """A grant; raises `Unprocessable` for scopes that do not exist."""
        unknown = sorted(set(scopes or ()) - SCOPES)
        if unknown:
            detail = f"There is no scope {unknown[0]}; the scopes are {', '.join(sorted(SCOPES))}."
            raise Unprocessable(detail, errors=[FieldError("/scopes", "unknown_scope", detail)])
        return cls(role, ROLE_SCOPES[role] if role else frozenset(scopes or ()))

    def allowed(self, giver: Principal, tenant_kind: str) -> None:
        """Raises `RoleNotInTenant` or `CannotGrant` unless the giver may hand this out in a tenant of that kind."""
        foreign = sorted(self.scopes - grantable(tenant_kind))
        if foreign or (self.role in ALL_TENANT_ROLES and tenant_kind != "operator"):
            raise RoleNotInTenant(f"Only the operator tenant has {self.role or ', '.join(foreign)}.")
        lacking = sorted(self.scopes - giver.scopes)
        if lacking or (self.role in ALL_TENANT_ROLES and giver.role != "platform_admin"):
            raise CannotGrant(f"You cannot grant {', '.join(lacking) or self.role}, since you do not have it.")


def issue_token(
    work: UnitOfWork, tenant_id: UUID, name: str, grant: Grant, expires_at: datetime | None
) -> tuple[ApiToken, Secret]:
    """Make a token; the secret is returned once and only its hash is kept."""
    secret = new_secret("t")
    token = ApiToken(
        id=new_id(),
        recorded_at=utcnow(),
        tenant_id=tenant_id,
        name=name,
        prefix=secret.prefix,
        secret_hash=secret.hash,
        role=grant.role,
        scopes=[] if grant.role else sorted(grant.scopes),
        created_by=work.principal.actor,
        expires_at=expires_at,
    )
    work.session.add(token)
    change = {"name": name, "role": grant.role, "scopes": token.scopes, "expires_at": expires_at}
    work.audit("token.created", f"token:{token.id}", change, tenant_id=tenant_id)
    return token, secret


def revoke_token(work: UnitOfWork, token: ApiToken) -> None:
    """Revoke a token; does nothing when it is revoked already."""
    if token.revoked_at is None:
        token.revoked_at = utcnow()
        work.audit("token.revoked", f"token:{token.id}", {"name": token.name})


def open_session(work: UnitOfWork, user_id: UUID) -> tuple[LoginSession, Secret]:
    """Make a login session in the tenant acted in."""
    secret = new_secret("s")
    session = LoginSession(
        id=new_id(),
        tenant_id=work.principal.tenant_id,
        user_id=user_id,
        secret_hash=secret.hash,
        expires_at=utcnow() + timedelta(hours=SESSION_HOURS),
    )
    work.session.add(session)
    work.audit("session.opened", f"session:{session.id}")
    return session, secret


@dataclass(frozen=True, slots=True)
class Member:
    """A person to make a member; the password is hashed already."""

    email: str
    display_name: str
    password_hash: str | None
    role: str


async def add_member(work: UnitOfWork, member: Member, tenant: Tenant) -> User:
    """Make an account for a person in a tenant; raises `AlreadyMember` when the e-mail has one there."""
    slug = tenant.slug  # unreadable once the flush has failed
    user = User(
        id=new_id(),
        tenant_id=tenant.id,
        recorded_at=utcnow(),
        email=member.email,
        display_name=member.display_name,
        status="active",
    )
    work.session.add(user)
    try:
        await work.session.flush()
    except IntegrityError as error:
        raise AlreadyMember(f"{member.email} is a member of {slug} already.") from error
    work.session.add_all(_belongings(user, member))
    change = {"email": member.email, "role": member.role}
    work.audit("member.added", f"user:{user.id}", change, tenant_id=tenant.id)
    return user


def _belongings(user: User, member: Member) -> Iterator[Base]:
    """The account's role, and what it signs in with."""
    yield Membership(tenant_id=user.tenant_id, user_id=user.id, role=member.role)
    if member.password_hash is not None:
        yield Identity(tenant_id=user.tenant_id, user_id=user.id, issuer=LOCAL_ISSUER, subject=member.email)
        yield Password(user_id=user.id, hash=member.password_hash)
