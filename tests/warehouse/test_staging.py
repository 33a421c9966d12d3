"""Staging: the last row of each entity, each event once."""

from datetime import UTC, date, datetime, timedelta

from tests.warehouse.tables import built, put
from warehouse.contracts import TABLES
from warehouse.engines.duckdb import DuckDBEngine

MONDAY = date(2026, 3, 2)
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def test_an_entity_is_its_last_row_in_feed_order(engine: DuckDBEngine) -> None:
    put(
        engine,
        "raw_plugins",
        [
            {"seq": 7, "op": "upsert", "id": "p1", "title": "New"},
            {"seq": 3, "op": "upsert", "id": "p1", "title": "Old"},
            {"seq": 5, "op": "upsert", "id": "p2", "title": "Other"},
        ],
    )
    assert built(engine, "stg_registry__plugins", "plugin_id", "title") == [("p1", "New"), ("p2", "Other")]


def test_a_deleted_entity_is_gone_and_one_made_again_is_back(engine: DuckDBEngine) -> None:
    put(
        engine,
        "raw_targets",
        [
            {"seq": 1, "op": "upsert", "id": "gone"},
            {"seq": 2, "op": "delete", "id": "gone"},
            {"seq": 3, "op": "delete", "id": "back"},
            {"seq": 4, "op": "upsert", "id": "back", "name": "again"},
        ],
    )
    assert built(engine, "stg_registry__targets", "target_id", "name") == [("back", "again")]


def test_lists_become_sorted_text_and_an_empty_list_empty_text(engine: DuckDBEngine) -> None:
    put(
        engine,
        "raw_plugins",
        [
            {"seq": 1, "op": "upsert", "id": "p1", "labels": ["scm", "build"], "maintainers": ["ada"]},
            {"seq": 2, "op": "upsert", "id": "p2"},
        ],
    )
    assert built(engine, "stg_registry__plugins", "labels", "maintainers") == [("build,scm", "ada"), ("", "")]


def test_a_segment_is_live_while_it_counts(engine: DuckDBEngine) -> None:
    put(engine, "raw_segments", [{"seq": 1, "op": "added", "id": "a"}, {"seq": 2, "op": "added", "id": "b"}])
    put(engine, "raw_live_segments", [{"segment_id": "b", "segment_seq": 2, "stream": "usage"}])
    assert built(engine, "stg_registry__segments", "segment_id", "live") == [("a", False), ("b", True)]


def _event(event_id: str, segment: int, place: int = 0, **values: object) -> dict[str, object]:
    at = values.pop("at", NOON)
    assert isinstance(at, datetime)
    return {
        "tenant_id": "t", "event_id": event_id, "segment_id": f"s{segment}", "segment_seq": segment, "row_index": place,
        "type": "use", "at": at, "day": at.date(), **values,
    }  # fmt: skip


def test_the_first_of_events_with_one_id_wins(engine: DuckDBEngine) -> None:
    put(
        engine,
        "raw_usage_events",
        [
            _event("e1", 2, version="late"),
            _event("e1", 1, 5, version="second"),
            _event("e1", 1, 4, version="first"),
            _event("e2", 3),
        ],
    )
    found = built(engine, "stg_registry__usage_events", "event_id", "version", days=[MONDAY])
    assert found == [("e1", "first"), ("e2", None)]


def test_the_same_id_of_another_tenant_is_another_event(engine: DuckDBEngine) -> None:
    put(engine, "raw_usage_events", [_event("e1", 1), {**_event("e1", 2), "tenant_id": "u"}])
    assert len(built(engine, "stg_registry__usage_events", days=[MONDAY])) == 2


def test_a_repeat_that_claims_another_day_is_dropped_there(engine: DuckDBEngine) -> None:
    put(engine, "raw_usage_events", [_event("e1", 1), _event("e1", 2, at=NOON + timedelta(days=1))])
    days = [MONDAY, MONDAY + timedelta(days=1)]
    assert built(engine, "stg_registry__usage_events", "day", days=days) == [(MONDAY,)]


def test_building_one_day_leaves_the_others_as_they_are(engine: DuckDBEngine) -> None:
    tuesday = MONDAY + timedelta(days=1)
    put(engine, "raw_usage_events", [_event("e1", 1), _event("e2", 1, 1, at=NOON + timedelta(days=1))])
    built(engine, "stg_registry__usage_events", days=[MONDAY, tuesday])
    put(engine, "raw_usage_events", [_event("e3", 2)])
    found = built(engine, "stg_registry__usage_events", "event_id", days=[MONDAY])
    assert found == [("e2",), ("e3",)]


def test_a_later_count_replaces_an_earlier_one_for_the_same_key(engine: DuckDBEngine) -> None:
    key = {"tenant_id": "t", "plugin_id": "p", "grain": "month", "metric": "installs", "source": "s", "period": MONDAY}
    put(
        engine,
        "raw_statistics",
        [
            {**key, "count": 5, "segment_seq": 1, "row_index": 9},
            {**key, "count": 7, "segment_seq": 2, "row_index": 0},
            {**key, "count": 3, "segment_seq": 2, "row_index": 1, "version": "1.0"},
        ],
    )
    found = built(engine, "stg_registry__statistics", "version", "count")
    assert sorted(found, key=str) == [("1.0", 3), (None, 7)]


def test_a_refused_row_is_dated_by_its_batch_and_kept_once(engine: DuckDBEngine) -> None:
    put(engine, "stg_registry__intake_batches", [{"intake_batch_id": "b", "recorded_at": NOON}])
    complaint = {"intake_batch_id": "b", "row_index": 4, "code": "too_big", "reason": "x"}
    put(engine, "raw_rejects", [complaint, complaint, {**complaint, "code": "unknown_plugin"}])
    found = built(engine, "stg_registry__rejects", "row_index", "code", "day")
    assert found == [(4, "too_big", MONDAY), (4, "unknown_plugin", MONDAY)]


def test_staging_of_an_empty_registry_is_empty(engine: DuckDBEngine) -> None:
    for name, contract in TABLES.items():
        if contract.layer == "staging":
            assert built(engine, name) == [], name
