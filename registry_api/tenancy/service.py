"""Rules of tenants."""

from typing import Any

from registry_api.db import UnitOfWork
from registry_api.tenancy.models import Tenant


async def add_tenant(work: UnitOfWork, tenant: Tenant) -> None:
    """Add a tenant, with its feed row and the first record of its audit chain."""
    work.session.add(tenant)
    await work.session.flush()
    _announce(work, tenant)
    work.audit("tenant.created", f"tenant:{tenant.id}", _state(tenant), tenant_id=tenant.id)


async def change_tenant(work: UnitOfWork, tenant: Tenant, changes: dict[str, str]) -> None:
    """Set name or status; nothing is written when nothing differs."""
    before = {name: getattr(tenant, name) for name in changes}
    differing = {
        name: {"before": before[name], "after": value} for name, value in changes.items() if before[name] != value
    }
    if not differing:
        return
    for name in differing:
        setattr(tenant, name, changes[name])
    await work.session.flush()
    _announce(work, tenant)
    work.audit("tenant.changed", f"tenant:{tenant.id}", differing, tenant_id=tenant.id)


def _announce(work: UnitOfWork, tenant: Tenant) -> None:
    work.publish("tenants", "upsert", tenant.id, _state(tenant), tenant_id=tenant.id)


def _state(tenant: Tenant) -> dict[str, Any]:
    return {"slug": tenant.slug, "name": tenant.name, "kind": tenant.kind, "status": tenant.status}
