"""Documents of jobs. Made by `make client` from the API document."""

from __future__ import annotations

from typing import Any, NotRequired, TypedDict


class NewJob(TypedDict):
    """A job to run; kinds are those the registry allows callers to ask for."""

    kind: str
    payload: NotRequired[dict[str, Any]]
    dedup_key: NotRequired[str | None]
