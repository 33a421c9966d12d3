"""Tables of people and credentials. No secret is stored: only its hash."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, LargeBinary, UniqueConstraint, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from patchbay.core.clock import utcnow
from registry_api.db.base import Base, Revised, TenantOwned

LOCAL_ISSUER = "patchbay"
"""Issuer of identities that sign in with a password kept here."""


class User(Revised, TenantOwned, Base):
    """A person's account in one tenant.

    Accounts of one e-mail in several tenants know nothing of each other: whoever administers one tenant can neither set
    a password that another believes, nor learn who has an account elsewhere.
    """

    __tablename__ = "users"
    __table_args__ = (
        CheckConstraint("status IN ('active', 'disabled')", name="status"),
        UniqueConstraint("tenant_id", "email"),
        Index("ix_users_email", "email"),
    )

    email: Mapped[str]
    display_name: Mapped[str]
    status: Mapped[str] = mapped_column(default="active")


class Identity(TenantOwned, Base):
    """How an issuer names a person; the pair is unique in a tenant, so two issuers cannot be confused."""

    __tablename__ = "identities"
    __table_args__ = (UniqueConstraint("tenant_id", "issuer", "subject"),)

    user_id: Mapped[UUID] = mapped_column(Uuid(), ForeignKey("users.id"), index=True)
    issuer: Mapped[str]
    subject: Mapped[str]


class Password(Base):
    """The Argon2id hash of a person's password, for those who have one."""

    __tablename__ = "passwords"

    user_id: Mapped[UUID] = mapped_column(Uuid(), ForeignKey("users.id"), primary_key=True)
    hash: Mapped[str]
    changed_at: Mapped[datetime] = mapped_column(default=utcnow)


class Membership(TenantOwned, Base):
    """An account's role in its tenant."""

    __tablename__ = "memberships"
    __table_args__ = (UniqueConstraint("tenant_id", "user_id"),)

    user_id: Mapped[UUID] = mapped_column(Uuid(), ForeignKey("users.id"), index=True)
    role: Mapped[str]


class LoginSession(TenantOwned, Base):
    """A signed-in person in one tenant; what they may do is their membership's role at the time of each request."""

    __tablename__ = "login_sessions"

    user_id: Mapped[UUID] = mapped_column(Uuid(), ForeignKey("users.id"), index=True)
    secret_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    expires_at: Mapped[datetime] = mapped_column(index=True)
    revoked_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    issuer: Mapped[str]
    address: Mapped[str | None]
    user_agent: Mapped[str | None]


class LoginAttempts(Base):
    """Sign-ins that failed in a row, by a hash of e-mail, address and the tenant named, and codes, by one of the account; they
    come before any tenant is known.
    """

    __tablename__ = "login_attempts"

    key: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    failures: Mapped[int]
    blocked_until: Mapped[datetime]
    updated_at: Mapped[datetime] = mapped_column(index=True)


class ApiToken(TenantOwned, Base):
    """A machine's credential in one tenant: a role, or a closed list of scopes.

    `namespaces` bounds where it may change the catalogue. `parent_id` is the token that made it narrower; what ends that
    one ends it. After a rotation the former secret, `previous_hash`, opens it until `previous_until`.
    """

    __tablename__ = "api_tokens"

    name: Mapped[str]
    prefix: Mapped[str]
    secret_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    role: Mapped[str | None]
    scopes: Mapped[list[str]]
    namespaces: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))
    parent_id: Mapped[UUID | None] = mapped_column(Uuid(), ForeignKey("api_tokens.id"), index=True)
    previous_hash: Mapped[bytes | None] = mapped_column(LargeBinary(32), index=True)
    previous_until: Mapped[datetime | None]
    created_by: Mapped[str]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
