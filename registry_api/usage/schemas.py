"""Minute counters as answered."""

from uuid import UUID

from pydantic import Field, field_validator

from registry_api.schemas import Output, Timestamp
from registry_api.usage.models import NO_ID


class MinuteCount(Output):
    """Usage of one plugin release, of one type, in one UTC minute."""

    tenant_id: UUID
    minute: Timestamp
    plugin_id: UUID | None
    release_id: UUID | None = Field(description="Null when the version is unknown or unstated.")
    type: str
    events: int = Field(description="Rows.")
    quantity: int = Field(description="Like uses the rows stand for.")
    errors: int = Field(description="Rows of type error or with outcome error.")
    duration_ms_sum: float = Field(description="Milliseconds.")
    duration_ms_count: int = Field(description="Rows that had a duration.")
    trace_id: str | None = Field(description="Trace of the last batch that added to it.")

    @field_validator("plugin_id", "release_id")
    @classmethod
    def _none_for_no_id(cls, value: UUID | None) -> UUID | None:
        return None if value == NO_ID else value
