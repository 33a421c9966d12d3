"""What a caller may do by grants in namespaces, looked up at each request, so that taking one back holds at once."""

from dataclasses import replace
from uuid import UUID

from sqlalchemy import ColumnElement, Select, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from patchbay.core.clock import utcnow
from registry_api.db.scope import Principal
from registry_api.identity.namespaces.models import NamespaceGrant, TeamMember
from registry_api.identity.roles import NAMESPACE_SCOPES, ROLE_SCOPES


async def by_grant(session: AsyncSession, principal: Principal, scope: str) -> Principal:
    """The caller with a scope it holds in some namespaces only, and bound to those; unchanged when it has no such grant.

    Only scopes of `NAMESPACE_SCOPES` can be had that way.
    """
    if scope not in NAMESPACE_SCOPES:
        return principal
    rows = (await session.execute(_granted(principal))).tuples()
    held = {namespace for namespace, role in rows if scope in ROLE_SCOPES[role]}
    reached = frozenset(namespace for namespace in held if principal.scope.reaches(namespace))
    if not reached:
        return principal
    return replace(principal, scope=replace(principal.scope, namespaces=reached), scopes=principal.scopes | {scope})


def _granted(principal: Principal) -> Select[tuple[str, str]]:
    query = select(NamespaceGrant.namespace, NamespaceGrant.role)
    live = or_(NamespaceGrant.expires_at.is_(None), NamespaceGrant.expires_at > utcnow())
    return query.where(NamespaceGrant.tenant_id == principal.tenant_id, _held_by(principal), live)


def _held_by(principal: Principal) -> ColumnElement[bool]:
    if principal.user_id is None:
        return NamespaceGrant.token_id == principal.token_id
    return or_(NamespaceGrant.user_id == principal.user_id, NamespaceGrant.team_id.in_(_teams(principal.user_id)))


def _teams(user_id: UUID) -> Select[tuple[UUID]]:
    return select(TeamMember.team_id).where(TeamMember.user_id == user_id)
