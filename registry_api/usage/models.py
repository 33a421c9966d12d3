"""Tables of usage: the minute counters that detection reads."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Index, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from registry_api.db.base import Base

NO_ID = UUID(int=0)
"""Stands for "no plugin" or "no known release" in a counter's key, where null would make equal keys distinct."""


class MinuteCounter(Base):
    """Usage per tenant, plugin, release, type and UTC minute of recent events.

    A window for detection, not a history.
    """

    __tablename__ = "usage_minute_counters"
    __table_args__ = (Index("ix_usage_minute_counters_minute", "minute"), {"sqlite_with_rowid": False})

    tenant_id: Mapped[UUID] = mapped_column(Uuid(), ForeignKey("tenants.id"), primary_key=True)
    minute: Mapped[datetime] = mapped_column(primary_key=True)
    plugin_id: Mapped[UUID] = mapped_column(primary_key=True)
    release_id: Mapped[UUID] = mapped_column(primary_key=True)
    type: Mapped[str] = mapped_column(primary_key=True)
    events: Mapped[int] = mapped_column(BigInteger)
    quantity: Mapped[int] = mapped_column(BigInteger)
    errors: Mapped[int] = mapped_column(BigInteger)
    duration_ms_sum: Mapped[float]
    duration_ms_count: Mapped[int] = mapped_column(BigInteger)
    trace_id: Mapped[str | None]
    """Of the last batch that added to it, so that what is found in the minute can be followed back to who sent it."""
