"""Rules of grants: given, changed, paused and ended, each time in both tenants' chains."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from patchbay.core.clock import utcnow
from patchbay.core.ids import new_id
from registry_api.catalog.models import Plugin
from registry_api.catalog.sharing.errors import GrantEnded, GrantExists, PluginNotShared
from registry_api.catalog.sharing.models import PluginGrant
from registry_api.catalog.sharing.repository import PluginGrants, state
from registry_api.catalog.sharing.schemas import NewPluginGrants, PluginGrantPatch
from registry_api.catalog.sharing.telling import announce, hide, show
from registry_api.catalog.visibility import SHARED, is_public
from registry_api.db import Crossing, UnitOfWork, crossing
from registry_api.jobs.queue import PATIENT
from registry_api.problems import FieldError, Unprocessable
from registry_api.schemas import wire_time

EXPIRED = "catalog.grant_expired"


async def give(work: UnitOfWork, plugin: Plugin, wanted: NewPluginGrants) -> list[PluginGrant]:
    """Share a claimed plugin with tenants, with all of them or, when one cannot be, with none.

    Raises `PluginNotShared`, `NotFound` for a tenant that cannot be given anything, `GrantExists`.
    """
    if plugin.visibility != SHARED:
        raise PluginNotShared(f"{plugin.ref} is {plugin.visibility}. Set its visibility to shared first.")
    grants = work.repository(PluginGrants)
    await grants.require_tenants(wanted.tenants)
    held = {grant.grantee_id: grant for grant in await grants.standing([plugin.id])}
    for tenant_id in wanted.tenants:
        if tenant_id in held:
            raise GrantExists(f"{tenant_id} has the grant {held[tenant_id].id} of {plugin.ref}; change that one.")
    return [await _give(work, plugin, tenant_id, wanted) for tenant_id in wanted.tenants]


async def _give(work: UnitOfWork, plugin: Plugin, grantee_id: UUID, wanted: NewPluginGrants) -> PluginGrant:
    grant = PluginGrant(
        id=new_id(),
        recorded_at=utcnow(),
        tenant_id=plugin.tenant_id,
        plugin_id=plugin.id,
        ref=plugin.ref,
        grantee_id=grantee_id,
        scope=wanted.scope,
        given_by=work.principal.actor,
        expires_at=wanted.expires_at,
        live=True,
        revision=1,
    )
    work.session.add(grant)
    await show(work, plugin, grant)
    announce(work, grant)
    _expire_later(work, grant)
    _note(work, "grant.given", [grant.tenant_id], grant, after=_terms(grant))
    _note(work, "grant.received", [grant.grantee_id], grant, after=_terms(grant))
    return grant


async def change(work: UnitOfWork, plugin: Plugin, grant: PluginGrant, patch: PluginGrantPatch) -> None:
    """Set scope or expiry of a grant of a claimed plugin; raises `GrantEnded`. One that expired counts again.

    Another expiry has all told anew: whoever read the feed while it was expired passed over what there is.
    """
    if grant.ended_at is not None:
        raise GrantEnded(f"The grant was {grant.ended_because}; give a new one.")
    if "scope" in patch.model_fields_set and patch.scope is None:
        raise Unprocessable("scope cannot be null.", errors=[FieldError("/scope", "not_nullable", "State a value.")])
    before = _terms(grant)
    for name in patch.model_fields_set:
        setattr(grant, name, getattr(patch, name))
    if _terms(grant) == before:
        return
    grant.revision += 1
    if _terms(grant)["expires_at"] != before["expires_at"]:
        _expire_later(work, grant)
        if plugin.visibility == SHARED:
            await show(work, plugin, grant)
    await work.session.flush()
    announce(work, grant)
    _note(work, "grant.changed", _both(grant), grant, before=before, after=_terms(grant))


async def end(work: UnitOfWork, grant: PluginGrant, because: str) -> None:
    """End a grant for good; does nothing to one that has ended."""
    if grant.ended_at is not None:
        return
    before, live = {"state": state(grant)}, grant.live
    async with crossing(work.session, Crossing.SHARING):  # a grantee ends what is the owner's row
        grant.live, grant.ended_at, grant.ended_because = False, utcnow(), because
        grant.revision += 1
        if live:
            await hide(work, grant)
    announce(work, grant)
    _note(work, "grant.ended", _both(grant), grant, before=before, after={"state": because})


async def expire(work: UnitOfWork, grant: PluginGrant) -> bool:
    """Tell of the end of a grant whose time is over; false for one that has another time by now, or was told of."""
    if not grant.live or state(grant) != "expired":
        return False
    await hide(work, grant)
    announce(work, grant)
    _note(work, "grant.ended", _both(grant), grant, before={"state": "in_force"}, after={"state": "expired"})
    return True


async def follow(work: UnitOfWork, plugins: Iterable[UUID], closed: Mapping[UUID, str]) -> None:
    """Have grants count again for plugins that are shared now, and rest for those that no longer are, by what they are now."""
    grants = work.repository(PluginGrants)
    for grant in await grants.standing([*plugins, *closed]):
        if grant.plugin_id not in closed and state(grant) == "paused":
            await show(work, await grants.plugin(grant.plugin_id), grant)
            announce(work, grant)
            _note(work, "grant.changed", _both(grant), grant, before={"state": "paused"}, after={"state": "in_force"})
        elif grant.plugin_id in closed and grant.live:
            public = is_public(grant.tenant_id, work.principal.scope.operator_id, closed[grant.plugin_id])
            await hide(work, grant, stays_visible=public)
            announce(work, grant)
            _note(work, "grant.changed", _both(grant), grant, before={"state": "in_force"}, after={"state": "paused"})


def _expire_later(work: UnitOfWork, grant: PluginGrant) -> None:
    if grant.expires_at is None:
        return
    payload, due = {"grant_id": str(grant.id)}, grant.expires_at
    key = f"{grant.id}:{wire_time(due)}"
    work.enqueue(EXPIRED, payload, tenant_id=grant.tenant_id, dedup_key=key, run_at=due, max_attempts=PATIENT)


def _terms(grant: PluginGrant) -> dict[str, Any]:
    return {"scope": grant.scope, "expires_at": _text(grant.expires_at)}


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else wire_time(moment)


def _both(grant: PluginGrant) -> Sequence[UUID]:
    return grant.tenant_id, grant.grantee_id


def _note(
    work: UnitOfWork, action: str, tenants: Sequence[UUID], grant: PluginGrant, **sides: Mapping[str, Any]
) -> None:
    facts = {"grant": str(grant.id), "plugin": grant.ref, "owner": str(grant.tenant_id)}
    facts["grantee"] = str(grant.grantee_id)
    for tenant_id in tenants:
        work.audit(action, f"plugin:{grant.plugin_id}", facts, tenant_id=tenant_id, **sides)  # type: ignore[arg-type]
