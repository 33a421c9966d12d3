"""Tables of targets, observations and blocks."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Index, Text, UniqueConstraint, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column

from registry_api.db.base import Base, TenantOwned


class Target(TenantOwned, Base):
    """A place plugins are installed on."""

    __tablename__ = "targets"
    __table_args__ = (UniqueConstraint("tenant_id", "name"),)

    name: Mapped[str]
    title: Mapped[str | None]
    environment: Mapped[str]
    kind: Mapped[str]
    lifecycle: Mapped[str]


class Observation(TenantOwned, Base):
    """One observed installation event; append-only.

    `position` numbers a tenant's observations in the order they were recorded, so (occurred_at, position) is the one order of events
    on which the registry and the warehouse agree. `natural_key` is the digest that recognises a repeat.
    """

    __tablename__ = "observations"
    __table_args__ = (
        UniqueConstraint("tenant_id", "natural_key"),
        UniqueConstraint("tenant_id", "position"),
        Index("ix_observations_target_plugin_order", "target_id", "plugin_id", "occurred_at", "position"),
        Index("ix_observations_plugin_target_order", "plugin_id", "target_id", "occurred_at", "position"),
    )

    target_id: Mapped[UUID] = mapped_column(Uuid(), ForeignKey("targets.id"))
    plugin_id: Mapped[UUID] = mapped_column(Uuid(), ForeignKey("plugins.id"))
    event: Mapped[str]
    version: Mapped[str | None]
    origin: Mapped[str | None]
    source: Mapped[str]
    occurred_at: Mapped[datetime]
    position: Mapped[int] = mapped_column(BigInteger)
    natural_key: Mapped[str]


STANDING = text("lifted_at IS NULL")


class ReleaseBlock(TenantOwned, Base):
    """New installs of a release are refused in the tenant; the operator's block of a public plugin holds for everybody.

    One that was lifted stays as history. `plan_id` is the plan that asked for it.
    """

    __tablename__ = "release_blocks"
    __table_args__ = (
        Index(
            "uq_release_blocks_standing",
            "tenant_id",
            "release_id",
            unique=True,
            sqlite_where=STANDING,
            postgresql_where=STANDING,
        ),
    )

    plugin_id: Mapped[UUID] = mapped_column(Uuid(), ForeignKey("plugins.id"), index=True)
    release_id: Mapped[UUID] = mapped_column(Uuid(), ForeignKey("releases.id"), index=True)
    reason: Mapped[str] = mapped_column(Text)
    plan_id: Mapped[UUID | None]
    blocked_at: Mapped[datetime]
    lifted_at: Mapped[datetime | None]
