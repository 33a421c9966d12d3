"""What the identity routes take and answer."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    EmailStr,
    Field,
    RootModel,
    SecretStr,
    StringConstraints,
    model_validator,
)
from pydantic_core import PydanticCustomError

from registry_api.identity.passwords import LONGEST, SHORTEST
from registry_api.schemas import Flag, Input, Name, Output, Timestamp, Whole, Word, whole_number
from registry_api.tenancy.schemas import TenantBrief

Role = Literal[
    "viewer",
    "author",
    "operator",
    "reviewer_security",
    "reviewer_architecture",
    "reviewer_business",
    "tenant_admin",
    "platform_admin",
    "service",
]
Place = Annotated[
    str, StringConstraints(min_length=1, max_length=401, pattern=r"^[A-Za-z0-9._-]{1,200}(:[A-Za-z0-9._-]{1,200})?$")
]
Namespaces = Annotated[
    list[Place],
    Field(
        min_length=1,
        max_length=100,
        description="Where alone it may change the catalogue: namespaces, or single plugins as namespace:name.",
    ),
]
Email = Annotated[EmailStr, AfterValidator(str.lower)]

Minutes = Annotated[int, Field(ge=1, le=90 * 24 * 60), BeforeValidator(whole_number)]


class Login(Input):
    """An e-mail and password; `tenant` (slug or id) is needed by who has accounts in more than three tenants."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"email": "admin@patchbay.local", "password": "correct horse battery staple"}]}
    )

    email: Word = Field(max_length=320)
    password: SecretStr = Field(max_length=LONGEST)
    tenant: Word | None = Field(default=None, max_length=63)
    code: str | None = Field(
        default=None,
        max_length=40,
        description="The second factor of who has one: the app's six digits, or a recovery code.",
    )
    cookie: Flag = Field(
        default=False,
        description="For browsers: the session comes as a cookie that scripts cannot read, and not in the answer.",
    )


class UserBrief(Output):
    """A person, in few words."""

    id: UUID
    email: str
    display_name: str


class UserView(UserBrief):
    """A member of the tenant."""

    status: str
    role: str
    revision: int = Field(description="Also the ETag.")
    recorded_at: Timestamp


class SessionCreated(Output):
    """A login session; its token is shown this once."""

    token: str | None = Field(description="Null when it was asked for as a cookie.")
    expires_at: Timestamp
    user: UserBrief
    tenant: TenantBrief
    role: str
    scopes: list[str]


class SessionView(Output):
    """One of the caller's sessions."""

    id: UUID
    recorded_at: Timestamp
    expires_at: Timestamp
    revoked_at: Timestamp | None
    last_used_at: Timestamp | None
    issuer: str = Field(description="Who said who it was: `patchbay` for a password kept here.")
    address: str | None
    user_agent: str | None
    current: bool = Field(description="Whether this request came with it.")


class SessionRotated(Output):
    """A session's new secret, shown this once."""

    token: str | None = Field(description="Null when it came as a cookie; then it is in the new cookie.")
    expires_at: Timestamp


class PasswordChange(Input):
    """A new password, and proof that it is its owner who wants it."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"current": "correct horse battery", "new": "staple battery horse"}]}
    )

    current: SecretStr = Field(max_length=LONGEST)
    new: SecretStr = Field(min_length=SHORTEST, max_length=LONGEST)


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


class UserChange(Input):
    """What is to change of a person; what is left out stays."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"status": "disabled"}, {"role": "author"}]})

    display_name: Name | None = None
    role: Role | None = None
    status: Literal["active", "disabled"] | None = None


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
    expires_in_days: Whole = Field(default=90, ge=1, le=3650)
    namespaces: Namespaces | None = None
    tenant: Word | None = Field(
        default=None, max_length=63, description="Another tenant's slug or id; platform tokens only."
    )

    @model_validator(mode="after")
    def _role_or_scopes(self) -> "NewToken":
        if (self.role is None) == (self.scopes is None):
            raise PydanticCustomError("exactly_one", "Give either role or scopes")
        return self


class TokenView(Output):
    """A token, without its secret."""

    id: UUID
    name: str
    prefix: str
    role: str | None
    scopes: list[str]
    namespaces: list[str] | None = Field(description="Where alone it may change the catalogue; null is everywhere.")
    parent_id: UUID | None = Field(description="The token it was made from, and ends with.")
    created_by: str
    recorded_at: Timestamp
    expires_at: Timestamp | None
    revoked_at: Timestamp | None
    last_used_at: Timestamp | None
    previous_until: Timestamp | None = Field(description="Until when the secret before the last rotation opens it too.")


class TokenCreated(TokenView):
    """A new token with its secret, which is shown this once."""

    token: str


class TokenRotation(Input):
    """How long the former secret goes on, and how long the new one lives."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"overlap_minutes": 60}]})

    overlap_minutes: Whole = Field(default=60, ge=0, le=7 * 24 * 60, description="How long both secrets are valid.")
    expires_in_days: Whole = Field(default=90, ge=1, le=3650)


class NarrowerToken(Input):
    """A token with no more than the caller's; what is left out is as the caller has it."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "build 17", "namespaces": ["payments"], "expires_in_minutes": 15}]}
    )

    name: Name
    scopes: list[Word] | None = Field(default=None, min_length=1, max_length=100)
    namespaces: Namespaces | None = None
    expires_in_minutes: Minutes | None = Field(
        default=None,
        description="At most the caller's own life, which is also the default up to an hour.",
    )


class FoundSecret(BaseModel):
    """A secret that was found in public, as secret-scanning services report it; other fields are passed over."""

    model_config = ConfigDict(extra="ignore")

    token: str = Field(max_length=500)
    url: str = Field(default="", max_length=2000, description="Where it was found.")
    source: str = Field(default="", max_length=100, description="What kind of place that is.")


class FoundSecrets(RootModel[list[FoundSecret]]):
    """Secrets that were found in public."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [[{"token": "pb_t…", "url": "https://code.example/a.py", "source": "content"}]]}
    )

    root: list[FoundSecret] = Field(min_length=1, max_length=100)
