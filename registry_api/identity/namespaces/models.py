"""Tables of teams and of grants in namespaces."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from registry_api.db.base import Base, Revised, TenantOwned

ONE_HOLDER = "(user_id IS NULL OR team_id IS NULL) AND ((user_id IS NULL) = (team_id IS NULL)) <> (token_id IS NULL)"
"""Exactly one of the three is there."""


class Team(Revised, TenantOwned, Base):
    """Some people of a tenant, who are granted things together."""

    __tablename__ = "teams"
    __table_args__ = (UniqueConstraint("tenant_id", "name"),)

    name: Mapped[str]
    display_name: Mapped[str]


class TeamMember(TenantOwned, Base):
    """A person in a team."""

    __tablename__ = "team_members"
    __table_args__ = (UniqueConstraint("team_id", "user_id"),)

    team_id: Mapped[UUID] = mapped_column(Uuid(), ForeignKey("teams.id"))
    user_id: Mapped[UUID] = mapped_column(Uuid(), ForeignKey("users.id"), index=True)


class NamespaceGrant(TenantOwned, Base):
    """A role in one namespace of the tenant's catalogue, for a person, a team or a token."""

    __tablename__ = "namespace_grants"
    __table_args__ = (
        CheckConstraint(ONE_HOLDER, name="one_holder"),
        *(UniqueConstraint("tenant_id", "namespace", "role", holder) for holder in ("user_id", "team_id", "token_id")),
        Index("ix_namespace_grants_holder", "user_id", "team_id", "token_id"),
    )

    namespace: Mapped[str]
    role: Mapped[str]
    user_id: Mapped[UUID | None] = mapped_column(Uuid(), ForeignKey("users.id"))
    team_id: Mapped[UUID | None] = mapped_column(Uuid(), ForeignKey("teams.id"), index=True)
    token_id: Mapped[UUID | None] = mapped_column(Uuid(), ForeignKey("api_tokens.id"), index=True)
    created_by: Mapped[str]
    expires_at: Mapped[datetime | None]
