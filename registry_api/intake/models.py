"""Tables of the intake: the ledger of batches and the register of segments."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Index, UniqueConstraint, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from registry_api.db.base import Base, TenantOwned


class IntakeBatch(TenantOwned, Base):
    """One acknowledged batch: what it held (`digest`), what became of it, and the answer a repeat is given."""

    __tablename__ = "intake_batches"
    __table_args__ = (
        UniqueConstraint("tenant_id", "stream", "batch_id"),
        Index("ix_intake_batches_tenant_id_batch_id", "tenant_id", "batch_id"),
        Index("ix_intake_batches_tenant_id_id", "tenant_id", "id"),
    )

    stream: Mapped[str]
    batch_id: Mapped[str]
    digest: Mapped[str]
    received: Mapped[int] = mapped_column(BigInteger)
    accepted: Mapped[int] = mapped_column(BigInteger)
    duplicates: Mapped[int] = mapped_column(BigInteger)
    rejected: Mapped[int] = mapped_column(BigInteger)
    rejects_path: Mapped[str | None]
    answer: Mapped[dict[str, Any]]


class Segment(TenantOwned, Base):
    """One immutable columnar file in the lake.

    `retired_at` is when another generation took its place, null while it counts; `delete_at` is when its file may then go.
    """

    __tablename__ = "segments"
    __table_args__ = (
        Index("ix_segments_live", "tenant_id", "stream", "received_on", "retired_at"),
        Index("ix_segments_retired_at", "retired_at"),
    )

    stream: Mapped[str]
    path: Mapped[str] = mapped_column(unique=True)
    rows: Mapped[int] = mapped_column(BigInteger)
    bytes: Mapped[int] = mapped_column(BigInteger)
    digest: Mapped[str]
    min_at: Mapped[datetime]
    max_at: Mapped[datetime]
    received_on: Mapped[date]
    generation: Mapped[int]
    replaces: Mapped[list[str]]
    batch_id: Mapped[UUID | None] = mapped_column(Uuid(), ForeignKey("intake_batches.id"))
    retired_at: Mapped[datetime | None]
    delete_at: Mapped[datetime | None]
    deleted_at: Mapped[datetime | None]
