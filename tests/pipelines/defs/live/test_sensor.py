"""The sensor: what the rules made of a tick is there as asset history."""

from typing import Any

import dagster as dg

from patchbay.core.settings import Settings
from pipelines.conditions import TICK_SECONDS
from pipelines.defs.live.sensors import watch
from pipelines.instance import open_instance
from pipelines.resources.insights import InsightsRoom
from pipelines.run import watch as watch_once
from tests.pipelines.defs.live.conftest import Watched
from tests.pipelines.insights import MemoryInsights

RULE, KEY = "Scale the registry on a usage surge", dg.AssetKey(["episodes", "scale_the_registry_on_a_usage_surge"])


def change(kind: str) -> dict[str, Any]:
    return {
        "tenant": "operator", "rule": RULE, "fingerprint": "f" * 16, "labels": {"plugin": "git"}, "change": kind,
        "at": "2026-06-01T12:00:00Z", "value": 0.995, "episode": "2026-06-01T11:59:00Z",
    }  # fmt: skip


def evaluated(client: MemoryInsights, watched: Watched, cursor: str | None = None) -> dg.SensorResult:
    room = InsightsRoom(client, watched.storage, watched.published)
    result = watch(dg.build_sensor_context(cursor=cursor, resources={"insights": room}))
    assert isinstance(result, dg.SensorResult)
    return result


def test_it_looks_every_half_minute_from_the_start() -> None:
    assert (watch.minimum_interval_seconds, TICK_SECONDS) == (30, 30)
    assert watch.default_status == dg.DefaultSensorStatus.RUNNING


def test_an_episode_is_an_asset_that_is_materialised_when_it_fires_and_observed_when_it_begins_and_ends(
    watched: Watched,
) -> None:
    watched.client.answers = [{"transitions": [change(kind)]} for kind in ("pending", "firing", "resolved")]
    events, cursor = [], None
    for _ in range(3):
        result = evaluated(watched.client, watched, cursor)
        events += list(result.asset_events or [])
        cursor = result.cursor
    assert [type(event) for event in events] == [dg.AssetObservation, dg.AssetMaterialization, dg.AssetObservation]
    assert {event.asset_key for event in events} == {KEY}
    assert events[1].metadata["value"].value == 0.995
    assert events[1].metadata["labels"].value == {"plugin": "git"}


def test_the_cursor_is_the_tick_that_was_answered_so_that_no_answer_is_shown_twice(watched: Watched) -> None:
    watched.client.answers = [{"transitions": [change("firing")]}]
    first = evaluated(watched.client, watched)
    again = evaluated(watched.client, watched, first.cursor)
    assert len(first.asset_events or []) == 1 and not again.asset_events
    assert watched.client.sent == [first.cursor, again.cursor]


def test_a_tick_whose_evaluation_was_lost_after_the_answer_is_shown_by_the_next_one(watched: Watched) -> None:
    watched.client.answers = [{"transitions": [change("firing")]}]
    evaluated(watched.client, watched)
    again = evaluated(watched.client, watched, None)
    assert [type(event) for event in again.asset_events or []] == [dg.AssetMaterialization]


def test_without_a_daemon_the_history_is_in_the_instance(watched: Watched) -> None:
    settings = Settings(home=watched.published.parent)
    watched.client.answers = [{"transitions": [change("firing")]}]
    ticked = watch_once(settings, registry=watched.room)
    assert ticked.id == watched.client.sent[-1]
    with open_instance(settings) as instance:
        [record] = instance.fetch_materializations(KEY, limit=5).records
    assert record.asset_materialization and record.asset_materialization.metadata["rule"].value == RULE
