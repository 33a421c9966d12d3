"""Insights as they cross the wire."""

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import ConfigDict, Field, StringConstraints

from registry_api.intake.columnar.parsed import MOST_ROWS
from registry_api.schemas import Input, Moment, Output, Timestamp, Whole, Word

Kind = Literal["recommendations", "similar", "risk", "anomalies", "live_anomalies", "forecasts"]
Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class SetFacts(Input):
    """What a set says of itself before its rows come."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"model": "risk", "model_version": "2026-11-23", "rows": 1200}]}
    )

    model: Word
    model_version: Word
    data_until: Moment | None = Field(default=None, description="Until when the model knew the world.")
    rows: Whole = Field(ge=0, le=MOST_ROWS, description="How many rows will come.")
    digest: Digest | None = Field(default=None, description="SHA-256 of the unpacked body of the rows, if it is known.")
    card: dict[str, Any] = Field(default={}, description="The model card: protocol, metrics, limits.")


class InsightSetView(Output):
    """A set that is kept."""

    id: UUID
    kind: str
    model: str
    model_version: str
    data_until: Timestamp | None
    rows: int
    digest: str | None
    complete: bool = Field(description="Whether all its rows have come.")
    active: bool = Field(description="Whether it is the one that is read.")
    withdrawn: bool = Field(description="Whether it was rolled back.")
    recorded_at: Timestamp
    activated_at: Timestamp | None
    card: dict[str, Any]


class RecommendationView(Output):
    """A plugin recommended to a target."""

    rank: int
    plugin_id: UUID
    plugin: str
    score: float
    reason: str
    because_plugin_id: UUID | None
    because_plugin: str | None
    model: str


class SimilarView(Output):
    """A plugin that is like the one asked about."""

    rank: int
    plugin_id: UUID
    plugin: str
    score: float


class RiskFactor(Output):
    """What makes up a risk."""

    name: str
    probability: float | None = None
    weight: float | None = None
    reason: str | None = None
    fix: str | None = None


class RiskView(Output):
    """The risk of a plugin: four things that are never mixed, and what they come from."""

    plugin_id: UUID
    plugin: str
    tenant_id: UUID | None = Field(description="Null: for everybody; else with that tenant's own impact.")
    score: float = Field(description="0 to 100.")
    band: str
    probability: float | None
    impact: float | None
    confidence: float | None
    compliance: str | None
    floor: str | None
    factors: list[RiskFactor]


class AnomalyView(Output):
    """Something out of the ordinary."""

    anomaly_id: str
    series: str
    kind: str
    tenant_id: UUID | None
    plugin_id: UUID | None
    plugin: str | None
    release_id: UUID | None
    started_at: Timestamp
    ended_at: Timestamp | None
    observed: float
    expected_low: float
    expected_high: float
    score: float
    contributors: list[Any]


class ForecastView(Output):
    """What is expected of a series on a day."""

    series: str
    tenant_id: UUID | None
    plugin_id: UUID | None
    plugin: str | None
    day: str
    value: float
    low: float
    high: float
