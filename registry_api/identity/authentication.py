"""From an Authorization header to a principal: who calls, in which tenant, with which scopes."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, Table, and_, bindparam, case, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from patchbay.core.clock import utcnow
from registry_api.audit.models import AuditHead
from registry_api.audit.unsure import bytes_in
from registry_api.cache.basis import Admission, Revision
from registry_api.db.scope import Principal, Scope
from registry_api.db.statements import table_of
from registry_api.identity.models import ApiToken, LoginSession, Membership, User
from registry_api.identity.roles import ALL_TENANT_ROLES, ROLE_SCOPES, TENANT, grantable
from registry_api.identity.tokens import Secret, parse_secret
from registry_api.problems import Forbidden, Unauthenticated
from registry_api.tenancy.models import Tenant
from registry_api.tenancy.plans import Quota, limits_of
from registry_api.tenancy.repository import named_tenant

REFUSED = "The token is unknown, expired or revoked. Sign in again, or ask a tenant_admin for a new token."
_TOKENS, _SESSIONS, _TENANTS, _HEADS = (table_of(model) for model in (ApiToken, LoginSession, Tenant, AuditHead))
_MEMBERS, _PEOPLE = table_of(Membership), table_of(User)
_OPERATOR, _OWN_HEADS, _OPERATORS_HEADS = _TENANTS.alias(), _HEADS.alias(), _HEADS.alias()


@dataclass(frozen=True, slots=True)
class Credential:
    """A live token or session as stored, with its tenant."""

    id: UUID
    tenant_id: UUID
    tenant_kind: str
    tenant_status: str
    plan: str
    quotas: dict[str, Any]
    operator_id: UUID
    role: str | None
    scopes: list[str]
    name: str | None
    user_id: UUID | None
    namespaces: list[str] | None
    until: datetime | None
    own_head: bytes | None
    operator_head: bytes | None

    def principal(self) -> Principal:
        """The principal; scopes a tenant of this kind may not hold are dropped, whatever the row says."""
        granted = ROLE_SCOPES[self.role] if self.role else frozenset(self.scopes)
        bound = None if self.namespaces is None else frozenset(self.namespaces)
        all_tenants = self.role in ALL_TENANT_ROLES and self.tenant_kind == "operator"
        return Principal(
            scope=Scope(self.tenant_id, self.operator_id, all_tenants, bound),
            role=self.role or "custom",
            scopes=granted & grantable(self.tenant_kind),
            token_id=self.id,
            token_name=self.name,
            user_id=self.user_id,
            suspended=self.tenant_status != "active",
            requests_per_minute=limits_of(self.plan, self.quotas)[Quota.REQUESTS],
        )

    def admission(self) -> Admission:
        """The principal, and how long that holds. Who reads every tenant sees more than two chains tell of."""
        principal = self.principal()
        revision = None if principal.scope.all_tenants else Revision(self.own_head, self.operator_head)
        return Admission(principal, revision, self.until)


async def authenticate(session: AsyncSession, authorization: str | None, tenant: str | None = None) -> Admission:
    """The caller behind a bearer secret, looked up together with the revision that this holds for.

    `tenant` (slug or id) is the tenant a platform token wants to act in.

    Raises `Unauthenticated` without a live secret, `Forbidden` when the caller may not act for others, `NotFound` when
    there is no such tenant.
    """
    secret = sent_secret(authorization)
    found = (await session.execute(LOOKUPS[secret.kind], {"hash": secret.hash, "now": utcnow()})).one_or_none()
    if found is None:
        raise Unauthenticated(REFUSED)
    admission = _credential(found).admission()
    return admission if tenant is None else Admission(await _act_in(session, admission.principal, tenant), None, None)


def sent_secret(authorization: str | None) -> Secret:
    """The bearer secret; raises `Unauthenticated` without one of the right form."""
    if not authorization:
        raise Unauthenticated("Send a token: Authorization: Bearer pb_…")
    scheme, _, value = authorization.partition(" ")
    secret = parse_secret(value.strip()) if scheme.lower() == "bearer" else None
    if secret is None:
        raise Unauthenticated(
            "The Authorization header must be Bearer followed by a whole token, which starts with pb_."
        )
    return secret


def opens_token() -> ColumnElement[bool]:
    """Whether the secret of `hash` is the token's, or its former one in the overlap after a rotation."""
    former = and_(_TOKENS.c.previous_hash == bindparam("hash"), _TOKENS.c.previous_until > bindparam("now"))
    return or_(_TOKENS.c.secret_hash == bindparam("hash"), former)


def _lookup(kind: Table, opens: ColumnElement[bool]) -> Select[Any]:
    live = (
        opens,
        kind.c.revoked_at.is_(None),
        or_(kind.c.expires_at.is_(None), kind.c.expires_at > bindparam("now")),
    )
    columns = (
        kind.c.id,
        kind.c.tenant_id,
        _TENANTS.c.kind.label("tenant_kind"),
        _TENANTS.c.status.label("tenant_status"),
        _TENANTS.c.plan,
        _TENANTS.c.quotas,
        _OPERATOR.c.id.label("operator_id"),
        bytes_in(_OWN_HEADS.c.hash, "own_head"),
        bytes_in(_OPERATORS_HEADS.c.hash, "operator_head"),
    )
    query = select(*columns).select_from(kind).join(_TENANTS, _TENANTS.c.id == kind.c.tenant_id)
    query = query.join(_OPERATOR, _OPERATOR.c.kind == "operator")
    query = query.outerjoin(_OWN_HEADS, _OWN_HEADS.c.tenant_id == kind.c.tenant_id)
    return query.outerjoin(_OPERATORS_HEADS, _OPERATORS_HEADS.c.tenant_id == _OPERATOR.c.id).where(*live)


def _token_lookup() -> Select[Any]:
    token, query = _TOKENS.c, _lookup(_TOKENS, opens_token())
    until = case((token.secret_hash == bindparam("hash"), token.expires_at), else_=token.previous_until)
    return query.add_columns(token.role, token.scopes, token.name, token.namespaces, until.label("until"))


def _session_lookup() -> Select[Any]:
    session, member, person = _SESSIONS.c, _MEMBERS.c, _PEOPLE.c
    query = _lookup(_SESSIONS, session.secret_hash == bindparam("hash"))
    query = query.join(_MEMBERS, and_(member.user_id == session.user_id, member.tenant_id == session.tenant_id))
    query = query.join(_PEOPLE, and_(person.id == session.user_id, person.status == "active"))
    return query.add_columns(member.role, session.user_id, session.expires_at.label("until"))


LOOKUPS = {"t": _token_lookup(), "s": _session_lookup()}
"""Built once: making the statement anew would cost each request more than running it."""


def _credential(row: Row[Any]) -> Credential:
    absent: dict[str, Any] = {"scopes": [], "name": None, "user_id": None, "namespaces": None}
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
        scope=Scope(found.id, principal.scope.operator_id, namespaces=principal.scope.namespaces),
        role=principal.role,
        scopes=principal.scopes & TENANT,
        token_id=principal.token_id,
        token_name=principal.token_name,
        user_id=principal.user_id,
        acting_for=principal.tenant_id,
        suspended=found.status != "active",
        requests_per_minute=limits_of(found.plan, found.quotas)[Quota.REQUESTS],
    )
