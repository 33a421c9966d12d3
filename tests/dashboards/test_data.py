"""Frames for cards: the viewer's own snapshot, each question once."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from dashboards.data import Data
from dashboards.queries import overview
from dashboards.queries.question import Question
from dashboards.session import Viewer
from patchbay.core.settings import Settings
from tests.dashboards import world
from tests.dashboards.conftest import TENANTS
from warehouse.read import NoSnapshot, Snapshot, SnapshotReader

Viewers = Callable[[str], Viewer]


class Counting:
    """A snapshot that counts and slows its queries."""

    snapshot_id = "s1"

    def __init__(self, fails: bool = False) -> None:
        self.queries, self.fails = 0, fails

    def query(self, sql: str, params: object) -> pl.DataFrame:
        self.queries += 1
        time.sleep(0.05)
        if self.fails:
            raise RuntimeError("broken")
        return pl.DataFrame({"n": [1]})


def test_equal_questions_at_the_same_time_are_asked_once(data: Data, viewer_of: Viewers) -> None:
    snapshot, viewer = Counting(), viewer_of("acme")
    cache = Data(data._reader)
    threads = [threading.Thread(target=cache.ask, args=(viewer, snapshot, overview.totals("30d"))) for _ in range(8)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert snapshot.queries == 1


def test_other_filters_and_other_snapshots_are_asked_anew(data: Data, viewer_of: Viewers) -> None:
    snapshot, viewer = Counting(), viewer_of("acme")
    cache = Data(data._reader)
    for period, snapshot_id in (("30d", "s1"), ("90d", "s1"), ("90d", "s2"), ("90d", "s2")):
        snapshot.snapshot_id = snapshot_id
        cache.ask(viewer, snapshot, overview.totals(period))
    assert snapshot.queries == 3


def test_a_failure_is_raised_and_not_remembered(data: Data, viewer_of: Viewers) -> None:
    snapshot, cache = Counting(fails=True), Data(data._reader)
    for _ in range(2):
        with pytest.raises(RuntimeError, match="broken"):
            cache.ask(viewer_of("acme"), snapshot, overview.totals("30d"))
    assert snapshot.queries == 2


def test_the_cache_forgets_the_least_used_answers(data: Data, viewer_of: Viewers) -> None:
    snapshot, viewer = Counting(), viewer_of("acme")
    cache = Data(data._reader, capacity=20)
    questions = [Question("q", "Q", "", f"SELECT {i}") for i in range(5)]
    for question in [*questions, questions[-1], questions[0]]:
        cache.ask(viewer, snapshot, question)
    assert snapshot.queries == 6


def test_the_cache_is_bounded_in_answers_too(data: Data, viewer_of: Viewers) -> None:
    snapshot, viewer = Counting(), viewer_of("acme")
    cache = Data(data._reader, most=3)
    questions = [Question("q", "Q", "", f"SELECT {i}") for i in range(4)]
    for question in [*questions, questions[3], questions[0]]:
        cache.ask(viewer, snapshot, question)
    assert (snapshot.queries, len(cache._frames)) == (5, 3)


def test_a_viewer_gets_the_snapshot_of_the_own_tenant(data: Data, viewer_of: Viewers) -> None:
    counts = Question("n", "N", "", "SELECT count(*) AS n FROM dim_target")
    seen = {
        slug: data.ask(viewer_of(slug), data.open(viewer_of(slug)), counts)["n"][0] for slug in ("acme", "operator")
    }
    assert seen == {"acme": 12, "operator": 13}


def test_a_new_publication_is_seen_without_a_restart(tmp_path: Path, viewer_of: Viewers) -> None:
    cache = Data(SnapshotReader(Settings(home=tmp_path)))
    with pytest.raises(NoSnapshot):
        cache.open(viewer_of("acme"))
    world.publish(tmp_path, TENANTS, "first")
    assert cache.open(viewer_of("acme")).snapshot_id == "snapshot-first"
    world.publish(tmp_path, TENANTS, "second")
    snapshot: Snapshot = cache.open(viewer_of("acme"))
    assert snapshot.snapshot_id == "snapshot-second"


def test_days_are_utc_days_whatever_the_servers_clock_shows(
    tmp_path: Path, viewer_of: Viewers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    world.publish(tmp_path, TENANTS)
    evening = Question("d", "D", "", "SELECT CAST(CAST('2026-11-20 20:00:00+00' AS TIMESTAMPTZ) AS DATE) AS day")
    for _ in range(2):
        cache = Data(SnapshotReader(Settings(home=tmp_path)))
        assert str(cache.ask(viewer_of("acme"), cache.open(viewer_of("acme")), evening)["day"][0]) == "2026-11-20"
    monkeypatch.undo()
    time.tzset()
