"""Documents of identity. Made by `make client` from the API document."""

from __future__ import annotations

from typing import Literal, NotRequired, TypeAlias, TypedDict


class BothProofs(TypedDict):
    """Password and code."""

    password: str
    code: str


class CiToken(TypedDict):
    """A CI job's OIDC token, and the tenant to publish in."""

    tenant: str
    token: str


class CodeProof(TypedDict):
    """A code of the app."""

    code: str


class FoundSecret(TypedDict):
    """A secret that was found in public, as secret-scanning services report it; other fields are passed over."""

    token: str
    url: NotRequired[str]
    source: NotRequired[str]


FoundSecrets: TypeAlias = list[FoundSecret]
"""Secrets that were found in public."""


class Login(TypedDict):
    """An e-mail and password; `tenant` (slug or id) is needed by who has accounts in more than three tenants."""

    email: str
    password: str
    tenant: NotRequired[str | None]
    code: NotRequired[str | None]
    cookie: NotRequired[bool]


class NamespaceGrant(TypedDict):
    """A grant and its holder."""

    id: str
    namespace: str
    role: str
    user_id: str | None
    team_id: str | None
    token_id: str | None
    created_by: str
    recorded_at: str
    expires_at: str | None


Scope: TypeAlias = str


Namespace: TypeAlias = str


class NarrowerToken(TypedDict):
    """A token with no more than the caller's; what is left out is as the caller has it."""

    name: str
    scopes: NotRequired[list[Scope] | None]
    namespaces: NotRequired[list[Namespace] | None]
    expires_in_minutes: NotRequired[int | None]


class NewNamespaceGrant(TypedDict):
    """A role in a namespace, for one of a person, a team (by name) and a token."""

    namespace: str
    role: NotRequired[Literal["author"]]
    user_id: NotRequired[str | None]
    team: NotRequired[str | None]
    token_id: NotRequired[str | None]
    expires_at: NotRequired[str | None]


class NewToken(TypedDict):
    """A token to create: a role or a list of scopes, one of the two."""

    name: str
    role: NotRequired[
        Literal[
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
        | None
    ]
    scopes: NotRequired[list[Scope] | None]
    expires_in_days: NotRequired[int]
    namespaces: NotRequired[list[Namespace] | None]
    tenant: NotRequired[str | None]


class NewTrustedPublisher(TypedDict):
    """A workflow that is to publish in a namespace, or one plugin of it."""

    place: str
    provider: Literal["github", "gitlab"]
    issuer: NotRequired[str]
    repository_id: str
    owner_id: str
    workflow: str
    environment: NotRequired[str]


class NewUser(TypedDict):
    """A person to make a member. Without a password they sign in through another issuer."""

    email: str
    display_name: str
    password: NotRequired[str | None]
    role: Literal[
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


class PasswordChange(TypedDict):
    """A new password, and proof that it is its owner who wants it."""

    current: str
    new: str


class PasswordProof(TypedDict):
    """The password, as proof that it is its owner who asks."""

    password: str


class PublishToken(TypedDict):
    """A token to publish with, for fifteen minutes; shown this once."""

    token: str
    expires_at: str
    places: list[str]


class RecoveryCodes(TypedDict):
    """Codes that stand in for the app, each once; shown this once."""

    recovery_codes: list[str]


class SessionRotated(TypedDict):
    """A session's new secret, shown this once."""

    token: str | None
    expires_at: str


class Session(TypedDict):
    """One of the caller's sessions."""

    id: str
    recorded_at: str
    expires_at: str
    revoked_at: str | None
    last_used_at: str | None
    issuer: str
    address: str | None
    user_agent: str | None
    current: bool


class TeamMember(TypedDict):
    """A person in a team."""

    id: str
    email: str
    display_name: str


class TeamSet(TypedDict):
    """What a team is called by people."""

    display_name: str


class Team(TypedDict):
    """A team."""

    id: str
    name: str
    display_name: str
    revision: int
    recorded_at: str


class TenantBrief(TypedDict):
    """A tenant, in few words."""

    id: str
    slug: str
    name: str
    kind: str


class TokenCreated(TypedDict):
    """A new token with its secret, which is shown this once."""

    id: str
    name: str
    prefix: str
    role: str | None
    scopes: list[str]
    namespaces: list[str] | None
    parent_id: str | None
    created_by: str
    recorded_at: str
    expires_at: str | None
    revoked_at: str | None
    last_used_at: str | None
    previous_until: str | None
    token: str


class TokenRotation(TypedDict):
    """How long the former secret goes on, and how long the new one lives."""

    overlap_minutes: NotRequired[int]
    expires_in_days: NotRequired[int]


class Token(TypedDict):
    """A token, without its secret."""

    id: str
    name: str
    prefix: str
    role: str | None
    scopes: list[str]
    namespaces: list[str] | None
    parent_id: str | None
    created_by: str
    recorded_at: str
    expires_at: str | None
    revoked_at: str | None
    last_used_at: str | None
    previous_until: str | None


class TotpBegun(TypedDict):
    """What the app needs, shown this once."""

    secret: str
    uri: str


class TrustedPublisher(TypedDict):
    """A trusted publisher."""

    id: str
    place: str
    provider: str
    issuer: str
    repository_id: str
    owner_id: str
    workflow: str
    environment: str
    created_by: str
    recorded_at: str


class UserBrief(TypedDict):
    """A person, in few words."""

    id: str
    email: str
    display_name: str


class UserChange(TypedDict):
    """What is to change of a person; what is left out stays."""

    display_name: NotRequired[str | None]
    role: NotRequired[
        Literal[
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
        | None
    ]
    status: NotRequired[Literal["active", "disabled"] | None]


class User(TypedDict):
    """A member of the tenant."""

    id: str
    email: str
    display_name: str
    status: str
    role: str
    revision: int
    recorded_at: str


class Membership(TypedDict):
    """One of the caller's tenants."""

    tenant: TenantBrief
    role: str


class SessionCreated(TypedDict):
    """A login session; its token is shown this once."""

    token: str | None
    expires_at: str
    user: UserBrief
    tenant: TenantBrief
    role: str
    scopes: list[str]


class Me(TypedDict):
    """Who calls, and what they may do."""

    user: UserBrief | None
    tenant: TenantBrief
    role: str
    scopes: list[str]
    token_name: str | None
    acting_for: str | None
    memberships: list[Membership]
