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


class Progress(Output):
    """How far a job is."""

    done: int
    of: int | None = Field(description="Null where it is not known how many there are.")
    what: str = Field(description="What is counted.")


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
    give_up_at: Timestamp | None = Field(description="When failures are no longer tried again; null: see max_attempts.")
    run_at: Timestamp = Field(description="Not before this time.")
    recorded_at: Timestamp
    started_at: Timestamp | None
    finished_at: Timestamp | None
    last_error: str | None
    progress: Progress | None = Field(description="Null for kinds that do not count.")
    result: dict[str, Any] | None
    trace_id: str | None = Field(description="Of what asked for it.")
