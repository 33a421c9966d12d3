"""The table of answers kept for repeated requests."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from registry_api.db.base import Base, TenantOwned


class IdempotentAnswer(TenantOwned, Base):
    """What a keyed request was answered, sealed, until it expires; one per tenant, actor and key."""

    __tablename__ = "idempotent_answers"
    __table_args__ = (
        UniqueConstraint("tenant_id", "actor", "key"),
        Index("ix_idempotent_answers_tenant_id_expires_at", "tenant_id", "expires_at"),
    )

    actor: Mapped[str]
    key: Mapped[str]
    fingerprint: Mapped[bytes]
    status: Mapped[int]
    headers: Mapped[dict[str, Any]]
    sealed: Mapped[bytes]
    sealed_by: Mapped[str]
    expires_at: Mapped[datetime] = mapped_column(index=True)
