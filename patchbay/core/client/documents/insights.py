"""Documents of insights. Made by `make client` from the API document."""

from __future__ import annotations

from typing import Any, NotRequired, TypedDict


class Anomaly(TypedDict):
    """Something out of the ordinary."""

    anomaly_id: str
    series: str
    kind: str
    tenant_id: str | None
    plugin_id: str | None
    plugin: str | None
    release_id: str | None
    started_at: str
    ended_at: str | None
    observed: float
    expected_low: float
    expected_high: float
    score: float
    contributors: list[Any]


class Forecast(TypedDict):
    """What is expected of a series on a day."""

    series: str
    tenant_id: str | None
    plugin_id: str | None
    plugin: str | None
    day: str
    value: float
    low: float
    high: float


class InsightSet(TypedDict):
    """A set that is kept."""

    id: str
    kind: str
    model: str
    model_version: str
    data_until: str | None
    rows: int
    digest: str | None
    complete: bool
    active: bool
    withdrawn: bool
    recorded_at: str
    activated_at: str | None
    card: dict[str, Any]


class Recommendation(TypedDict):
    """A plugin recommended to a target."""

    rank: int
    plugin_id: str
    plugin: str
    score: float
    reason: str
    because_plugin_id: str | None
    because_plugin: str | None
    model: str


class SetFacts(TypedDict):
    """What a set says of itself before its rows come."""

    model: str
    model_version: str
    data_until: NotRequired[str | None]
    rows: int
    digest: NotRequired[str | None]
    card: NotRequired[dict[str, Any]]


class Similar(TypedDict):
    """A plugin that is like the one asked about."""

    rank: int
    plugin_id: str
    plugin: str
    score: float
