"""A generated world, learnt from once."""

from collections.abc import Iterator

import pytest

from tests.pipelines.generated import Generated, generated


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Generated]:
    """Forty plugins, four tenants, three weeks. Learning again is allowed: it must change nothing."""
    with generated(tmp_path_factory.mktemp("small")) as made:
        yield made
