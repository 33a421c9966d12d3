"""Documents of several parts. Made by `make client` from the API document."""

from __future__ import annotations

from typing import Any, NotRequired, TypedDict


class ProblemError(TypedDict):
    """One fault in the input."""

    pointer: str
    code: str
    detail: str


class Progress(TypedDict):
    """How far a job is."""

    done: int
    of: int | None
    what: str


class RiskFactor(TypedDict):
    """What makes up a risk."""

    name: str
    probability: NotRequired[float | None]
    weight: NotRequired[float | None]
    reason: NotRequired[str | None]
    fix: NotRequired[str | None]


class Risk(TypedDict):
    """The risk of a plugin: four things that are never mixed, and what they come from."""

    plugin_id: str
    plugin: str
    tenant_id: str | None
    score: float
    band: str
    probability: float | None
    impact: float | None
    confidence: float | None
    compliance: str | None
    floor: str | None
    factors: list[RiskFactor]


class Job(TypedDict):
    """A job."""

    id: str
    tenant_id: str
    kind: str
    payload: dict[str, Any]
    state: str
    dedup_key: str | None
    attempts: int
    max_attempts: int
    give_up_at: str | None
    run_at: str
    recorded_at: str
    started_at: str | None
    finished_at: str | None
    last_error: str | None
    progress: Progress | None
    result: dict[str, Any] | None
    trace_id: str | None


class ProblemDocument(TypedDict):
    """An RFC 9457 problem, as every error is answered."""

    type: str
    title: str
    status: int
    detail: str
    request_id: str
    errors: list[ProblemError]
