"""Counts by the minute as models learn them: minutes begin where the registry's own counters have them begin."""

from datetime import UTC, datetime

import pytest

from warehouse import features
from warehouse.engines.duckdb import DuckDBEngine

FIRST = int(datetime(2026, 9, 4, 8, 0, tzinfo=UTC).timestamp()) // 60
TIMES = ("08:00:00", "08:00:29.999999", "08:00:30", "08:00:59.5", "08:00:59.999999", "08:01:00", "08:02:10")


@pytest.fixture
def used(engine: DuckDBEngine) -> DuckDBEngine:
    """Uses of one release at these times of one day."""
    for number, time in enumerate(TIMES):
        engine.connection.execute(
            """INSERT INTO stg_registry__usage_events BY NAME SELECT ? AS event_id, 't' AS tenant_id, 'p' AS plugin_id,
            'r' AS release_id, 'use' AS type, ?::TIMESTAMPTZ AS "at", DATE '2026-09-04' AS day""",
            [str(number), f"2026-09-04 {time}+00"],
        )
    return engine


def test_a_use_belongs_to_the_minute_it_is_in_to_its_last_microsecond(used: DuckDBEngine) -> None:
    rows = features.usage_by_minute(used, FIRST, 3)
    assert rows.select("minute", "uses").rows() == [(FIRST, 5), (FIRST + 1, 1), (FIRST + 2, 1)]
    assert features.usage_span(used) == (FIRST, FIRST + 2)


def test_totals_of_releases_end_before_the_minute_that_may_go_on(used: DuckDBEngine) -> None:
    assert features.release_totals(used, FIRST, FIRST + 2)["uses"].to_list() == [6]
    assert features.release_totals(used, FIRST + 1, FIRST + 2)["uses"].to_list() == [1]
