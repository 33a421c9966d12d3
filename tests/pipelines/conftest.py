"""A recorded world and its first build."""

import shutil
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

import pytest

from patchbay.core.settings import Settings
from patchbay.core.storage import LocalStorage
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

    @property
    def access(self) -> RegistryOf:
        return RegistryOf(self.registry, self.registry.storage)

    def build(self) -> BuildSummary:
        return build(self.settings, registry=self.access)

    def copied_to(self, home: Path) -> "World":
        """The same world with a state folder of its own."""
        shutil.copytree(self.settings.home, home)
        registry = deepcopy(self.registry)
        registry.storage = LocalStorage(home)
        return World(registry, Settings(home=home), self.first)


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A world of four days, built once. Read only."""
    home = tmp_path_factory.mktemp("world")
    registry = sample_registry(home, days=4)
    settings = Settings(home=home)
    return World(registry, settings, build(settings, registry=RegistryOf(registry, registry.storage)))


@pytest.fixture
def own_world(world: World, tmp_path: Path) -> World:
    """A copy of the built world to change."""
    return world.copied_to(tmp_path / "home")
