"""Daily facts of use and the marts made from them."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.warehouse.tables import build, built, put, rows
from warehouse.engines.duckdb import DuckDBEngine

MONDAY = date(2026, 3, 2)
TUESDAY = MONDAY + timedelta(days=1)


def events(engine: DuckDBEngine, *given: dict[str, Any]) -> None:
    """Staged events of plugin p on Monday, unless they say otherwise."""
    common = {"tenant_id": "t", "plugin_id": "p", "type": "use", "day": MONDAY}
    put(engine, "stg_registry__usage_events", [{**common, "event_id": f"e{n}", **row} for n, row in enumerate(given)])


def test_a_day_counts_uses_failures_views_time_cost_people_and_targets(engine: DuckDBEngine) -> None:
    events(
        engine,
        {
            "subject_id": "ann",
            "target_id": "a",
            "duration_ms": 0.1,
            "outcome": "ok",
            "quantity": 3,
            "cost": Decimal("1.5"),
        },
        {"subject_id": "ann", "target_id": "b", "duration_ms": 0.2, "outcome": "error", "cost": Decimal("0.25")},
        {"subject_id": "bob", "target_id": "b"},
        {"type": "error", "subject_id": "eve"},
        {"type": "view", "quantity": 7},
        {"type": "search", "plugin_id": None},
    )
    columns = (
        "uses",
        "errors",
        "failures",
        "views",
        "duration_ms_sum",
        "duration_ms_count",
        "cost",
        "persons",
        "targets",
    )
    assert built(engine, "fct_usage_daily", *columns, days=[MONDAY]) == [(5, 2, 1, 7, 0.3, 2, Decimal("1.75"), 2, 2)]


def test_a_release_that_is_not_known_is_a_row_of_its_own(engine: DuckDBEngine) -> None:
    events(engine, {"release_id": "r1"}, {"release_id": None}, {"release_id": None})
    found = built(engine, "fct_usage_daily", "release_id", "uses", days=[MONDAY])
    assert sorted(found, key=str) == [("r1", 1), (None, 2)]


def test_facts_are_replaced_day_by_day(engine: DuckDBEngine) -> None:
    events(engine, {}, {"day": TUESDAY})
    build(engine, "fct_usage_daily", [MONDAY, TUESDAY])
    events(engine, {"day": TUESDAY}, {"day": TUESDAY})
    assert built(engine, "fct_usage_daily", "day", "uses", days=[TUESDAY]) == [(MONDAY, 1), (TUESDAY, 2)]
    assert built(engine, "fct_usage_daily", "day", "uses", days=[MONDAY]) == [(TUESDAY, 2)]


def test_people_and_targets_are_listed_by_day_without_those_unknown(engine: DuckDBEngine) -> None:
    events(
        engine,
        {"subject_id": "ann", "target_id": "a"},
        {"subject_id": "ann"},
        {"target_id": "a"},
        {"type": "view", "subject_id": "eve"},
    )
    assert built(engine, "fct_usage_person_daily", "subject_id", "uses", days=[MONDAY]) == [("ann", 2)]
    assert built(engine, "fct_usage_target_daily", "target_id", "uses", days=[MONDAY]) == [("a", 2)]


def test_adoption_counts_a_person_once_though_they_used_two_releases(engine: DuckDBEngine) -> None:
    events(
        engine,
        {"subject_id": "ann", "target_id": "a", "release_id": "r1"},
        {"subject_id": "ann", "target_id": "a", "release_id": "r2"},
    )
    for name in ("fct_usage_daily", "fct_usage_person_daily", "fct_usage_target_daily"):
        build(engine, name, [MONDAY])
    put(engine, "fct_installation_interval", [])
    columns = ("day", "installed_targets", "active_targets", "active_persons", "uses")
    assert built(engine, "mart_adoption", *columns) == [(MONDAY, 0, 1, 1, 2)]


def test_performance_is_by_release_and_week_with_exact_percentiles(engine: DuckDBEngine) -> None:
    timed = [{"release_id": "r", "duration_ms": float(n), "outcome": "error" if n == 1 else "ok"} for n in range(1, 6)]
    sampled = {"release_id": "r", "type": "resource", "cpu_percent": 50.0, "memory_bytes": 100}
    events(
        engine,
        *timed,
        {"release_id": "r", "type": "error"},
        sampled,
        {**sampled, "cpu_percent": 25.0},
        {"day": MONDAY + timedelta(days=7)},
    )
    build(engine, "fct_usage_daily", [MONDAY, MONDAY + timedelta(days=7)])
    put(engine, "dim_release", [{"release_id": "r", "version": "1.0"}])
    columns = (
        "version",
        "week",
        "uses",
        "errors",
        "error_rate",
        "duration_ms_p50",
        "duration_ms_p95",
        "cpu_percent_mean",
        "memory_bytes_mean",
    )
    found = sorted(built(engine, "mart_plugin_performance", *columns), key=lambda row: row[1])
    assert found[0][:4] == ("1.0", MONDAY, 5, 2)
    assert found[0][4:] == pytest.approx((2 / 6, 3.0, 4.8, 37.5, 100.0))
    assert found[1] == (None, MONDAY + timedelta(days=7), 1, 0, 0.0, None, None, None, None)


def used(engine: DuckDBEngine, *given: tuple[str, date]) -> None:
    put(
        engine,
        "fct_usage_person_daily",
        [{"tenant_id": "t", "plugin_id": "p", "subject_id": who, "day": day, "uses": 1} for who, day in given],
    )


def retention(engine: DuckDBEngine, kind: str) -> list[tuple[Any, ...]]:
    columns = ("subject_kind", "cohort_month", "months_since", "cohort_size", "retained")
    return [row[1:] for row in built(engine, "mart_retention", *columns) if row[0] == kind]


def test_retention_follows_each_months_newcomers_to_the_newest_month(engine: DuckDBEngine) -> None:
    used(
        engine,
        ("ann", date(2025, 12, 5)),
        ("ann", date(2026, 2, 7)),
        ("bob", date(2025, 12, 9)),
        ("cy", date(2026, 1, 1)),
    )
    put(engine, "fct_installation_interval", [])
    december, january = date(2025, 12, 1), date(2026, 1, 1)
    assert retention(engine, "person") == [
        (december, 0, 2, 2),
        (december, 1, 2, 0),
        (december, 2, 2, 1),
        (january, 0, 1, 1),
        (january, 1, 1, 0),
    ]


def test_a_target_is_retained_in_every_month_in_which_it_had_the_plugin(engine: DuckDBEngine) -> None:
    used(engine)
    interval = {"tenant_id": "t", "plugin_id": "p"}
    put(
        engine,
        "fct_installation_interval",
        [
            {**interval, "target_id": "a", "from_at": datetime(2025, 11, 30, tzinfo=UTC)},
            {**interval, "target_id": "b", "from_at": datetime(2025, 11, 2, tzinfo=UTC), "to_at": datetime(2025, 12, 1, tzinfo=UTC)},
            {**interval, "target_id": "c", "from_at": datetime(2026, 1, 15, tzinfo=UTC)},
        ],
    )  # fmt: skip
    november = date(2025, 11, 1)
    assert retention(engine, "target")[:3] == [(november, 0, 2, 2), (november, 1, 2, 2), (november, 2, 2, 1)]


def test_a_target_with_several_intervals_in_a_month_counts_once(engine: DuckDBEngine) -> None:
    """An upgrade ends an interval and begins another."""
    used(engine)
    moments = [datetime(2026, 1, 5, tzinfo=UTC), datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 9, tzinfo=UTC)]
    interval = {"tenant_id": "t", "plugin_id": "p", "target_id": "a"}
    ends = [*moments[1:], None]
    given = [{**interval, "from_at": start, "to_at": end} for start, end in zip(moments, ends, strict=True)]
    put(engine, "fct_installation_interval", given)
    january = date(2026, 1, 1)
    assert retention(engine, "target") == [(january, 0, 1, 1), (january, 1, 1, 1), (january, 2, 1, 1)]


def test_retention_ends_after_a_year(engine: DuckDBEngine) -> None:
    used(engine, ("ann", date(2024, 1, 1)), ("ann", date(2026, 1, 1)))
    put(engine, "fct_installation_interval", [])
    assert max(row[1] for row in retention(engine, "person")) == 12


def statistics(engine: DuckDBEngine, *given: dict[str, Any]) -> None:
    common = {"tenant_id": "t", "plugin_id": "p", "metric": "installs", "source": "s", "grain": "month"}
    put(engine, "stg_registry__statistics", [{**common, **row} for row in given])
    build(engine, "fct_statistic_monthly")


def test_a_months_own_count_comes_before_the_sum_of_its_days_and_totals_before_versions(engine: DuckDBEngine) -> None:
    march, april, may = date(2026, 3, 1), date(2026, 4, 1), date(2026, 5, 1)
    statistics(
        engine,
        {"period": march, "count": 10},
        {"period": march, "count": 4, "version": "1"},
        {"period": march, "count": 99, "grain": "day"},
        {"period": april, "count": 3, "version": "1"},
        {"period": april, "count": 5, "version": "2"},
        {"period": may, "count": 2, "grain": "day"},
        {"period": may.replace(day=9), "count": 6, "grain": "day"},
    )
    assert rows(engine, "fct_statistic_monthly", "month", "count") == [(march, 10), (april, 8), (may, 8)]


def test_popularity_ranks_with_ties_and_compares_only_with_the_month_before(engine: DuckDBEngine) -> None:
    january, march, april = date(2026, 1, 1), date(2026, 3, 1), date(2026, 4, 1)
    statistics(
        engine,
        {"period": january, "count": 10},
        {"period": march, "count": 30},
        {"period": march, "count": 30, "plugin_id": "q"},
        {"period": march, "count": 40, "plugin_id": "r"},
        {"period": april, "count": 45},
    )
    columns = ("plugin_id", "month", "rank", "share", "change_ratio")
    assert built(engine, "mart_outside_popularity", *columns) == [
        ("p", january, 1, 1.0, None),
        ("p", march, 2, 0.3, None),
        ("p", april, 1, 1.0, 0.5),
        ("q", march, 2, 0.3, None),
        ("r", march, 1, 0.4, None),
    ]


def test_data_quality_adds_up_to_what_was_received(engine: DuckDBEngine) -> None:
    noon = datetime(2026, 3, 2, 12, tzinfo=UTC)
    batch = {"tenant_id": "t", "stream": "usage", "recorded_at": noon}
    put(
        engine,
        "stg_registry__intake_batches",
        [
            {**batch, "intake_batch_id": "b1", "received": 10, "accepted": 5, "duplicates": 2, "rejected": 3},
            {**batch, "intake_batch_id": "b2", "received": 4, "accepted": 0, "duplicates": 0, "rejected": 4},
        ],
    )
    refused = {"tenant_id": "t", "stream": "usage", "intake_batch_id": "b1", "day": MONDAY}
    put(
        engine,
        "stg_registry__rejects",
        [{**refused, "row_index": place, "code": code} for place, code in ((0, "a"), (0, "b"), (1, "b"), (2, "b"))],
    )
    put(
        engine,
        "stg_registry__observations",
        [{"observation_id": "o", "tenant_id": "t", "event": "removed", "occurred_at": noon}],
    )
    put(engine, "raw_usage_events", [{"tenant_id": "t", "event_id": "e", "day": TUESDAY}] * 3)
    put(engine, "stg_registry__usage_events", [{"tenant_id": "t", "event_id": "e", "day": TUESDAY}])
    found = {row[1:]: row[0] for row in built(engine, "mart_data_quality", "rows", "stream", "code", "day")}
    assert found == {
        ("usage", "accepted", MONDAY): 5,
        ("usage", "duplicate", MONDAY): 2,
        ("usage", "a", MONDAY): 1,
        ("usage", "b", MONDAY): 2,
        ("usage", "unlisted", MONDAY): 4,
        ("usage", "repeated_event", TUESDAY): 2,
        ("observations", "removed_without_add", MONDAY): 1,
    }
