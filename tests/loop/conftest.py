"""A registry filled with the real Jenkins registry, built and published once for all tests of the loop."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.loop.support import Patchbay


@pytest.fixture(scope="session")
def jenkins(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Patchbay]:
    """API and dashboards serving the Jenkins registry and its controllers."""
    patchbay = Patchbay(tmp_path_factory.mktemp("jenkins"))
    patchbay.command("demo", "--no-serve", "--source", "jenkins", "--data", str(shared_data))
    with patchbay.serving("api", "dashboards"):
        yield patchbay
