"""Documents of installs. Made by `make client` from the API document."""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict


class InstallAnswer(TypedDict):
    """Whether it may be installed. Nothing is installed by asking."""

    allowed: bool
    version: str | None
    reason: str | None
    instead: str | None


class InstallQuestion(TypedDict):
    """What somebody wants to install."""

    plugin: str
    version: NotRequired[str | None]


class Installation(TypedDict):
    """A target a plugin was last seen on."""

    target_id: str
    target: str
    environment: str
    version: str | None
    origin: str | None
    source: str
    event: str
    since: str


class InstalledPlugin(TypedDict):
    """A plugin as it was last seen on a target."""

    plugin_id: str
    ref: str
    version: str | None
    origin: str | None
    source: str
    event: str
    since: str


class ObservationDocument(TypedDict):
    """What someone saw on a target. It is a record of the past, never an order to install."""

    id: NotRequired[str | None]
    target: str
    plugin: str
    event: Literal["added", "removed", "updated", "present"]
    version: NotRequired[str | None]
    origin: NotRequired[str | None]
    source: str
    occurred_at: str


class ObservationsBatch(TypedDict):
    """Up to 5000 observations."""

    observations: list[ObservationDocument]


class SomeInstalledPlugin(TypedDict):
    """The first of a list, in another thing's answer."""

    items: list[InstalledPlugin]
    more: str | None


class TargetDocument(TypedDict):
    """A place plugins are installed on."""

    name: str
    title: NotRequired[str | None]
    environment: Literal["dev", "staging", "production"]
    kind: str
    lifecycle: NotRequired[Literal["active", "retired"]]


class TargetRead(TypedDict):
    """A target, with what was to be included."""

    id: str
    tenant_id: str
    name: str
    title: str | None
    environment: str
    kind: str
    lifecycle: str
    recorded_at: str
    installations: NotRequired[SomeInstalledPlugin | None]


class Target(TypedDict):
    """A target."""

    id: str
    tenant_id: str
    name: str
    title: str | None
    environment: str
    kind: str
    lifecycle: str
    recorded_at: str


class TargetsBatch(TypedDict):
    """Up to 1000 targets."""

    targets: list[TargetDocument]
