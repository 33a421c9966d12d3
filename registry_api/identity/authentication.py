"""From an Authorization header to a principal: who calls, in which tenant, with which scopes."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, and_, bindparam, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from patchbay.core.clock import utcnow
from registry_api.db.scope import Principal, Scope
from registry_api.identity.models import ApiToken, LoginSession, Membership, User
from registry_api.identity.roles import ALL_TENANT_ROLES, ROLE_SCOPES, TENANT, grantable
from registry_api.identity.tokens import Secret, parse_secret
from registry_api.problems import Forbidden, Unauthenticated
from registry_api.tenancy.models import Tenant
from registry_api.tenancy.repository import named_tenant

REFUSED = "The token is unknown, expired or revoked. Sign in again, or ask a tenant_admin for a new token."
_Operator = aliased(Tenant)


@dataclass(frozen=True, slots=True)
class Credential:
    """A live token or session as stored, with its tenant."""

    id: UUID
    tenant_id: UUID
    tenant_kind: str
    tenant_status: str
    operator_id: UUID
    role: str | None
    scopes: list[str]
    name: str | None
    user_id: UUID | None

    def principal(self) -> Principal:
        """The principal; scopes a tenant of this kind may not hold are dropped, whatever the row says."""
        granted = ROLE_SCOPES[self.role] if self.role else frozenset(self.scopes)
        all_tenants = self.role in ALL_TENANT_ROLES and self.tenant_kind == "operator"
        return Principal(
            scope=Scope(self.tenant_id, self.operator_id, all_tenants),
            role=self.role or "custom",
            scopes=granted & grantable(self.tenant_kind),
            token_id=self.id,
            token_name=self.name,
            user_id=self.user_id,
            suspended=self.tenant_status == "suspended",
        )


async def authenticate(session: AsyncSession, authorization: str | None, tenant: str | None = None) -> Principal:
    """The caller behind a bearer secret; `tenant` (slug or id) is the tenant a platform token wants to act in.

    Raises `Unauthenticated` without a live secret, `Forbidden` when the caller may not act for others, `NotFound` when
    there is no such tenant.
    """
    secret = _bearer(authorization)
    found = (await session.execute(LOOKUPS[secret.kind], {"hash": secret.hash, "now": utcnow()})).one_or_none()
    if found is None:
        raise Unauthenticated(REFUSED)
    principal = _credential(found).principal()
    return principal if tenant is None else await _act_in(session, principal, tenant)


def _bearer(authorization: str | None) -> Secret:
    if not authorization:
        raise Unauthenticated("Send a token: Authorization: Bearer pb_…")
    scheme, _, value = authorization.partition(" ")
    secret = parse_secret(value.strip()) if scheme.lower() == "bearer" else None
    if secret is None:
        raise Unauthenticated(
            "The Authorization header must be Bearer followed by a whole token, which starts with pb_."
        )
    return secret


def _lookup(kind: type[ApiToken] | type[LoginSession]) -> Select[Any]:
    live = (
        kind.secret_hash == bindparam("hash"),
        kind.revoked_at.is_(None),
        or_(kind.expires_at.is_(None), kind.expires_at > bindparam("now")),
    )
    columns = (
        kind.id,
        kind.tenant_id,
        Tenant.kind.label("tenant_kind"),
        Tenant.status.label("tenant_status"),
        _Operator.id.label("operator_id"),
    )
    query = select(*columns).join(Tenant, Tenant.id == kind.tenant_id).join(_Operator, _Operator.kind == "operator")
    return query.where(*live)


def _token_lookup() -> Select[Any]:
    return _lookup(ApiToken).add_columns(ApiToken.role, ApiToken.scopes, ApiToken.name)


def _session_lookup() -> Select[Any]:
    member = and_(Membership.user_id == LoginSession.user_id, Membership.tenant_id == LoginSession.tenant_id)
    active = and_(User.id == LoginSession.user_id, User.status == "active")
    query = _lookup(LoginSession).join(Membership, member).join(User, active)
    return query.add_columns(Membership.role, LoginSession.user_id)


LOOKUPS = {"t": _token_lookup(), "s": _session_lookup()}
"""Built once: making the statement anew would cost each request more than running it."""


def _credential(row: Row[Any]) -> Credential:
    absent: dict[str, Any] = {"scopes": [], "name": None, "user_id": None}
    return Credential(**{**absent, **row._mapping})


async def _act_in(session: AsyncSession, principal: Principal, tenant: str) -> Principal:
    if "tenancy:act" not in principal.scopes:
        raise Forbidden(
            "Only platform tokens may send Patchbay-Tenant; leave the header out to act in your own tenant."
        )
    found = await named_tenant(session, tenant)
    if found.id == principal.tenant_id:
        return principal
    return Principal(
        scope=Scope(found.id, principal.scope.operator_id),
        role=principal.role,
        scopes=principal.scopes & TENANT,
        token_id=principal.token_id,
        token_name=principal.token_name,
        user_id=principal.user_id,
        acting_for=principal.tenant_id,
        suspended=found.status == "suspended",
    )
