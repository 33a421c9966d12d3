"""What the audit routes answer."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Row

from registry_api.audit.personal import subjects_in, unsealed
from registry_api.schemas import Output, Timestamp

SAID = {"change": "change", "patch": "patch", "token_id": "token", "acting_for": "acting_for", "address": "address"}
SAID |= {"request_id": "request", "trace_id": "trace"}
"""Fields of an answer, by what they are called in the bytes."""

UNREADABLE: dict[str, Any] = dict.fromkeys(SAID.values()) | {"patch": []}
UNREADABLE |= {"change": {"unreadable": "What is stored is no record; GET /v1/audit/verify says where it breaks."}}
"""What stands for bytes that are no record any more, or have a column beside them that cannot be read."""

NOTHING: dict[str, Any] = {"id": UUID(int=0), "at": datetime(1970, 1, 1, tzinfo=UTC), "position": 0}
"""What stands for such a column; empty text for the others."""


class AuditView(Output):
    """One record, read from the bytes that were hashed. `patch` is a JSON Patch (RFC 6902) whose operations keep the
    old value as `was`. Personal values whose key was shredded are answered as `(erased)`.
    """

    id: UUID
    position: int
    at: Timestamp
    actor: str
    action: str
    subject: str
    change: dict[str, Any]
    patch: list[dict[str, Any]]
    token_id: UUID | None
    acting_for: UUID | None
    address: str | None
    request_id: str | None
    trace_id: str | None
    hash: str

    @classmethod
    def of(cls, record: Row[Any], keys: Mapping[str, bytes]) -> "AuditView":
        """The record as answered, with what the persons' keys open."""
        columns = _columns(record)
        try:
            return cls(**columns, **_said(unsealed(_document(record), record.tenant_id, keys)))
        except (KeyError, TypeError, ValueError):
            known = {name: NOTHING.get(name, "") if value is None else value for name, value in columns.items()}
            return cls(**known, **_said(UNREADABLE))


def _columns(record: Row[Any]) -> dict[str, Any]:
    """The columns beside the bytes, None for those that cannot be read."""
    told = {name: getattr(record, name) for name in ("id", "actor", "action", "subject")}
    position = record.position if isinstance(record.position, int) else None
    return told | {"position": position, "at": record.recorded_at, "hash": record.hash.hex() or None}


def _said(stored: Mapping[str, Any]) -> dict[str, Any]:
    return {field: stored[name] for field, name in SAID.items()}


def _document(record: Row[Any]) -> Any:
    """The bytes as a document; None where somebody who tampered with them left none."""
    try:
        return orjson.loads(record.canonical)
    except orjson.JSONDecodeError:
        return None


def persons_of(records: Iterable[Row[Any]]) -> set[str]:
    """Whose values are sealed in records."""
    return {subject for record in records for subject in subjects_in(_document(record))}


class VerdictView(Output):
    """Whether the chain is whole; else the first position at which it is not, and why."""

    valid: bool
    records: int
    head_position: int
    head_hash: str
    broken_at: int | None
    reason: str | None
    checkpoints: int
    anchored: int


class AuditKeyView(Output):
    """The public key of checkpoints: its 32 bytes in base64, and the form that C2SP tools take."""

    origin: str
    public_key: str
    verifier_key: str
