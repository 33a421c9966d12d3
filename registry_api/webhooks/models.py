"""Tables of webhooks, what they sign with, and deliveries."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from patchbay.core.clock import utcnow
from registry_api.db.base import Base, TenantOwned

STATES = ("pending", "delivered", "failed")


class Webhook(TenantOwned, Base):
    """Who is told of which events, and where.

    `failing_since` is the receiver's first failure after its last success; null while all is well.
    """

    __tablename__ = "webhooks"

    url: Mapped[str] = mapped_column(Text)
    description: Mapped[str | None] = mapped_column(Text)
    types: Mapped[list[str]]
    contact: Mapped[str | None]
    enabled: Mapped[bool]
    disabled_reason: Mapped[str | None] = mapped_column(Text)
    failing_since: Mapped[datetime | None]
    revision: Mapped[int] = mapped_column(default=1)
    updated_at: Mapped[datetime] = mapped_column(default=utcnow)


class WebhookSecret(TenantOwned, Base):
    """One thing a webhook signs with, sealed; the current one has no end, those before it sign along until theirs."""

    __tablename__ = "webhook_secrets"

    webhook_id: Mapped[UUID] = mapped_column(Uuid(), ForeignKey("webhooks.id"), index=True)
    sealed: Mapped[str]
    sealed_by: Mapped[str]
    expires_at: Mapped[datetime | None]

    @property
    def name(self) -> str:
        """What it is sealed for."""
        return secret_name(self.webhook_id)


class Delivery(TenantOwned, Base):
    """One event for one webhook: the document that is sent, the same in each attempt, and how the last one went."""

    __tablename__ = "webhook_deliveries"
    __table_args__ = (
        CheckConstraint(f"state IN {STATES}", name="state"),
        Index("ix_webhook_deliveries_webhook_id_id", "webhook_id", "id"),
        Index("ix_webhook_deliveries_webhook_id_state_id", "webhook_id", "state", "id"),
    )

    webhook_id: Mapped[UUID] = mapped_column(Uuid(), ForeignKey("webhooks.id"))
    event_id: Mapped[UUID]
    type: Mapped[str]
    body: Mapped[dict[str, Any]]
    state: Mapped[str]
    attempts: Mapped[int] = mapped_column(default=0)
    last_attempt_at: Mapped[datetime | None]
    last_status: Mapped[int | None]
    last_milliseconds: Mapped[int | None]
    last_error: Mapped[str | None] = mapped_column(Text)


class Attempt(TenantOwned, Base):
    """One attempt at a delivery; `status` is null where nobody answered."""

    __tablename__ = "webhook_attempts"

    delivery_id: Mapped[UUID] = mapped_column(Uuid(), ForeignKey("webhook_deliveries.id"), index=True)
    number: Mapped[int]
    status: Mapped[int | None]
    milliseconds: Mapped[int]
    error: Mapped[str | None] = mapped_column(Text)


def secret_name(webhook_id: UUID) -> str:
    """What a webhook's secrets are sealed for."""
    return f"webhook/{webhook_id}"
