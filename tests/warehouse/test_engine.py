"""The DuckDB engine: windows replaced at once, types forced, one writer."""

from datetime import date
from pathlib import Path
from threading import Thread
from time import sleep

import ibis
import pytest

from patchbay.core.settings import Settings
from tests.warehouse.tables import put, rows
from warehouse.build import build_table
from warehouse.contracts import TABLES
from warehouse.engines.duckdb import DuckDBEngine
from warehouse.engines.port import OutsideWindow, TableMissing, WriterBusy
from warehouse.expressions import named_table
from warehouse.session import open_session

MONDAY, TUESDAY = date(2026, 3, 2), date(2026, 3, 3)
FACT = TABLES["fct_usage_person_daily"]


def usage(engine: DuckDBEngine, *days: date) -> ibis.expr.types.Table:
    put(engine, "mart_data_quality", [{"tenant_id": "t", "day": day, "rows": 1} for day in days])
    source = named_table("mart_data_quality")
    return source.mutate(plugin_id=ibis.literal("p"), subject_id=ibis.literal("s"), uses=source["rows"])


def test_a_window_is_replaced_and_the_rest_stays(engine: DuckDBEngine) -> None:
    engine.replace_partition(FACT, usage(engine, MONDAY, TUESDAY), [MONDAY, TUESDAY])
    assert engine.replace_partition(FACT, usage(engine), [TUESDAY]) == 0
    assert rows(engine, FACT.name, "day") == [(MONDAY,)]


def test_rows_outside_the_window_are_refused_and_nothing_changes(engine: DuckDBEngine) -> None:
    engine.replace_partition(FACT, usage(engine, MONDAY), [MONDAY])
    with pytest.raises(OutsideWindow, match="1 rows outside"):
        engine.replace_partition(FACT, usage(engine, MONDAY, TUESDAY), [MONDAY])
    assert rows(engine, FACT.name, "day") == [(MONDAY,)]


def test_a_sum_is_stored_in_the_contracts_type(engine: DuckDBEngine) -> None:
    put(engine, "fct_statistic_monthly", [])
    put(engine, "stg_registry__statistics", [{"period": MONDAY, "grain": "month", "count": 1}])
    build_table(engine, "fct_statistic_monthly")
    assert engine.types("fct_statistic_monthly") == TABLES["fct_statistic_monthly"].types


def test_a_table_that_is_not_built_is_named(engine: DuckDBEngine) -> None:
    with pytest.raises(TableMissing, match="fct_statistic_monthly has not been built"):
        build_table(engine, "mart_outside_popularity")


def test_a_second_writer_waits_for_the_first(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    order: list[str] = []

    def second() -> None:
        with open_session(settings):
            order.append("second")

    with open_session(settings):
        waiting = Thread(target=second)
        waiting.start()
        sleep(0.3)
        order.append("first")
    waiting.join()
    assert order == ["first", "second"]


def test_a_writer_that_waits_too_long_says_so(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    with open_session(settings), pytest.raises(WriterBusy, match="still held"), open_session(settings, patience=0.2):
        pass
