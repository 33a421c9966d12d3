"""The sensor: new usage starts one build of its days."""

import json
from pathlib import Path

import dagster as dg
import pytest

from pipelines.conditions import CHANGED_ONLY
from pipelines.definitions import definitions, defs
from pipelines.defs.raw.sensors import new_segments
from pipelines.instance import open_instance
from pipelines.resources.registry import RegistryOf, registry_resource
from pipelines.resources.warehouse import warehouse_resource
from tests.pipelines.conftest import World
from tests.warehouse.recorded import RecordedRegistry
from tests.warehouse.sample import ACME, add_usage, sample_registry


def tick(
    registry: RecordedRegistry, cursor: str | None = None, instance: dg.DagsterInstance | None = None
) -> dg.SensorResult | dg.SkipReason:
    with instance or dg.DagsterInstance.ephemeral() as used:
        access = RegistryOf(registry, registry.storage)
        result = new_segments(dg.build_sensor_context(used, cursor=cursor, resources={"registry": access}))
    assert isinstance(result, dg.SensorResult | dg.SkipReason)
    return result


def asked(result: dg.SensorResult | dg.SkipReason) -> dg.RunRequest:
    assert isinstance(result, dg.SensorResult), result
    [request] = result.run_requests or []
    return request


def cursor_of(result: dg.SensorResult | dg.SkipReason, *, minutes_ago: float = 0) -> str:
    """The cursor a tick left, as if it had been left some time ago."""
    assert isinstance(result, dg.SensorResult) and result.cursor
    left = json.loads(result.cursor)
    return json.dumps({**left, "at": left["at"] - 60 * minutes_ago})


@pytest.fixture
def unpublished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RecordedRegistry:
    monkeypatch.setenv("PATCHBAY_HOME", str(tmp_path))
    return sample_registry(tmp_path, days=3)


def test_new_segments_ask_for_one_run_over_their_days(unpublished: RecordedRegistry) -> None:
    request = asked(tick(unpublished))
    assert request.run_key == f"segments-{unpublished.rows['segments'][-1]['seq']}-0"
    assert request.tags["dagster/asset_partition_range_start"] == "2026-03-01"
    assert request.tags["dagster/asset_partition_range_end"] == "2026-03-03"
    assert request.tags[CHANGED_ONLY] == "true"


def test_what_was_asked_for_and_not_published_is_asked_for_again_with_what_came_since(
    unpublished: RecordedRegistry,
) -> None:
    first = tick(unpublished)
    add_usage(unpublished, 9, 1)
    request = asked(tick(unpublished, cursor_of(first)))
    assert request.tags["dagster/asset_partition_range_start"] == "2026-03-01"
    assert request.tags["dagster/asset_partition_range_end"] == "2026-03-10"


def test_a_build_that_published_nothing_is_tried_again_after_a_wait_that_grows(unpublished: RecordedRegistry) -> None:
    first = tick(unpublished)
    assert isinstance(tick(unpublished, cursor_of(first)), dg.SkipReason)
    second = tick(unpublished, cursor_of(first, minutes_ago=3))
    assert asked(second).run_key == (asked(first).run_key or "").removesuffix("0") + "1"
    assert isinstance(tick(unpublished, cursor_of(second, minutes_ago=3)), dg.SkipReason)
    assert asked(tick(unpublished, cursor_of(second, minutes_ago=5)))


def test_nothing_is_asked_for_while_a_build_is_under_way(unpublished: RecordedRegistry) -> None:
    job = defs.resolve_job_def("build_warehouse")
    with dg.DagsterInstance.ephemeral() as instance:
        instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED)
        assert isinstance(tick(unpublished, instance=instance), dg.SkipReason)


def test_a_look_that_is_repeated_has_the_same_run_key(unpublished: RecordedRegistry) -> None:
    """Dagster starts nothing for a key it has seen, so a daemon killed between the look and the cursor doubles nothing."""
    assert asked(tick(unpublished)).run_key == asked(tick(unpublished)).run_key


def test_what_is_published_already_is_not_asked_for(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATCHBAY_HOME", str(world.settings.home))
    assert isinstance(tick(world.registry), dg.SkipReason)


@pytest.mark.parametrize("lost", ["the warehouse", "the end of the registry"])
def test_everything_is_asked_for_when_the_publication_outlived_what_it_was_made_from(
    own_world: World, monkeypatch: pytest.MonkeyPatch, lost: str
) -> None:
    monkeypatch.setenv("PATCHBAY_HOME", str(own_world.settings.home))
    registry = own_world.registry
    if lost == "the warehouse":
        (own_world.settings.home / "warehouse" / "warehouse.duckdb").unlink()
        days = ("2026-03-01", "2026-03-04")
    else:
        kept = registry.rows["segments"][3]["seq"]
        registry.rows = {feed: [row for row in rows if row["seq"] <= kept] for feed, rows in registry.rows.items()}
        registry.seq = kept
        days = ("2026-03-01", "2026-03-02")
    tags = asked(tick(registry)).tags
    assert (tags["dagster/asset_partition_range_start"], tags["dagster/asset_partition_range_end"]) == days


def test_statistics_alone_ask_for_a_run_of_today(own_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATCHBAY_HOME", str(own_world.settings.home))
    row = {"tenant_id": ACME, "plugin_id": "p", "grain": "month", "metric": "installs", "source": "s", "count": 1}
    own_world.registry.segment("more", ACME, [row], stream="statistics")
    request = asked(tick(own_world.registry))
    assert request.tags["dagster/asset_partition_range_start"] == request.tags["dagster/asset_partition_range_end"]
    location = definitions(warehouse_resource(own_world.settings), registry_resource(own_world.access))
    with open_instance(own_world.settings) as instance:
        job = location.resolve_job_def("build_warehouse")
        assert job.execute_in_process(instance=instance, tags=request.tags).success
    assert isinstance(tick(own_world.registry), dg.SkipReason)
