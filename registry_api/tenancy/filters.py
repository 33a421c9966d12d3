"""What lists of tenants and of their exports can be filtered by."""

from typing import get_args

from registry_api.filtering import Filters, one_of
from registry_api.tenancy.models import EXPORT_STATES, Tenant, TenantExport
from registry_api.tenancy.schemas import Plan

TENANTS = Filters(
    slug=Tenant.slug,
    name=Tenant.name,
    kind=one_of(Tenant.kind, "operator", "customer"),
    status=one_of(Tenant.status, "active", "suspended", "deleting", "deleted"),
    plan=one_of(Tenant.plan, *get_args(Plan)),
    recorded_at=Tenant.recorded_at,
    delete_after=Tenant.delete_after,
)
EXPORTS = Filters(
    state=one_of(TenantExport.state, *EXPORT_STATES),
    recorded_at=TenantExport.recorded_at,
    expires_at=TenantExport.expires_at,
)
