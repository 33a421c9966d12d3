"""Documents of tenancy. Made by `make client` from the API document."""

from __future__ import annotations

from typing import Literal, NotRequired, TypeAlias, TypedDict


class Export(TypedDict):
    """One export of a tenant."""

    id: str
    tenant_id: str
    recorded_at: str
    state: str
    tables: int
    tables_done: int
    rows: int
    bytes: int | None
    digest: str | None
    expires_at: str | None


class NewTenant(TypedDict):
    """A tenant to create, with its first administrator if wanted."""

    slug: str
    name: str
    plan: NotRequired[Literal["free", "team", "enterprise"]]
    rules: NotRequired[str | None]
    admin_email: NotRequired[str | None]
    admin_password: NotRequired[str | None]


Quota: TypeAlias = Literal[
    "plugins",
    "releases",
    "storage_bytes",
    "targets",
    "installs",
    "requests_per_minute",
    "events_per_month",
    "seats",
]


class QuotaView(TypedDict):
    """One quota of a tenant."""

    quota: Quota
    limit: int | None
    used: int | None
    remaining: int | None
    period: str
    overridden: bool


class TenantChange(TypedDict):
    """What to change of a tenant."""

    name: NotRequired[str | None]
    status: NotRequired[Literal["active", "suspended"] | None]
    plan: NotRequired[Literal["free", "team", "enterprise"] | None]
    quotas: NotRequired[dict[Quota, int | None] | None]


class Tenant(TypedDict):
    """A tenant."""

    id: str
    slug: str
    name: str
    kind: str
    status: str
    plan: str
    revision: int
    recorded_at: str
    delete_after: str | None


class Usage(TypedDict):
    """A tenant's plan, and its use of each quota."""

    plan: str
    quotas: list[QuotaView]


class TenantCreated(TypedDict):
    """A tenant with its tenant_admin token, which is shown this once: null when the same request came again."""

    tenant: Tenant
    token: str | None
    replayed: bool
