"""Observed events to intervals, and how installations came, went and changed."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from tests.warehouse.tables import built, put
from warehouse.engines.duckdb import DuckDBEngine

START = datetime(2026, 3, 1, tzinfo=UTC)
Seen = tuple[int, str, str | None]


def seen(engine: DuckDBEngine, *events: Seen, **values: Any) -> None:
    """Observations of one plugin on one target: (day, event, version), in feed order."""
    put(
        engine,
        "stg_registry__observations",
        [
            {
                "observation_id": f"o{place}", "seq": place, "tenant_id": "t", "target_id": "h", "plugin_id": "p",
                "event": event, "version": version, "source": "s", "occurred_at": START + timedelta(days=day), **values,
            }
            for place, (day, event, version) in enumerate(events)
        ],
    )  # fmt: skip


def intervals(engine: DuckDBEngine) -> list[tuple[str | None, int, int | None, str]]:
    """(version, first day, last day, how it opened)."""
    found = built(engine, "fct_installation_interval", "version", "from_at", "to_at", "opening")
    return [(v, (a - START).days, (b - START).days if b else None, opening) for v, a, b, opening in found]


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        pytest.param([(1, "added", "1")], [("1", 1, None, "installed")], id="added and still there"),
        pytest.param(
            [(1, "added", "1"), (4, "removed", None)], [("1", 1, 4, "installed")], id="from addition to removal"
        ),
        pytest.param(
            [(1, "added", "1"), (2, "added", "1"), (3, "present", None)],
            [("1", 1, None, "installed")],
            id="what is there already opens nothing",
        ),
        pytest.param([(3, "removed", "1")], [], id="a removal of what is not there is nothing"),
        pytest.param(
            [(2, "present", "1")],
            [("1", 2, None, "seen")],
            id="a sighting opens what was absent, since nobody knows when",
        ),
        pytest.param(
            [(1, "added", "1"), (5, "updated", "2")],
            [("1", 1, 5, "installed"), ("2", 5, None, "changed")],
            id="a change splits by version",
        ),
        pytest.param(
            [(1, "added", "1"), (5, "updated", "1")], [("1", 1, None, "installed")], id="a change to the same is none"
        ),
        pytest.param(
            [(1, "added", "1"), (5, "present", "2")],
            [("1", 1, 5, "installed"), ("2", 5, None, "changed")],
            id="a sighting of another version is a change",
        ),
        pytest.param(
            [(1, "added", "1"), (3, "removed", None), (6, "added", "2")],
            [("1", 1, 3, "installed"), ("2", 6, None, "reinstalled")],
            id="added again after a removal",
        ),
        pytest.param(
            [(1, "added", "1"), (4, "removed", None), (4, "added", "2")],
            [("1", 1, 4, "installed"), ("2", 4, None, "reinstalled")],
            id="a swap within one instant leaves it there",
        ),
        pytest.param(
            [(1, "added", "1"), (4, "added", "2"), (4, "removed", None)],
            [("1", 1, 4, "installed"), ("2", 4, 4, "changed")],
            id="of one instant what was received last holds",
        ),
        pytest.param(
            [(1, "added", None), (3, "present", "1"), (5, "present", None)],
            [("1", 1, None, "installed")],
            id="a version learnt from a sighting was there from the start",
        ),
        pytest.param(
            [(1, "added", None), (3, "updated", "2")],
            [(None, 1, 3, "installed"), ("2", 3, None, "changed")],
            id="a version that came with a change was not",
        ),
        pytest.param(
            [(1, "added", "1"), (2, "removed", None), (3, "removed", None), (4, "present", None)],
            [("1", 1, 2, "installed"), (None, 4, None, "seen")],
            id="versions are not carried over a removal",
        ),
        pytest.param(
            [(5, "removed", None), (1, "added", "1")], [("1", 1, 5, "installed")], id="time goes before feed order"
        ),
    ],
)
def test_events_become_intervals(engine: DuckDBEngine, events: list[Seen], expected: list[Any]) -> None:
    seen(engine, *events)
    assert intervals(engine) == expected


def test_intervals_are_numbered_and_keep_who_saw_them(engine: DuckDBEngine) -> None:
    seen(engine, (1, "added", "1"), (2, "removed", None), (3, "added", "1"), origin="base")
    found = built(engine, "fct_installation_interval", "interval_number", "origin", "source", "closing")
    assert found == [(1, "base", "s", "removed"), (2, "base", "s", None)]


def transitions(engine: DuckDBEngine, *events: Seen) -> list[tuple[date, str, str | None, str | None]]:
    seen(engine, *events)
    built(engine, "fct_installation_interval")
    keys = {"1": "01", "2": "02", "10": "10"}
    put(
        engine,
        "dim_release",
        [{"release_id": v, "plugin_id": "p", "version": v, "sort_key": key} for v, key in keys.items()],
    )
    return built(engine, "mart_install_transitions", "month", "transition", "from_version", "to_version")


def test_transitions_say_what_happened_and_between_which_versions(engine: DuckDBEngine) -> None:
    march, april = date(2026, 3, 1), date(2026, 4, 1)
    found = transitions(
        engine, (1, "added", "2"), (3, "updated", "10"), (5, "updated", "1"), (7, "removed", None), (35, "added", "2")
    )
    assert found == [
        (march, "downgraded", "10", "1"),
        (march, "installed", None, "2"),
        (march, "removed", "1", None),
        (march, "upgraded", "2", "10"),
        (april, "reinstalled", None, "2"),
    ]


def test_a_change_between_versions_of_unknown_order_counts_as_upgraded(engine: DuckDBEngine) -> None:
    found = transitions(engine, (1, "added", "weird"), (3, "updated", "1"))
    assert ("upgraded", "weird", "1") in [row[1:] for row in found]


def test_the_installed_level_is_that_at_the_end_of_each_day_with_a_change(engine: DuckDBEngine) -> None:
    put(
        engine,
        "stg_registry__observations",
        [
            {
                "observation_id": f"o{place}", "seq": place, "tenant_id": "t", "target_id": target, "plugin_id": "p",
                "event": event, "source": "s", "occurred_at": START + timedelta(days=day, hours=place), "version": version,
            }
            for place, (target, day, event, version) in enumerate(
                [("a", 0, "added", "1"), ("b", 0, "added", "1"), ("a", 2, "updated", "2"), ("b", 3, "removed", None), ("b", 3, "added", "1")]
            )
        ],
    )  # fmt: skip
    built(engine, "fct_installation_interval")
    put(
        engine,
        "fct_usage_daily",
        [{"tenant_id": "t", "plugin_id": "p", "day": (START + timedelta(days=9)).date(), "uses": 4}],
    )
    levels = built(engine, "mart_adoption", "day", "installed_targets", "uses")
    assert [(day.day, level, uses) for day, level, uses in levels] == [(1, 2, 0), (3, 2, 0), (4, 2, 0), (10, 2, 4)]
