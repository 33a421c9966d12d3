"""Documents of audit. Made by `make client` from the API document."""

from __future__ import annotations

from typing import Any, TypedDict


class AuditKey(TypedDict):
    """The public key of checkpoints: its 32 bytes in base64, and the form that C2SP tools take."""

    origin: str
    public_key: str
    verifier_key: str


class Audit(TypedDict):
    """
    One record, read from the bytes that were hashed. `patch` is a JSON Patch (RFC 6902) whose operations keep the
    old value as `was`. Personal values whose key was shredded are answered as `(erased)`.
    """

    id: str
    position: int
    at: str
    actor: str
    action: str
    subject: str
    change: dict[str, Any]
    patch: list[dict[str, Any]]
    token_id: str | None
    acting_for: str | None
    address: str | None
    request_id: str | None
    trace_id: str | None
    hash: str


class Verdict(TypedDict):
    """Whether the chain is whole; else the first position at which it is not, and why."""

    valid: bool
    records: int
    head_position: int
    head_hash: str
    broken_at: int | None
    reason: str | None
    checkpoints: int
    anchored: int
