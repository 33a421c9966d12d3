"""Documents of usage. Made by `make client` from the API document."""

from __future__ import annotations

from typing import TypedDict


class MinuteCount(TypedDict):
    """Usage of one plugin release, of one type, in one UTC minute."""

    tenant_id: str
    minute: str
    plugin_id: str | None
    release_id: str | None
    type: str
    events: int
    quantity: int
    errors: int
    duration_ms_sum: float
    duration_ms_count: int
    trace_id: str | None
