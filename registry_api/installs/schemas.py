"""Targets and observations as posted and answered."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import ConfigDict, Field

from registry_api.catalog.schemas import PastTime, Short, Version
from registry_api.intake.documents import NOT_EMPTY, keep_faults
from registry_api.pagination import Some
from registry_api.schemas import Input, Name, Output, Timestamp
from registry_api.selecting import Included

Event = Literal["added", "removed", "updated", "present"]
Environment = Literal["dev", "staging", "production"]


class TargetDocument(Input):
    """A place plugins are installed on."""

    name: Name
    title: Name | None = None
    environment: Environment
    kind: Short = Field(description="What it is, such as jenkins-controller.")
    lifecycle: Literal["active", "retired"] = "active"


class TargetsBatch(Input):
    """Up to 1000 targets."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"targets": [{"name": "ci-1", "environment": "production", "kind": "jenkins-controller"}]}]
        }
    )

    targets: list[Annotated[TargetDocument, keep_faults(TargetDocument)]] = Field(
        max_length=1000, json_schema_extra=NOT_EMPTY
    )


class ObservationDocument(Input):
    """What someone saw on a target. It is a record of the past, never an order to install."""

    id: Short | None = Field(
        default=None, description="Unique id within its source; without one, equal content is the same observation."
    )
    target: Short = Field(description="Id or name.")
    plugin: Short = Field(description="Id or namespace:name.")
    event: Event = Field(description="present says it was seen there, without saying since when.")
    version: Version | None = None
    origin: Short | None = Field(default=None, description="Why it is there, such as base or extra.")
    source: Short = Field(description="Who observed it.")
    occurred_at: PastTime


class ObservationsBatch(Input):
    """Up to 5000 observations."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "observations": [
                        {
                            "target": "ci-1",
                            "plugin": "jenkins:git",
                            "event": "added",
                            "version": "5.2.1",
                            "source": "inventory",
                            "occurred_at": "2026-11-01T08:00:00Z",
                        }
                    ]
                }
            ]
        }
    )

    observations: list[Annotated[ObservationDocument, keep_faults(ObservationDocument)]] = Field(
        max_length=5000, json_schema_extra=NOT_EMPTY
    )


class TargetView(Output):
    """A target."""

    id: UUID
    tenant_id: UUID
    name: str
    title: str | None
    environment: str
    kind: str
    lifecycle: str
    recorded_at: Timestamp


class InstalledPlugin(Output):
    """A plugin as it was last seen on a target."""

    plugin_id: UUID
    ref: str
    version: str | None
    origin: str | None
    source: str
    event: str = Field(description="The last one seen: added, updated or present.")
    since: Timestamp = Field(description="When that event happened.")


class TargetRead(TargetView):
    """A target, with what was to be included."""

    installations: Annotated[Some[InstalledPlugin] | None, Included("installs:read")] = Field(
        default=None, description="By ref, the first hundred."
    )


class Installation(Output):
    """A target a plugin was last seen on."""

    target_id: UUID
    target: str
    environment: str
    version: str | None
    origin: str | None
    source: str
    event: str = Field(description="The last one seen: added, updated or present.")
    since: Timestamp = Field(description="When that event happened.")


class InstallQuestion(Input):
    """What somebody wants to install."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"plugin": "jenkins:git", "version": "5.2.1"}]})

    plugin: Short = Field(description="Id or namespace:name.")
    version: Version | None = Field(default=None, description="Without it, the newest that may be installed.")


class InstallAnswer(Output):
    """Whether it may be installed. Nothing is installed by asking."""

    allowed: bool
    version: str | None = Field(description="The one asked for, or the newest that may be installed.")
    reason: str | None = Field(description="Why not; null when it may.")
    instead: str | None = Field(description="When a certain one may not: the newest that may, if there is one.")
