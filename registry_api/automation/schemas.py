"""What the routes of automation take and answer."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import ConfigDict, Field, StringConstraints

from patchbay.automation.conditions import Quality, Sample
from registry_api.schemas import Count, Figure, Flag, Input, Moment, Output, Timestamp, Whole, Word

MOST_SAMPLES = 20_000
Label = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Trace = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
_SAMPLE: dict[str, Any] = {
    "metric": "uses_per_minute",
    "source": "anomaly",
    "value": 0.999,
    "at": "2026-11-24T10:15:00Z",
    "labels": {"tenant": "019a7d2c-0000-7000-8000-000000000001"},
    "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
}


class SampleInput(Input):
    """The newest value of a series; `value` is null where it is absent. A score has the sign of its direction."""

    metric: Label
    source: Literal["metric", "anomaly"] = "metric"
    value: Figure | None = None
    at: Moment
    labels: dict[Label, Label] = Field(default={}, max_length=20)
    quality: Quality = Quality.OK
    missing: Count = Field(default=0, description="Replicas that did not report into an average.")
    trace_id: Trace | None = Field(default=None, description="Trace of what came in last for the series.")

    def sample(self) -> Sample:
        """As rules are told it."""
        return Sample(self.metric, self.value, self.at, self.labels, self.quality, self.source, self.missing)


class TickInput(Input):
    """A look at the world for all rules. The same id again gives the first answer."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "019a7d2c-0000-7000-8000-000000000007",
                    "at": "2026-11-24T10:15:30Z",
                    "samples": [_SAMPLE],
                }
            ]
        }
    )

    id: UUID
    at: Moment
    samples: list[SampleInput] = Field(max_length=MOST_SAMPLES)


class DryRunInput(Input):
    """What to try: by default the rules as they stand, over the samples of the last tick, now."""

    model_config = ConfigDict(json_schema_extra={"examples": [{}, {"samples": [_SAMPLE]}]})

    rules: str | None = Field(default=None, description="YAML of rules to try instead of those that stand.")
    samples: list[SampleInput] | None = Field(default=None, max_length=MOST_SAMPLES)
    at: Moment | None = None


class TransitionView(Output):
    """A series' episode began (pending), fired, ended (dropped, resolved), or was lost from sight."""

    tenant: str
    rule: str
    revision: str
    fingerprint: str
    labels: dict[str, str]
    episode: Timestamp
    change: str
    at: Timestamp
    value: float | None
    trace_id: str | None


class PlanView(Output):
    """What shall be done, in absolute values, and what became of it."""

    id: UUID | None = Field(description="Null in a dry run.")
    tenant: str = Field(description="Whose rule it is.")
    key: str = Field(description="Effects happen at most once per key.")
    hash: str = Field(description="What an approval binds to.")
    rule: str
    revision: str
    fingerprint: str
    episode: Timestamp
    action: str
    state: str = Field(description="waiting, planned, running, done, failed, stopped, stale or dry_run.")
    subject: dict[str, str]
    value: float | None
    targets: list[str]
    desired: dict[str, Any]
    observed: dict[str, Any]
    parameters: dict[str, Any]
    author: str
    approved_by: str | None = None
    approved_at: Timestamp | None = None
    recorded_at: Timestamp | None = None
    started_at: Timestamp | None = None
    finished_at: Timestamp | None = None
    outcome: dict[str, Any] | None = None
    trace_id: str | None = None


class SuppressionView(Output):
    """A firing that had no effect, and why."""

    rule: str
    revision: str
    fingerprint: str
    episode: Timestamp
    action: str
    reason: str
    detail: str


class SuppressionRecord(SuppressionView):
    """The same as it is kept."""

    id: UUID
    recorded_at: Timestamp


class TickView(Output):
    """What a tick came to."""

    id: UUID | None
    at: Timestamp
    transitions: list[TransitionView]
    plans: list[PlanView]
    suppressed: list[SuppressionView]


class RuleView(Output):
    """A rule as it stands."""

    id: UUID
    name: str
    revision: str
    author: str
    document: dict[str, Any]
    recorded_at: Timestamp
    updated_at: Timestamp


class RulesStored(Output):
    """What became of the rules of a document."""

    created: list[str]
    changed: list[str]
    unchanged: list[str]


class EpisodeView(Output):
    """One series' episode under one rule."""

    id: UUID
    rule: str
    revision: str
    fingerprint: str
    labels: dict[str, str]
    state: str = Field(description="pending, firing, resolved, dropped or lost.")
    began_at: Timestamp
    fired_at: Timestamp | None
    ended_at: Timestamp | None
    value: float | None
    trace_id: str | None


class Approving(Input):
    """The plan that was looked at."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"hash": "a" * 64}]})

    hash: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class Because(Input):
    """Why."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "Maintenance until noon"}]})

    reason: Word


class SwitchView(Output):
    """A kill switch that is on."""

    id: UUID
    scope: str
    reason: str
    set_by: str
    recorded_at: Timestamp


class ProcessReport(Input):
    """A process as its supervisor sees it."""

    name: Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
    replicas: Whole = Field(ge=0, le=1000)
    generation: Whole = Field(ge=0, le=2**31 - 1, description="How often it was started.")
    healthy: Flag
    max_replicas: Whole = Field(default=1, ge=1, le=1000)


class ProcessReports(Input):
    """Everything a supervisor runs."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"processes": [{"name": "api", "replicas": 1, "generation": 3, "healthy": True}]}]
        }
    )

    processes: list[ProcessReport] = Field(max_length=100)


class Desired(Output):
    """What a supervisor shall see to."""

    replicas: int
    generation: int


class DesiredAnswer(Output):
    """By name of the process."""

    desired: dict[str, Desired]


class ProcessView(Output):
    """A process, and what is wanted of it."""

    id: UUID
    name: str
    replicas: int
    generation: int
    healthy: bool
    max_replicas: int
    desired_replicas: int
    desired_generation: int
    reported_at: Timestamp


def moment(value: Any) -> datetime:
    """A time as JSON keeps it."""
    return value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
