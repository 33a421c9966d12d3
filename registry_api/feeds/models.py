"""The outbox table: every feed row, in commit order."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Index, Integer, Text, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column

from registry_api.db.base import Base

GRANTED = text("grant_id IS NOT NULL")


class OutboxRow(Base):
    """One feed row.

    `seq` follows commit order because the writer holds one lock from just before the insert until the commit.

    `line` is the row as readers get it, a JSON object, all but its `seq`, which only the insert decides: a page is then
    read without building an object per row.
    """

    __tablename__ = "outbox"
    __table_args__ = (
        Index("ix_outbox_feed_seq", "feed", "seq"),
        Index("ix_outbox_grant_id", "grant_id", sqlite_where=GRANTED, postgresql_where=GRANTED),
        {"sqlite_autoincrement": True},
    )

    seq: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True)
    tenant_id: Mapped[UUID] = mapped_column(Uuid(), ForeignKey("tenants.id"))
    feed: Mapped[str]
    public: Mapped[bool]
    audience_id: Mapped[UUID | None] = mapped_column(Uuid(), ForeignKey("tenants.id"))
    """The only tenant that reads the row, where it is a copy for somebody whom a plugin is shared with."""
    grant_id: Mapped[UUID | None]
    """The grant that the row is read under, and no longer than it is in force; null in the rows that say that it ended."""
    line: Mapped[str] = mapped_column(Text)
    recorded_at: Mapped[datetime]
