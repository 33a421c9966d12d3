"""Engines and the sample world."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from patchbay.core.settings import Settings
from tests.warehouse.recorded import RecordedRegistry
from tests.warehouse.sample import build_everything, sample_registry, sample_snapshot
from warehouse.engines.duckdb import DuckDBEngine
from warehouse.session import open_session


@pytest.fixture
def engine() -> Iterator[DuckDBEngine]:
    """An empty warehouse in memory."""
    opened = DuckDBEngine()
    yield opened
    opened.close()


@pytest.fixture
def registry(tmp_path: Path) -> RecordedRegistry:
    """An empty recorded registry."""
    return RecordedRegistry(tmp_path)


@pytest.fixture(scope="session")
def sample_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample world, built and published. Read only."""
    home = tmp_path_factory.mktemp("sample")
    sample_snapshot(home)
    return home


@pytest.fixture(scope="session")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, RecordedRegistry]:
    """A small world, built and judged, not yet published. Read only, the registry too: copy it to record more."""
    home = tmp_path_factory.mktemp("pristine")
    registry = sample_registry(home, days=3)
    with open_session(Settings(home=home)) as session:
        build_everything(session, registry)
    return home, registry


@pytest.fixture
def home(pristine: tuple[Path, RecordedRegistry], tmp_path: Path) -> Path:
    """A copy of the built world."""
    shutil.copytree(pristine[0], tmp_path / "home")
    return tmp_path / "home"
