"""A world meets the real registry, over HTTP."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from patchbay.core.client import Client
from patchbay.world.simulate import Summary, run
from patchbay.world.world import build_world
from tests.world.conftest import SMALL
from tests.world.serving import serving


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A platform administrator's client of a fresh registry in a process of its own."""
    with serving(tmp_path_factory.mktemp("registry")) as registry, registry.client() as connected:
        yield connected


@pytest.fixture(scope="module")
def summary(client: Client) -> Summary:
    """How the registry took a small world."""
    return run(SMALL, client)


def test_a_real_registry_takes_the_whole_world(client: Client, summary: Summary) -> None:
    assert summary.as_expected
    counts = client.status()["counts"]
    assert counts["plugins"] == summary.plugins
    assert counts["releases"] == summary.releases
    assert counts["targets"] == summary.targets
    assert counts["observations"] == summary.observations
    assert counts["usage_rows"] == summary.events_accepted


def test_a_second_run_is_known_again_and_changes_nothing(client: Client, summary: Summary) -> None:
    counts = client.status()["counts"]
    again = run(SMALL, client)
    assert again.replayed_batches == again.usage_batches
    assert replace(again, replayed_batches=0, seconds=0.0) == replace(summary, seconds=0.0)
    assert client.status()["counts"] == counts


def test_each_deliberate_reject_names_the_field_at_fault(client: Client, summary: Summary) -> None:
    tenant = build_world(SMALL).society.tenants.slugs[0]
    rejects = list(client.acting_in(tenant).rejects(f"world-{SMALL.key}-{tenant}-0000"))
    assert len(rejects) == summary.expected_rejects
    assert {reject.field for reject in rejects} == {"plugin", "at"}


def test_what_the_registry_says_is_installed_is_what_runs_at_the_end(client: Client, summary: Summary) -> None:
    society = build_world(SMALL).society
    assert summary.targets == len(society.targets)
    for target in society.targets.of(0).tolist():
        acting = client.acting_in(society.tenants.slugs[0])
        observed = list(acting.target_installations(society.targets.name[target]))
        assert len(observed) == ((society.installs.stop > SMALL.end_us) & (society.target == target)).sum()
