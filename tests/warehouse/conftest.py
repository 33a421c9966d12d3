"""Engines and the sample world."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.warehouse.recorded import RecordedRegistry
from tests.warehouse.sample import sample_snapshot
from warehouse.engines.duckdb import DuckDBEngine


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
