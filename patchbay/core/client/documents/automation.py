"""Documents of automation. Made by `make client` from the API document."""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypeAlias, TypedDict


class Approving(TypedDict):
    """The plan that was looked at."""

    hash: str


class Because(TypedDict):
    """Why."""

    reason: str


class ContactSet(TypedDict):
    """Where a team's mail goes."""

    addresses: list[str]


class Contact(TypedDict):
    """A team and its mail addresses."""

    id: str
    team: str
    addresses: list[str]
    recorded_at: str
    updated_at: str


class Desired(TypedDict):
    """What a supervisor shall see to."""

    replicas: int
    generation: int


class DesiredAnswer(TypedDict):
    """By name of the process."""

    desired: dict[str, Desired]


class Episode(TypedDict):
    """One series' episode under one rule."""

    id: str
    rule: str
    revision: str
    fingerprint: str
    labels: dict[str, str]
    state: str
    began_at: str
    fired_at: str | None
    ended_at: str | None
    value: float | None
    trace_id: str | None


class Plan(TypedDict):
    """What shall be done, in absolute values, and what became of it."""

    id: str | None
    tenant: str
    key: str
    hash: str
    rule: str
    revision: str
    fingerprint: str
    episode: str
    action: str
    state: str
    subject: dict[str, str]
    value: float | None
    targets: list[str]
    desired: dict[str, Any]
    observed: dict[str, Any]
    parameters: dict[str, Any]
    author: str
    approved_by: NotRequired[str | None]
    approved_at: NotRequired[str | None]
    recorded_at: NotRequired[str | None]
    started_at: NotRequired[str | None]
    finished_at: NotRequired[str | None]
    outcome: NotRequired[dict[str, Any] | None]
    trace_id: NotRequired[str | None]


class ProcessReport(TypedDict):
    """A process as its supervisor sees it."""

    name: str
    replicas: int
    generation: int
    healthy: bool
    max_replicas: NotRequired[int]


class ProcessReports(TypedDict):
    """Everything a supervisor runs."""

    processes: list[ProcessReport]


class Process(TypedDict):
    """A process, and what is wanted of it."""

    id: str
    name: str
    replicas: int
    generation: int
    healthy: bool
    max_replicas: int
    desired_replicas: int
    desired_generation: int
    reported_at: str


Quality: TypeAlias = Literal["ok", "error", "absent", "stale"]


class Rule(TypedDict):
    """A rule as it stands."""

    id: str
    name: str
    revision: str
    author: str
    document: dict[str, Any]
    recorded_at: str
    updated_at: str


class RulesStored(TypedDict):
    """What became of the rules of a document."""

    created: list[str]
    changed: list[str]
    unchanged: list[str]


class SampleInput(TypedDict):
    """The newest value of a series; `value` is null where it is absent. A score has the sign of its direction."""

    metric: str
    source: NotRequired[Literal["metric", "anomaly"]]
    value: NotRequired[float | None]
    at: str
    labels: NotRequired[dict[str, str]]
    quality: NotRequired[Quality]
    missing: NotRequired[int]
    trace_id: NotRequired[str | None]


class SigningKeySet(TypedDict):
    """A key to sign webhooks with; without `secret` one is made."""

    secret: NotRequired[str | None]


class SigningKeyStored(TypedDict):
    """A signing key as it was just stored."""

    id: str
    name: str
    recorded_at: str
    updated_at: str
    secret: str | None


class SigningKey(TypedDict):
    """A signing key, without what it signs with."""

    id: str
    name: str
    recorded_at: str
    updated_at: str


class SuppressionRecord(TypedDict):
    """The same as it is kept."""

    rule: str
    revision: str
    fingerprint: str
    episode: str
    action: str
    reason: str
    detail: str
    id: str
    recorded_at: str


class Suppression(TypedDict):
    """A firing that had no effect, and why."""

    rule: str
    revision: str
    fingerprint: str
    episode: str
    action: str
    reason: str
    detail: str


class Switch(TypedDict):
    """A kill switch that is on."""

    id: str
    scope: str
    reason: str
    set_by: str
    recorded_at: str


class TickInput(TypedDict):
    """A look at the world for all rules. The same id again gives the first answer."""

    id: str
    at: str
    samples: list[SampleInput]


class Transition(TypedDict):
    """A series' episode began (pending), fired, ended (dropped, resolved), or was lost from sight."""

    tenant: str
    rule: str
    revision: str
    fingerprint: str
    labels: dict[str, str]
    episode: str
    change: str
    at: str
    value: float | None
    trace_id: str | None


class DryRunInput(TypedDict):
    """What to try: by default the rules as they stand, over the samples of the last tick, now."""

    rules: NotRequired[str | None]
    samples: NotRequired[list[SampleInput] | None]
    at: NotRequired[str | None]


class Tick(TypedDict):
    """What a tick came to."""

    id: str | None
    at: str
    transitions: list[Transition]
    plans: list[Plan]
    suppressed: list[Suppression]
