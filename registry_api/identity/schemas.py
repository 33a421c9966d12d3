"""What the identity routes take and answer."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, ConfigDict, EmailStr, Field, SecretStr, model_validator

from registry_api.identity.passwords import LONGEST, SHORTEST
from registry_api.schemas import Input, Name, Output, Timestamp, Word
from registry_api.tenancy.schemas import TenantBrief

Role = Literal["viewer", "author", "operator", "tenant_admin", "platform_admin", "service"]
Email = Annotated[EmailStr, AfterValidator(str.lower)]


class Login(Input):
    """An e-mail and password; `tenant` (slug or id) is needed by who has accounts in more than three tenants."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"email": "admin@patchbay.local", "password": "correct horse battery staple"}]}
    )

    email: Word = Field(max_length=320)
    password: SecretStr = Field(max_length=LONGEST)
    tenant: Word | None = Field(default=None, max_length=63)


class UserBrief(Output):
    """A person, in few words."""

    id: UUID
    email: str
    display_name: str


class UserView(UserBrief):
    """A member of the tenant."""

    status: str
    role: str
    recorded_at: Timestamp


class SessionCreated(Output):
    """A login session; its token is shown this once."""

    token: str
    expires_at: Timestamp
    user: UserBrief
    tenant: TenantBrief
    role: str
    scopes: list[str]


class MembershipView(Output):
    """One of the caller's tenants."""

    tenant: TenantBrief
    role: str


class Me(Output):
    """Who calls, and what they may do."""

    user: UserBrief | None
    tenant: TenantBrief
    role: str
    scopes: list[str]
    token_name: str | None
    acting_for: UUID | None
    memberships: list[MembershipView]


class NewUser(Input):
    """A person to make a member. Without a password they sign in through another issuer."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"email": "grace@acme.example", "display_name": "Grace", "role": "viewer"}]}
    )

    email: Email
    display_name: Name
    password: SecretStr | None = Field(default=None, min_length=SHORTEST, max_length=LONGEST)
    role: Role


class NewToken(Input):
    """A token to create: a role or a list of scopes, one of the two."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"name": "ci", "role": "author"}, {"name": "reader", "scopes": ["catalog:read"]}]
        }
    )

    name: Name
    role: Role | None = None
    scopes: list[Word] | None = Field(default=None, min_length=1, max_length=100)
    expires_in_days: int = Field(default=90, ge=1, le=3650)
    tenant: Word | None = Field(
        default=None, max_length=63, description="Another tenant's slug or id; platform tokens only."
    )

    @model_validator(mode="after")
    def _role_or_scopes(self) -> "NewToken":
        if (self.role is None) == (self.scopes is None):
            raise ValueError("give either role or scopes")
        return self


class TokenView(Output):
    """A token, without its secret."""

    id: UUID
    name: str
    prefix: str
    role: str | None
    scopes: list[str]
    created_by: str
    recorded_at: Timestamp
    expires_at: Timestamp | None
    revoked_at: Timestamp | None
    last_used_at: Timestamp | None


class TokenCreated(TokenView):
    """A new token with its secret, which is shown this once."""

    token: str
