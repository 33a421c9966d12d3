"""Tables of people and credentials. No secret is stored: only its hash."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from patchbay.core.clock import utcnow
from registry_api.db.base import Base, TenantOwned

LOCAL_ISSUER = "patchbay"
"""Issuer of identities that sign in with a password kept here."""


class User(TenantOwned, Base):
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

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), index=True)
    issuer: Mapped[str]
    subject: Mapped[str]


class Password(Base):
    """The Argon2id hash of a person's password, for those who have one."""

    __tablename__ = "passwords"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), primary_key=True)
    hash: Mapped[str]
    changed_at: Mapped[datetime] = mapped_column(default=utcnow)


class Membership(TenantOwned, Base):
    """An account's role in its tenant."""

    __tablename__ = "memberships"
    __table_args__ = (UniqueConstraint("tenant_id", "user_id"),)

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), index=True)
    role: Mapped[str]


class LoginSession(TenantOwned, Base):
    """A signed-in person in one tenant; what they may do is their membership's role at the time of each request."""

    __tablename__ = "login_sessions"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), index=True)
    secret_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]


class ApiToken(TenantOwned, Base):
    """A machine's credential in one tenant: a role, or a closed list of scopes."""

    __tablename__ = "api_tokens"

    name: Mapped[str]
    prefix: Mapped[str]
    secret_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    role: Mapped[str | None]
    scopes: Mapped[list[str]]
    created_by: Mapped[str]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
