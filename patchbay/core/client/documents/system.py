"""Documents of system. Made by `make client` from the API document."""

from __future__ import annotations

from typing import TypedDict


class FeedState(TypedDict):
    """How far the feeds have come."""

    head_seq: int


class Health(TypedDict):
    """The process answers."""

    status: str


class ProblemPage(TypedDict):
    """What a problem means."""

    type: str
    code: str
    title: str
    status: int
    when: str
    fix: str


class Status(TypedDict):
    """The state of the whole registry, over all tenants."""

    version: str
    database: str
    migration: str | None
    storage: str
    jobs: dict[str, int]
    feeds: FeedState
    counts: dict[str, int]
