"""A generated world in a real registry, built: what learning and watching are tested on."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from patchbay.core.client import Client
from patchbay.core.settings import Settings
from patchbay.world.config import WorldConfig
from patchbay.world.simulate import run
from pipelines.resources.insights import InsightsRoom, insights_of
from pipelines.run import LearnSummary, build, learn
from tests.pipelines.registry import client, serving
from warehouse.read import Snapshot, SnapshotReader

SMALL = WorldConfig(plugins=40, tenants=4, days=21, seed=5, events=80_000, batch_rows=20_000)


@dataclass(frozen=True)
class Generated:
    """A registry that runs, its warehouse, and what the first learning came to."""

    settings: Settings
    admin: Client
    room: InsightsRoom
    service: Client
    first: LearnSummary

    def learn(self) -> LearnSummary:
        return learn(self.settings, registry=self.room)

    def rows(self, kind: str) -> list[dict[str, Any]]:
        """What the registry answers of a kind to the service, which sees every tenant."""
        reads: dict[str, Callable[[], Iterator[dict[str, Any]]]] = {
            "recommendations": self._recommendations,
            "similar": self._similar,
            "risk": self.service.risks,
            "anomalies": self.service.anomalies,
            "forecasts": self.service.forecasts,
        }
        return list(reads[kind]())

    def acting_in(self, slug: str) -> Client:
        """The administrator in a tenant."""
        return self.admin.acting_in(slug)

    def _recommendations(self) -> Iterator[dict[str, Any]]:
        for target, tenant in (
            self.snapshot().query("SELECT target_id, tenant_id FROM dim_target ORDER BY 1").iter_rows()
        ):
            yield from (
                {**row, "target_id": target, "tenant_id": tenant} for row in self.service.recommendations(target)
            )

    def _similar(self) -> Iterator[dict[str, Any]]:
        for (plugin,) in self.snapshot().query("SELECT plugin_id FROM dim_plugin ORDER BY 1").iter_rows():
            yield from ({**row, "of": plugin} for row in self.service.similar(plugin))

    def snapshot(self) -> Snapshot:
        """Everything that was published, as the operator sees it."""
        tenants = {row["slug"]: row["id"] for row in self.admin.pages("/v1/tenants")}
        return SnapshotReader(self.settings).open(tenants["operator"])


@contextmanager
def generated(home: Path) -> Iterator[Generated]:
    """The small world, filled, built and learnt from once."""
    with serving(home) as settings, client(settings) as admin:
        assert run(SMALL, admin, truth_path=home / "truth.json").as_expected
        assert build(settings).success
        room = insights_of(settings)
        with client(settings, "service") as service:
            yield Generated(settings, admin, room, service, learn(settings, registry=room))
