"""The one table of what each role may do."""

READ = frozenset({"catalog:read", "installs:read", "usage:read", "insights:read"})
TENANT = READ | {
    "catalog:write",
    "installs:write",
    "usage:write",
    "statistics:write",
    "identity:read",
    "identity:write",
    "audit:read",
    "jobs:read",
    "jobs:write",
    "feeds:read",
    "subjects:erase",
    "tenancy:read",
}
PLATFORM = TENANT | {"tenancy:write", "tenancy:act", "system:read", "segments:read", "insights:write"}

ROLE_SCOPES: dict[str, frozenset[str]] = {
    "viewer": READ,
    "author": READ | {"catalog:write"},
    "operator": READ | {"installs:write", "usage:write", "statistics:write"},
    "tenant_admin": TENANT,
    "platform_admin": PLATFORM,
    "service": READ | {"feeds:read", "system:read", "segments:read", "tenancy:read", "insights:write"},
}
"""Role to scopes; `service` and `platform_admin` exist in the operator tenant only, and `service` reads the feeds of
every tenant.
"""

SCOPES = PLATFORM
"""Every scope there is."""

ANYONE = "authenticated"
"""The scope of routes that need a live token and nothing more."""

ALL_TENANT_ROLES = frozenset({"platform_admin", "service"})
"""Roles whose holders read every tenant's rows."""


def grantable(tenant_kind: str) -> frozenset[str]:
    """The scopes a token or member of such a tenant may hold at all."""
    return PLATFORM if tenant_kind == "operator" else TENANT
