"""Where models are kept and what they say is published, as a resource."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from uuid import UUID

import dagster as dg

from patchbay.core.settings import Settings
from patchbay.core.storage import Storage, open_storage
from pipelines.resources.registry import service_token

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa


class InsightsClient(Protocol):
    """What learning and watching need of the registry's API."""

    def close(self) -> None:
        """Close the connections."""

    def publish_set(
        self,
        kind: str,
        rows: "pa.Table",
        *,
        model: str,
        model_version: str,
        data_until: str | None,
        card: "Mapping[str, Any]",
    ) -> UUID:
        """Put a whole set and make it the one that is read."""

    def active_set(self, kind: str) -> "dict[str, Any] | None":
        """The facts of the set that is read now; None before the first."""

    def risks(self, **filters: Any) -> Iterator[dict[str, Any]]:
        """Risks of plugins."""

    def counters(self, **filters: Any) -> Iterator[dict[str, Any]]:
        """Minute counters of usage."""

    def tick(self, id: "UUID | str", at: Any, samples: "Sequence[Mapping[str, Any]]") -> "dict[str, Any]":
        """Have the rules evaluated over the samples; the same id again gives the first answer."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One figure of a model with its 95 % interval beside a baseline's; None where there is no interval or no baseline."""

    model: str
    metric: str
    value: float
    low: float | None = None
    high: float | None = None
    baseline: str | None = None
    baseline_value: float | None = None


@dataclass(slots=True)
class LearnRecord:
    """What a run of learning came to: figures, rows of each kind of insight, and the anomalies of the past."""

    measured: list[Measured] = field(default_factory=list)
    rows: dict[str, int] = field(default_factory=dict)
    anomalies: int = 0
    incidents: int = 0
    series: int = 0


@dataclass(frozen=True, slots=True)
class InsightsRoom:
    """The registry's API, the store that keeps models, and the folder of what is published."""

    client: InsightsClient
    storage: Storage
    published: Path
    record: LearnRecord = field(default_factory=LearnRecord)
    tell: Callable[[str], None] = lambda _: None


Insights = dg.ResourceParam[InsightsRoom]
"""The annotation of an asset's `insights` parameter."""


def insights_of(
    settings: Settings, record: LearnRecord | None = None, tell: Callable[[str], None] = lambda _: None
) -> InsightsRoom:
    """The room of the registry that the settings name, with the service's token."""
    from patchbay.core.client import Client
    from warehouse.snapshots import FOLDER

    client: Any = Client(settings.api_url, service_token(settings))
    return InsightsRoom(client, open_storage(settings), settings.root / FOLDER, record or LearnRecord(), tell)


def insights_resource(room: InsightsRoom | None = None) -> dg.ResourceDefinition:
    """The given room, by default that of the environment in which the run starts."""

    @dg.resource(description="Models at rest, and the registry's insights and rules.")
    def insights(_: dg.InitResourceContext) -> Iterator[InsightsRoom]:
        if room is not None:
            yield room
            return
        opened = insights_of(Settings())
        try:
            yield opened
        finally:
            opened.client.close()

    return insights
