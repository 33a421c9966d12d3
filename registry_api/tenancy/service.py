"""Rules of tenants."""

from typing import Any

from registry_api.db import UnitOfWork
from registry_api.tenancy.models import Tenant


async def add_tenant(work: UnitOfWork, tenant: Tenant) -> None:
    """Add a tenant, with its feed row and the first record of its audit chain."""
    work.session.add(tenant)
    await work.session.flush()
    announce(work, tenant)
    work.audit("tenant.created", f"tenant:{tenant.id}", after=_state(tenant), tenant_id=tenant.id)


async def change_tenant(work: UnitOfWork, tenant: Tenant, changes: dict[str, Any]) -> None:
    """Set name, status, plan or quotas; nothing is written when nothing differs."""
    before = _settings(tenant)
    if changes.items() <= before.items():
        return
    for name, value in changes.items():
        setattr(tenant, name, value)
    if tenant.status != before["status"]:
        tenant.delete_after = None
    await work.session.flush()
    announce(work, tenant)
    work.audit("tenant.changed", f"tenant:{tenant.id}", before=before, after=_settings(tenant), tenant_id=tenant.id)


def announce(work: UnitOfWork, tenant: Tenant) -> None:
    """Tell the feed of a tenant as it is now."""
    work.publish("tenants", "upsert", tenant.id, _state(tenant), tenant_id=tenant.id)


def _state(tenant: Tenant) -> dict[str, Any]:
    return {"slug": tenant.slug, "name": tenant.name, "kind": tenant.kind, "status": tenant.status}


def _settings(tenant: Tenant) -> dict[str, Any]:
    return _state(tenant) | {"plan": tenant.plan, "quotas": tenant.quotas}
