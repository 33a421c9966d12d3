"""What the audit routes answer."""

from typing import Any
from uuid import UUID

import orjson

from registry_api.audit.models import AuditRecord
from registry_api.schemas import Output, Timestamp


class AuditView(Output):
    """One record; `change` and the ids of token and trace are read from the bytes that were hashed."""

    id: UUID
    position: int
    at: Timestamp
    actor: str
    action: str
    subject: str
    change: dict[str, Any]
    token_id: UUID | None
    acting_for: UUID | None
    trace_id: str | None
    hash: str

    @classmethod
    def of(cls, record: AuditRecord) -> "AuditView":
        """The record as answered."""
        stored = orjson.loads(record.canonical)
        return cls(
            id=record.id,
            position=record.position,
            at=record.recorded_at,
            actor=record.actor,
            action=record.action,
            subject=record.subject,
            change=stored["change"],
            token_id=stored["token"],
            acting_for=stored["acting_for"],
            trace_id=stored["trace"],
            hash=record.hash.hex(),
        )


class VerdictView(Output):
    """Whether the chain is whole; else the first position at which it is not, and why."""

    valid: bool
    records: int
    head_position: int
    head_hash: str
    broken_at: int | None
    reason: str | None
