"""The one table of what each role may do."""

READ = frozenset({"catalog:read", "installs:read", "usage:read", "insights:read", "automation:read"})
TENANT = READ | {
    "catalog:write",
    "catalog:share",
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
    "tenancy:export",
    "automation:write",
    "automation:approve",
    "webhooks:read",
    "webhooks:write",
    "review:security",
    "review:architecture",
    "review:business",
}
PLATFORM = TENANT | {
    "tenancy:write",
    "tenancy:act",
    "system:read",
    "segments:read",
    "insights:write",
    "automation:tick",
}

ROLE_SCOPES: dict[str, frozenset[str]] = {
    "viewer": READ,
    "author": READ | {"catalog:write"},
    "operator": READ | {"installs:write", "usage:write", "statistics:write"},
    "reviewer_security": READ | {"audit:read", "review:security"},
    "reviewer_architecture": READ | {"audit:read", "review:architecture"},
    "reviewer_business": READ | {"audit:read", "review:business"},
    "tenant_admin": TENANT,
    "platform_admin": PLATFORM,
    "service": READ
    | {"feeds:read", "system:read", "segments:read", "tenancy:read", "insights:write", "automation:tick"},
}
"""Role to scopes; `service` and `platform_admin` exist in the operator tenant only, and `service` reads the feeds of
every tenant.
"""

PLATFORM_ONLY = PLATFORM - TENANT
"""Scopes that exist in the operator tenant only."""

SCOPES = PLATFORM
"""Every scope there is."""

ANYONE = "authenticated"
"""The scope of routes that need a live token and nothing more."""

NAMESPACE_SCOPES = frozenset({"catalog:write"})
"""Scopes that can be had in a namespace only, by a grant or by a token made for it."""

BOUND_SCOPES = READ | NAMESPACE_SCOPES
"""What a token that is bound to namespaces may hold: nothing else knows such a bound."""

NAMESPACE_ROLES = frozenset({"author"})
"""Roles that a grant may give in a namespace."""

ADMINISTRATORS = frozenset({"tenant_admin", "platform_admin"})
"""Roles of which a tenant always has somebody."""

ROLE_WORDS: dict[str, str] = {
    "viewer": "reads the catalogue, installations, usage, insights and automation",
    "author": "also publishes plugins, releases and advisories",
    "operator": "also reports targets and installations and sends usage",
    "reviewer_security": "also reads the audit log, and judges for security",
    "reviewer_architecture": "also reads the audit log, and judges for architecture",
    "reviewer_business": "also reads the audit log, and judges for the business",
    "tenant_admin": "everything in its own tenant",
    "platform_admin": "everything in every tenant; in the operator tenant only",
    "service": "our own processes; in the operator tenant only",
}
"""What each role is for, for people."""

SCOPE_WORDS: dict[str, str] = {
    "catalog:read": "read plugins, releases and advisories",
    "catalog:write": "publish and change plugins, releases and advisories; can be granted in a namespace",
    "catalog:share": "share plugins with other tenants, and decline what they share",
    "installs:read": "read targets and what is installed on them",
    "installs:write": "report targets and installations",
    "usage:read": "read usage counters",
    "usage:write": "send usage events",
    "statistics:write": "send counts of outside registries",
    "insights:read": "read what models say",
    "insights:write": "publish what models say",
    "automation:read": "read rules, episodes, plans and switches",
    "automation:write": "change rules, switches, signing keys and contacts",
    "automation:approve": "approve and cancel plans",
    "automation:tick": "evaluate rules",
    "identity:read": "read people, teams, tokens, grants and trusted publishers",
    "identity:write": "change people, teams, tokens, grants and trusted publishers",
    "audit:read": "read and verify the audit log",
    "jobs:read": "read durable jobs",
    "jobs:write": "ask for and cancel durable jobs",
    "feeds:read": "read the feeds of changes",
    "subjects:erase": "erase what is known of a person",
    "tenancy:read": "read tenants",
    "tenancy:write": "create and change tenants",
    "tenancy:act": "act in another tenant",
    "tenancy:export": "export all that the tenant owns",
    "webhooks:read": "read webhooks and their deliveries",
    "webhooks:write": "make, change and test webhooks",
    "system:read": "read the state of the whole registry",
    "segments:read": "read usage files",
    "review:security": "judge for security",
    "review:architecture": "judge for architecture",
    "review:business": "judge for the business",
}
"""What each scope allows, for people."""

UNASKED = frozenset({"review:security", "review:architecture", "review:business", "tenancy:act"})
"""Scopes that no route asks for by itself: reviewers are told apart by `identity.rights`, and a header asks to act in another
tenant.
"""

ALL_TENANT_ROLES = frozenset({"platform_admin", "service"})
"""Roles whose holders read every tenant's rows."""


def grantable(tenant_kind: str) -> frozenset[str]:
    """The scopes a token or member of such a tenant may hold at all."""
    return PLATFORM if tenant_kind == "operator" else TENANT
