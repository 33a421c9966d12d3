"""Tables of insights."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, UniqueConstraint, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from registry_api.db.base import Base, TenantOwned


class InsightSet(TenantOwned, Base):
    """A complete set of one kind, by the operator: what model, from which data, how many rows.

    `place` is given when it first becomes the one that is read, the next number of its kind; a set that was rolled back
    keeps its number and is `withdrawn`.
    """

    __tablename__ = "insight_sets"
    __table_args__ = (UniqueConstraint("kind", "place"),)

    kind: Mapped[str]
    model: Mapped[str]
    model_version: Mapped[str]
    data_until: Mapped[datetime | None]
    rows: Mapped[int]
    card: Mapped[dict[str, Any]]
    digest: Mapped[str | None]
    """SHA-256 of the unpacked body of its rows: as announced, else known from when they came."""
    complete: Mapped[bool]
    place: Mapped[int | None]
    activated_at: Mapped[datetime | None]
    withdrawn: Mapped[bool] = mapped_column(default=False)


class InsightHead(TenantOwned, Base):
    """Which set of a kind is read; every read goes through it, so that nobody sees half a set."""

    __tablename__ = "insight_heads"

    kind: Mapped[str] = mapped_column(unique=True)
    set_id: Mapped[UUID] = mapped_column(Uuid(), ForeignKey("insight_sets.id"))


class InsightRow(Base):
    """One row of a set: what rows are found by, and the row itself as JSON text.

    `tenant_id` is null where the row is for everybody who sees the plugin. `at` is when an anomaly began or the day of a
    forecast; `ended` whether it is over.
    """

    __tablename__ = "insight_rows"
    __table_args__ = (
        Index("ix_insight_rows_plugin", "set_id", "plugin_id"),
        Index("ix_insight_rows_target", "set_id", "target_id"),
        Index("ix_insight_rows_score", "set_id", "score"),
    )

    set_id: Mapped[UUID] = mapped_column(Uuid(), ForeignKey("insight_sets.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID | None] = mapped_column(Uuid(), ForeignKey("tenants.id"))
    plugin_id: Mapped[UUID | None]
    other_plugin_id: Mapped[UUID | None]
    target_id: Mapped[UUID | None]
    series: Mapped[str | None]
    word: Mapped[str | None]
    """The band of a risk, the kind of an anomaly."""
    at: Mapped[datetime]
    ended: Mapped[bool]
    score: Mapped[float]
    body: Mapped[str]
