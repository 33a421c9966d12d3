"""What batch routes answer, and the ledger as read back."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

SHOWN_REJECTS = 100


class RejectedRow(BaseModel):
    """One refused row."""

    row_index: int = Field(description="0-based position in the batch.")
    field: str = Field(description="Column or JSON Pointer at fault; empty for the whole row.")
    code: str = Field(description="Stable reason code, such as unknown_plugin.")
    reason: str = Field(description="What is wrong and how to mend it.")


class StoredReject(RejectedRow):
    """One refused row as kept, with what was received."""

    row: str | None = Field(
        description="The row as received, JSON, cut at 500 characters, without its person id; null for what is no JSON object."
    )


class BatchResult(BaseModel):
    """What became of a batch; received = accepted + duplicates + rejected."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "batch_id": "2026-11-23T10:00/controller-7",
                "stream": "usage",
                "received": 3,
                "accepted": 2,
                "duplicates": 0,
                "rejected": 1,
                "replayed": False,
                "rejects": [
                    {
                        "row_index": 1,
                        "field": "plugin",
                        "code": "unknown_plugin",
                        "reason": "There is no plugin 'jenkins:gti'.",
                    }
                ],
            }
        }
    )

    batch_id: str
    stream: str
    received: int
    accepted: int
    duplicates: int
    rejected: int
    created: int | None = None
    updated: int | None = None
    unchanged: int | None = None
    replayed: bool = Field(
        default=False, description="True when this batch id was acknowledged before and nothing was done now."
    )
    rejects: list[RejectedRow] = Field(
        default=[], description=f"The first {SHOWN_REJECTS}; the rest under /v1/intake/batches."
    )


class IntakeBatchOut(BaseModel):
    """One acknowledged batch."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    tenant_id: UUID
    stream: str
    batch_id: str
    received: int
    accepted: int
    duplicates: int
    rejected: int
    recorded_at: datetime
    answer: Annotated[dict[str, Any], Field(description="The answer as it was given.")]


REPLAYED: dict[int | str, dict[str, Any]] = {
    200: {"model": BatchResult, "description": "The key is known; its first answer."}
}
"""The second answer of routes that take batches."""
