"""What the tenancy routes take and answer."""

from typing import Literal
from uuid import UUID

from pydantic import ConfigDict, EmailStr, Field, SecretStr, field_validator, model_validator

from registry_api.identity.passwords import LONGEST, SHORTEST
from registry_api.schemas import Count, Input, Name, Output, Slug, Timestamp, as_id
from registry_api.tenancy.plans import Quota

Plan = Literal["free", "team", "enterprise"]
DEFAULT: Plan = "enterprise"
RULE_BYTES = 256 * 1024


class TenantBrief(Output):
    """A tenant, in few words."""

    id: UUID
    slug: str
    name: str
    kind: str


class TenantView(TenantBrief):
    """A tenant."""

    status: str
    plan: str
    revision: int = Field(description="Also the ETag.")
    recorded_at: Timestamp
    delete_after: Timestamp | None = Field(description="When everything it owns is erased; null unless it is deleting.")


class ExportView(Output):
    """One export of a tenant."""

    id: UUID
    tenant_id: UUID
    recorded_at: Timestamp
    state: str = Field(description="queued, running, done, failed or expired.")
    tables: int = Field(description="Tables to go through.")
    tables_done: int
    rows: int = Field(description="Rows so far.")
    bytes: int | None = Field(description="Size of the archive, once done.")
    digest: str | None = Field(description="Of the archive: sha256:hex.")
    expires_at: Timestamp | None = Field(description="When the archive is deleted.")


class QuotaView(Output):
    """One quota of a tenant."""

    quota: Quota
    limit: int | None = Field(description="Null is no limit.")
    used: int | None = Field(
        description="Of requests those of the running minute that are not restored yet; null where no limit counts them."
    )
    remaining: int | None = Field(description="Null where there is no limit; 0 also where it is passed.")
    period: str = Field(description="The UTC month that is counted, like 2026-11; empty where the use stands.")
    overridden: bool = Field(description="Whether the operator set the limit otherwise than the plan.")


class UsageView(Output):
    """A tenant's plan, and its use of each quota."""

    plan: str
    quotas: list[QuotaView]


class NewTenant(Input):
    """A tenant to create, with its first administrator if wanted."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"slug": "acme", "name": "Acme Ltd", "admin_email": "ada@acme.example"}]}
    )

    slug: Slug
    name: Name
    plan: Plan = DEFAULT
    rules: str | None = Field(
        default=None,
        max_length=RULE_BYTES,
        description="Its first automation rules, in YAML as for PUT /v1/automation/rules. Without it those of the "
        "installation, if it has any (PATCHBAY_ONBOARDING_RULES).",
    )
    admin_email: EmailStr | None = None
    admin_password: SecretStr | None = Field(default=None, min_length=SHORTEST, max_length=LONGEST)

    @field_validator("slug")
    @classmethod
    def _slug_is_no_id(cls, slug: str) -> str:
        if as_id(slug) is not None:
            raise ValueError("a slug must not have the form of an id")
        return slug

    @model_validator(mode="after")
    def _password_needs_email(self) -> "NewTenant":
        if self.admin_password is not None and self.admin_email is None:
            raise ValueError("admin_password needs admin_email")
        return self


class TenantCreated(Output):
    """A tenant with its tenant_admin token, which is shown this once: null when the same request came again."""

    tenant: TenantView
    token: str | None
    replayed: bool = Field(description="Whether the same request had made it before; nothing was done then.")


class TenantChange(Input):
    """What to change of a tenant."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"status": "suspended"}]})

    name: Name | None = None
    status: Literal["active", "suspended"] | None = None
    plan: Plan | None = None
    quotas: dict[Quota, Count | None] | None = Field(
        default=None,
        description="Limits otherwise than the plan's, all of them; null as a limit is none. Of requests at least 1: what shall "
        "do nothing is suspended.",
    )

    @field_validator("quotas")
    @classmethod
    def _let_some_requests_in(cls, quotas: dict[Quota, int | None] | None) -> dict[Quota, int | None] | None:
        if quotas and quotas.get(Quota.REQUESTS) == 0:
            raise ValueError("requests_per_minute must be at least 1; suspend a tenant that shall change nothing")
        return quotas
