"""What the tenancy routes take and answer."""

from typing import Literal
from uuid import UUID

from pydantic import ConfigDict, EmailStr, Field, SecretStr, field_validator, model_validator

from registry_api.identity.passwords import LONGEST, SHORTEST
from registry_api.schemas import Input, Name, Output, Slug, Timestamp, as_id


class TenantBrief(Output):
    """A tenant, in few words."""

    id: UUID
    slug: str
    name: str
    kind: str


class TenantView(TenantBrief):
    """A tenant."""

    status: str
    recorded_at: Timestamp


class NewTenant(Input):
    """A tenant to create, with its first administrator if wanted."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"slug": "acme", "name": "Acme Ltd", "admin_email": "ada@acme.example"}]}
    )

    slug: Slug
    name: Name
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
    """A new tenant with its tenant_admin token, which is shown this once."""

    tenant: TenantView
    token: str


class TenantChange(Input):
    """What to change of a tenant."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"status": "suspended"}]})

    name: Name | None = None
    status: Literal["active", "suspended"] | None = None
