"""What the job routes take and answer."""

from typing import Any
from uuid import UUID

from pydantic import ConfigDict, Field

from registry_api.schemas import Input, Output, Timestamp, Word


class NewJob(Input):
    """A job to run; kinds are those the registry allows callers to ask for."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"kind": "usage.compact", "payload": {}}]})

    kind: Word = Field(max_length=100)
    payload: dict[str, Any] = Field(default_factory=dict)
    dedup_key: Word | None = Field(
        default=None,
        description="While an open job of this kind has the key, that one is answered.",
    )


class JobView(Output):
    """A job."""

    id: UUID
    tenant_id: UUID
    kind: str
    payload: dict[str, Any]
    state: str = Field(description="queued, running, succeeded, dead or cancelled.")
    dedup_key: str | None
    attempts: int
    max_attempts: int
    run_at: Timestamp = Field(description="Not before this time.")
    recorded_at: Timestamp
    started_at: Timestamp | None
    finished_at: Timestamp | None
    last_error: str | None
    result: dict[str, Any] | None
