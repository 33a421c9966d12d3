"""Taking the feeds in: exactly once, up to one head, with the lake's files."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from patchbay.core.contracts.feeds import FEEDS
from patchbay.core.storage import InMemoryStorage
from tests.warehouse.recorded import RecordedRegistry
from tests.warehouse.tables import build
from warehouse.bookkeeping import Bookkeeping
from warehouse.engines.duckdb import DuckDBEngine
from warehouse.feeds import RegistryWentBack, SegmentDamaged, SegmentMissing
from warehouse.raw import ingest
from warehouse.segments import live_segments

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def event(name: str, day: int = 2, **values: Any) -> dict[str, Any]:
    return {"event_id": name, "tenant_id": "t", "type": "use", "at": NOON.replace(day=day), "plugin_id": "p", **values}


def events_now(engine: DuckDBEngine) -> list[str]:
    return [row[0] for row in engine.connection.execute("SELECT event_id FROM raw_usage_events ORDER BY 1").fetchall()]


def test_every_row_is_taken_in_once_however_often_it_is_asked_for(
    engine: DuckDBEngine, registry: RecordedRegistry
) -> None:
    registry.record("tenants", "t", "t", slug="t", kind="customer", status="active")
    registry.segment("s1", "t", [event("e1")])
    first = ingest(engine, registry, registry.storage)
    again = ingest(engine, registry, registry.storage)
    assert (first.rows["raw_tenants"], first.rows["raw_usage_events"], first.days_changed) == (1, 1, 1)
    assert set(again.rows.values()) == {0}
    assert again.days_changed == 0
    assert engine.count("raw_tenants") == 1


def test_an_ingest_that_finds_nothing_new_reads_no_feed_that_it_has_to_its_end(
    engine: DuckDBEngine, registry: RecordedRegistry
) -> None:
    registry.record("tenants", "t", "t")
    ingest(engine, registry, registry.storage)
    before = registry.reads
    ingest(engine, registry.upto(1), registry.storage)
    assert registry.reads - before == len(FEEDS) - 1, "all but that of tenants, once each"


def test_nothing_beyond_the_head_is_taken_in(engine: DuckDBEngine, registry: RecordedRegistry) -> None:
    registry.record("plugins", "p", "t")
    registry.record("releases", "r", "t", plugin_id="later")
    registry.record("plugins", "later", "t")
    ingest(engine, registry.upto(1), registry.storage)
    assert (engine.count("raw_plugins"), engine.count("raw_releases")) == (1, 0)
    ingest(engine, registry, registry.storage)
    assert (engine.count("raw_plugins"), engine.count("raw_releases")) == (2, 1)


def test_a_registry_that_went_back_is_refused_and_the_way_out_is_told(
    engine: DuckDBEngine, registry: RecordedRegistry
) -> None:
    for number in range(3):
        registry.record("plugins", str(number), "t")
    ingest(engine, registry, registry.storage)
    with pytest.raises(RegistryWentBack, match=r"head is 2, yet .* 3.*rebuild-the-warehouse"):
        ingest(engine, registry.upto(2), registry.storage)
    assert engine.count("raw_plugins") == 3


def test_a_page_is_stored_before_the_next_is_asked_for(
    engine: DuckDBEngine, registry: RecordedRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("warehouse.raw.PAGE", 3)
    for number in range(9):
        registry.record("plugins", str(number), "t")
    stored = []
    read = registry.read_feed

    def watched(feed: str, after: int, limit: int) -> Any:
        stored.append(engine.count("raw_plugins"))
        return read(feed, after, limit)

    monkeypatch.setattr(registry, "read_feed", watched)
    ingest(engine, registry, registry.storage)
    assert sorted({*stored}) == [0, 3, 6, 9]


def test_long_feeds_are_read_in_pages(
    engine: DuckDBEngine, registry: RecordedRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("warehouse.raw.PAGE", 3)
    for number in range(10):
        registry.record("plugins", str(number), "t")
    ingest(engine, registry, registry.storage)
    assert engine.count("raw_plugins") == 10


def test_a_missing_segment_stops_the_ingest_and_changes_nothing(
    engine: DuckDBEngine, registry: RecordedRegistry
) -> None:
    registry.segment("s1", "t", [event("e1")])
    registry.storage.delete("lake/usage/s1.parquet")
    with pytest.raises(SegmentMissing, match=r"lake/usage/s1\.parquet"):
        ingest(engine, registry, registry.storage)
    assert engine.count("raw_segments") == 0
    assert Bookkeeping(engine).cursor("segments") == 0


def test_a_damaged_segment_stops_the_ingest_and_is_named(engine: DuckDBEngine, registry: RecordedRegistry) -> None:
    registry.segment("s1", "t", [event("e1")])
    registry.storage.put("lake/usage/s1.parquet", b"PAR1 rotten")
    with pytest.raises(SegmentDamaged, match=r"s1\.parquet is damaged"):
        ingest(engine, registry, registry.storage)
    assert events_now(engine) == []


def test_segments_of_a_remote_store_are_fetched(engine: DuckDBEngine, registry: RecordedRegistry) -> None:
    registry.segment("s1", "t", [event("e1"), event("e2")])
    remote = InMemoryStorage()
    remote.put("lake/usage/s1.parquet", registry.storage.read_bytes("lake/usage/s1.parquet"))
    ingest(engine, registry, remote)
    assert events_now(engine) == ["e1", "e2"]


def test_a_replaced_segments_rows_go_and_its_file_is_not_needed(
    engine: DuckDBEngine, registry: RecordedRegistry
) -> None:
    registry.segment("s1", "t", [event("e1")])
    registry.segment("s2", "t", [event("e2")])
    registry.segment("s3", "t", [event("e1"), event("e2")], op="replaced", replaces=["s1", "s2"], generation=1)
    registry.storage.delete("lake/usage/s1.parquet")
    registry.storage.delete("lake/usage/s2.parquet")
    ingest(engine, registry, registry.storage)
    assert events_now(engine) == ["e1", "e2"]


def test_erased_rows_leave_the_warehouse_and_their_day_is_built_again(
    engine: DuckDBEngine, registry: RecordedRegistry
) -> None:
    registry.segment("s1", "t", [event("e1"), event("e2", subject_id="someone")])
    ingest(engine, registry, registry.storage)
    build(engine, "stg_registry__usage_events")
    registry.segment("s2", "t", [event("e1")], op="erased", replaces=["s1"], generation=1)
    ingest(engine, registry, registry.storage)
    assert events_now(engine) == ["e1"]
    assert Bookkeeping(engine).stale_days("stg_registry__usage_events") == [date(2026, 3, 2)]


@pytest.mark.parametrize(
    "rows",
    [
        [(1, "added", "a", []), (2, "added", "b", ["a"])],
        [(1, "added", "a", []), (2, "replaced", "a", []), (3, "added", "b", ["a"])],
        [(1, "added", "a", []), (2, "added", "b", ["a"]), (3, "replaced", "a", [])],
        [(1, "added", "a", []), (2, "replaced", "b", ["a"])],
        [(1, "added", "a", []), (2, "erased", "b", ["a"])],
    ],
)
def test_however_a_replacement_is_told_the_successor_counts_in_its_ancestors_place(rows: list[Any]) -> None:
    told = [
        {"seq": seq, "op": op, "id": name, "replaces": replaces, "stream": "usage", "path": "", "rows": 0, "digest": ""}
        for seq, op, name, replaces in rows
    ]
    live = live_segments(told)
    assert {name: segment.origin_seq for name, segment in live.items()} == {"b": 1}


def test_a_compacted_segment_that_is_replaced_in_turn_goes(registry: RecordedRegistry) -> None:
    registry.segment("a", "t", [event("e1")])
    registry.segment("b", "t", [event("e1")], replaces=["a"], generation=1)
    registry.retire("b", "erased")
    assert live_segments(registry.rows["segments"]) == {}


def test_days_of_events_that_share_an_id_with_a_changed_segment_are_built_again(
    engine: DuckDBEngine, registry: RecordedRegistry
) -> None:
    """Erasing the winner makes an event of another day the winner."""
    registry.segment("s1", "t", [event("same", day=2)])
    registry.segment("s2", "t", [event("same", day=9)])
    ingest(engine, registry, registry.storage)
    build(engine, "stg_registry__usage_events")
    registry.retire("s1", "erased")
    ingest(engine, registry, registry.storage)
    assert Bookkeeping(engine).stale_days("stg_registry__usage_events") == [date(2026, 3, 2), date(2026, 3, 9)]


def test_stale_days_are_handed_down_to_what_is_made_from_the_table(
    engine: DuckDBEngine, registry: RecordedRegistry
) -> None:
    registry.segment("s1", "t", [event("e1")])
    ingest(engine, registry, registry.storage)
    books = Bookkeeping(engine)
    assert books.stale_days("fct_usage_daily") == []
    build(engine, "stg_registry__usage_events")
    assert books.stale_days("fct_usage_daily") == [date(2026, 3, 2)]
    for name in ("fct_usage_daily", "fct_usage_person_daily", "fct_usage_target_daily"):
        build(engine, name)
    assert books.stale_days() == []


def test_reasons_of_refused_rows_are_read_and_lost_reason_files_are_no_error(
    engine: DuckDBEngine, registry: RecordedRegistry
) -> None:
    complaint = {"row_index": 1, "code": "unknown_plugin"}
    registry.batch("b1", "t", accepted=3, rejects=[complaint])
    registry.batch("b2", "t", accepted=3, rejects=[complaint])
    registry.storage.delete("lake/rejects/b2.parquet")
    assert ingest(engine, registry, registry.storage).rows["raw_rejects"] == 1
    assert engine.connection.execute("SELECT intake_batch_id, code FROM raw_rejects").fetchall() == [
        ("b1", "unknown_plugin")
    ]


def test_a_lost_reason_file_is_looked_for_once(
    engine: DuckDBEngine, registry: RecordedRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    complaint = {"row_index": 1, "code": "unknown_plugin"}
    registry.batch("lost", "t", rejects=[complaint])
    registry.storage.delete("lake/rejects/lost.parquet")
    ingest(engine, registry, registry.storage)
    asked: list[str] = []
    exists = registry.storage.exists
    monkeypatch.setattr(registry.storage, "exists", lambda key: asked.append(key) or exists(key))
    registry.batch("next", "t", rejects=[complaint])
    assert ingest(engine, registry, registry.storage).rows["raw_rejects"] == 1
    assert asked == ["lake/rejects/next.parquet"]


def test_empty_segments_are_taken_in(engine: DuckDBEngine, registry: RecordedRegistry) -> None:
    registry.segment("s1", "t", [])
    assert ingest(engine, registry, registry.storage).days_changed == 0
    assert engine.count("raw_usage_events") == 0
