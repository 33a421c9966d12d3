"""A recorded world and its first build."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from patchbay.core.settings import Settings
from pipelines.resources.registry import RegistryOf
from pipelines.run import BuildSummary, build
from tests.warehouse.recorded import RecordedRegistry
from tests.warehouse.sample import sample_registry


@dataclass(frozen=True)
class World:
    """A registry, its state folder, and what its first build said."""

    registry: RecordedRegistry
    settings: Settings
    first: BuildSummary

    def build(self) -> BuildSummary:
        return build(self.settings, registry=RegistryOf(self.registry, self.registry.storage))


def make_world(home: Path, days: int = 4) -> World:
    registry = sample_registry(home, days=days)
    settings = Settings(home=home)
    return World(registry, settings, build(settings, registry=RegistryOf(registry, registry.storage)))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A world of four days, built once."""
    return make_world(tmp_path_factory.mktemp("world"))
