"""Tables of people and credentials. No secret is stored: only its hash."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, LargeBinary, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from patchbay.core.clock import utcnow
from patchbay.core.ids import new_id
from registry_api.db.base import Base, TenantOwned

LOCAL_ISSUER = "patchbay"
"""Issuer of identities that sign in with a password kept here."""


class User(Base):
    """A person; may be a member of several tenants."""

    __tablename__ = "users"
    __table_args__ = (CheckConstraint("status IN ('active', 'disabled')", name="status"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    recorded_at: Mapped[datetime] = mapped_column(default=utcnow)
    email: Mapped[str] = mapped_column(unique=True)
    display_name: Mapped[str]
    status: Mapped[str] = mapped_column(default="active")


class Identity(Base):
    """How an issuer names a person; the pair is unique, so two issuers cannot be confused."""

    __tablename__ = "identities"
    __table_args__ = (UniqueConstraint("issuer", "subject"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
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
    """A person's role in a tenant."""

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
