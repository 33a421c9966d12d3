"""Documents of intake. Made by `make client` from the API document."""

from __future__ import annotations

from typing import Any, TypedDict


class IntakeBatch(TypedDict):
    """One acknowledged batch."""

    id: str
    tenant_id: str
    stream: str
    batch_id: str
    received: int
    accepted: int
    duplicates: int
    rejected: int
    recorded_at: str
    answer: dict[str, Any]
