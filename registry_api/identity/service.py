"""Rules of people and credentials: who may hand out what, and how one signs in."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.exc import IntegrityError

from patchbay.core.clock import utcnow
from patchbay.core.ids import new_id
from registry_api.audit.personal import Personal
from registry_api.db import Base, Principal, Scope, UnitOfWork
from registry_api.identity.errors import AlreadyMember, CannotGrant, RoleNotInTenant
from registry_api.identity.models import LOCAL_ISSUER, ApiToken, Identity, Membership, Password, User
from registry_api.identity.notices import announce_end
from registry_api.identity.repository import Tokens
from registry_api.identity.roles import ALL_TENANT_ROLES, BOUND_SCOPES, ROLE_SCOPES, SCOPES, grantable
from registry_api.identity.tokens import Secret, new_secret
from registry_api.problems import FieldError, Unprocessable
from registry_api.tenancy.metering import Metering
from registry_api.tenancy.models import Tenant
from registry_api.tenancy.plans import Quota


@dataclass(frozen=True, slots=True)
class Grant:
    """What a token or member is to get: a role, or scopes."""

    role: str | None
    scopes: frozenset[str]
    namespaces: frozenset[str] | None = None

    @classmethod
    def of(
        cls, role: str | None, scopes: Collection[str] | None = None, namespaces: Collection[str] | None = None
    ) -> "Grant":
        """A grant; raises `Unprocessable` for scopes that do not exist, or that namespaces do not bound."""
        unknown = sorted(set(scopes or ()) - SCOPES)
        if unknown:
            detail = f"There is no scope {unknown[0]}; the scopes are {', '.join(sorted(SCOPES))}."
            raise Unprocessable(detail, errors=[FieldError("/scopes", "unknown_scope", detail)])
        granted = ROLE_SCOPES[role] if role else frozenset(scopes or ())
        if namespaces is None:
            return cls(role, granted)
        unbound = sorted(granted - BOUND_SCOPES)
        if unbound:
            detail = f"Namespaces do not bound {unbound[0]}; with them a token holds {', '.join(sorted(BOUND_SCOPES))}."
            raise Unprocessable(detail, errors=[FieldError("/namespaces", "scope_not_bound", detail)])
        return cls(role, granted, frozenset(namespaces))

    def allowed(self, giver: Principal, tenant_kind: str) -> None:
        """Raises `RoleNotInTenant` or `CannotGrant` unless the giver may hand this out in a tenant of that kind."""
        foreign = sorted(self.scopes - grantable(tenant_kind))
        if foreign or (self.role in ALL_TENANT_ROLES and tenant_kind != "operator"):
            raise RoleNotInTenant(f"Only the operator tenant has {self.role or ', '.join(foreign)}.")
        lacking = sorted(self.scopes - giver.scopes)
        if lacking or (self.role in ALL_TENANT_ROLES and giver.role != "platform_admin"):
            raise CannotGrant(f"You cannot grant {', '.join(lacking) or self.role}, since you do not have it.")
        outside = sorted(place for place in self.namespaces or () if not giver.scope.reaches(place))
        if outside:
            raise CannotGrant(f"You cannot grant {outside[0]}, since it is outside of your own namespaces.")


def issue_token(
    work: UnitOfWork,
    tenant_id: UUID,
    name: str,
    grant: Grant,
    expires_at: datetime | None,
    *,
    parent: ApiToken | None = None,
    created_by: str | None = None,
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
        namespaces=None if grant.namespaces is None else sorted(grant.namespaces),
        parent_id=parent.id if parent else None,
        created_by=created_by or work.principal.actor,
        expires_at=expires_at,
    )
    work.session.add(token)
    change = {"name": name, "role": grant.role, "scopes": token.scopes, "expires_at": expires_at}
    change |= {"namespaces": token.namespaces, "parent": str(parent.id)} if parent else {"namespaces": token.namespaces}
    work.audit("token.created", f"token:{token.id}", after=change, tenant_id=tenant_id)
    announce_end(work, token)
    return token, secret


async def revoke_token(work: UnitOfWork, token: ApiToken, why: str = "token.revoked", **more: Any) -> None:
    """Revoke a token and all that were made from it; does nothing to those that are revoked already."""
    for one in await Tokens(work.session, Scope(token.tenant_id, work.principal.scope.operator_id)).family(token):
        if one.revoked_at is None:
            one.revoked_at = utcnow()
            facts = {"name": one.name, **more} | ({} if one is token else {"with": str(token.id)})
            after = {"revoked_at": one.revoked_at}
            work.audit(why, f"token:{one.id}", facts, before={"revoked_at": None}, after=after, tenant_id=one.tenant_id)


@dataclass(frozen=True, slots=True)
class Member:
    """A person to make a member; the password is hashed already."""

    email: str
    display_name: str
    password_hash: str | None
    role: str


async def add_member(work: UnitOfWork, member: Member, tenant: Tenant) -> User:
    """Make an account for a person in a tenant; raises `AlreadyMember` when the e-mail has one there."""
    await Metering(work.session, Scope(tenant.id, work.principal.scope.operator_id)).add({Quota.SEATS: 1})
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
    person = f"user:{user.id}"
    told = {"email": Personal(person, member.email), "display_name": Personal(person, member.display_name)}
    work.audit("member.added", person, after={**told, "role": member.role}, tenant_id=tenant.id)
    return user


def _belongings(user: User, member: Member) -> Iterator[Base]:
    """The account's role, and what it signs in with."""
    yield Membership(tenant_id=user.tenant_id, user_id=user.id, role=member.role)
    if member.password_hash is not None:
        yield Identity(tenant_id=user.tenant_id, user_id=user.id, issuer=LOCAL_ISSUER, subject=member.email)
        yield Password(user_id=user.id, hash=member.password_hash)
