"""Which plugins a tenant sees: its own, the operator's public ones, and those that a grant in force shares with it.

The one place that says so in the code. `registry_api/db/wall.py` says the same to PostgreSQL.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BindParameter, ColumnElement, Select, Uuid, and_, bindparam, func, or_, select

from patchbay.core.clock import utcnow
from registry_api.catalog.models import Plugin
from registry_api.catalog.sharing.models import PluginGrant
from registry_api.db.base import UtcDateTime
from registry_api.db.scope import Scope

PUBLIC, SHARED, PRIVATE = "public", "shared", "private"


class Asker:
    """Who asks and when, as parameters of a statement that is built once; stands in for a `Scope` below."""

    tenant_id, operator_id = bindparam("asking_tenant", type_=Uuid()), bindparam("asking_operator", type_=Uuid())
    now = bindparam("asked_at", type_=UtcDateTime())

    @staticmethod
    def values(scope: Scope) -> dict[str, Any]:
        """The parameters for a scope at this moment."""
        return {"asking_tenant": scope.tenant_id, "asking_operator": scope.operator_id, "asked_at": utcnow()}


ASKER = Asker()
Asking = Scope | Asker


def is_public(tenant_id: UUID, operator_id: UUID, visibility: str) -> bool:
    """Whether every tenant may see it: only the operator publishes to all."""
    return tenant_id == operator_id and visibility == PUBLIC


def public(plugin: Any, scope: Asking) -> ColumnElement[bool]:
    """The same as a condition on `Plugin`, on an alias or on its table's columns."""
    return and_(plugin.tenant_id == scope.operator_id, plugin.visibility == PUBLIC)


def own_or_public(plugin: Any, scope: Asking) -> ColumnElement[bool]:
    """What the tenant sees without any grant."""
    return or_(plugin.tenant_id == scope.tenant_id, public(plugin, scope))


def seen(plugin: Any, scope: Asking, *, to_install: bool = False) -> ColumnElement[bool]:
    """What the tenant sees; with `to_install` without what is shared with it for reading only."""
    wide = [PluginGrant.scope == "install"] if to_install else []
    granted = select(PluginGrant.plugin_id).where(received(scope), *wide)
    return or_(own_or_public(plugin, scope), and_(plugin.visibility == SHARED, plugin.id.in_(granted)))


def received(scope: Asking) -> ColumnElement[bool]:
    """The grants in force that name the tenant, as a condition on `PluginGrant`."""
    return and_(
        PluginGrant.grantee_id == scope.tenant_id, in_force(scope.now if isinstance(scope, Asker) else utcnow())
    )


def in_force(now: datetime | BindParameter[datetime], grant: Any = PluginGrant) -> ColumnElement[bool]:
    """Whether a grant counts at a moment: the clock ends it, and no job that may be late."""
    return and_(grant.live, or_(grant.expires_at.is_(None), grant.expires_at > now))


def precedence(scope: Asking) -> list[ColumnElement[Any]]:
    """The order of plugins of one ref: the tenant's own, the operator's, then shared ones, the one shared first before others.

    So a grant never takes a ref from what was seen under it before.
    """
    given = select(func.min(PluginGrant.recorded_at)).where(PluginGrant.plugin_id == Plugin.id, received(scope))
    own, operators = Plugin.tenant_id != scope.tenant_id, Plugin.tenant_id != scope.operator_id
    return [own.asc(), operators.asc(), given.correlate(Plugin).scalar_subquery().asc(), Plugin.id.asc()]


def expiries(scope: Asking, now: datetime | BindParameter[datetime]) -> Select[tuple[datetime]]:
    """When grants that the tenant gave or was given will expire, the next one alone; none where none will."""
    ours = or_(PluginGrant.grantee_id == scope.tenant_id, PluginGrant.tenant_id == scope.tenant_id)
    query = select(PluginGrant.expires_at).where(ours, PluginGrant.ended_at.is_(None), PluginGrant.expires_at > now)
    return query.order_by(PluginGrant.expires_at).limit(1)  # type: ignore[return-value]
