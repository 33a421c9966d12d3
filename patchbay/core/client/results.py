"""Typed answers of the batch routes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Reject:
    """One refused row: its 0-based position in the batch, the field at fault, a stable code and the reason."""

    row_index: int
    field: str
    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class BatchResult:
    """How a batch was taken: received = accepted + duplicates + rejected. `rejects` holds the first 100 of them.

    `created`, `updated` and `unchanged` are None for streams without entities. `replayed` means that this key was
    answered before and nothing was done now.
    """

    batch_id: str
    stream: str
    received: int
    accepted: int
    duplicates: int
    rejected: int
    created: int | None
    updated: int | None
    unchanged: int | None
    replayed: bool
    rejects: tuple[Reject, ...]

    @classmethod
    def parse(cls, document: Mapping[str, Any]) -> "BatchResult":
        """The answer's JSON as a result; KeyError when it is no batch result."""
        counts = {
            name: document[name] for name in ("batch_id", "stream", "received", "accepted", "duplicates", "rejected")
        }
        changes: dict[str, Any] = {name: document.get(name) for name in ("created", "updated", "unchanged")}
        rejects = tuple(parse_reject(reject) for reject in document["rejects"])
        return cls(**counts, **changes, replayed=document["replayed"], rejects=rejects)


def parse_reject(document: Mapping[str, Any]) -> Reject:
    """One entry of a `rejects` list."""
    return Reject(document["row_index"], document["field"], document["code"], document["reason"])
