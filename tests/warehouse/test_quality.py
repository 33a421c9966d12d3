"""Quality gates: rules from contracts, broken rows found, kept and told."""

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.warehouse.tables import build, put
from warehouse.bookkeeping import Bookkeeping
from warehouse.contracts import TABLES, Between
from warehouse.engines.duckdb import DuckDBEngine
from warehouse.quality import suites
from warehouse.quality.gate import KEPT, JudgesDisagree, Verdict, judge_table
from warehouse.quality.records import keep_failed_rows, markdown_table, note_verdicts
from warehouse.quality.rules import COLUMNS, FILLED, UNIQUE, rules_of

MONDAY = date(2026, 3, 2)
GOOD_BATCH = {"tenant_id": "t", "stream": "usage", "batch_id": "b"}


def failures(engine: DuckDBEngine, name: str) -> dict[str, int]:
    return {verdict.rule: verdict.failed_rows for verdict in judge_table(engine, name) if not verdict.passed}


def batches(engine: DuckDBEngine, *rows: dict[str, Any]) -> None:
    put(
        engine,
        "stg_registry__intake_batches",
        [{**GOOD_BATCH, "intake_batch_id": f"b{n}", **row} for n, row in enumerate(rows)],
    )


def test_a_table_that_keeps_its_contract_passes_every_rule(engine: DuckDBEngine) -> None:
    batches(engine, {}, {})
    verdicts = judge_table(engine, "stg_registry__intake_batches")
    assert [verdict.rule for verdict in verdicts] == [
        rule.name for rule in rules_of(TABLES["stg_registry__intake_batches"])
    ]
    assert all(verdict.passed for verdict in verdicts)


def test_an_empty_table_passes(engine: DuckDBEngine) -> None:
    for name in ("stg_registry__intake_batches", "stg_registry__statistics"):
        put(engine, name, [])
        assert failures(engine, name) == {}


@pytest.mark.parametrize(
    ("rows", "broken"),
    [
        ([{"stream": "gossip"}, {}], {"stream_is_known": 1}),
        ([{"accepted": -1}, {"accepted": -2}], {"accepted_is_in_range": 2}),
        ([{"intake_batch_id": "same"}, {"intake_batch_id": "same"}, {}], {UNIQUE: 2}),
        ([{"batch_id": None}], {FILLED: 1}),
        ([{"stream": None}], {FILLED: 1}),
        ([{"stream": "gossip", "received": -5}], {"stream_is_known": 1, "received_is_in_range": 1}),
    ],
)
def test_broken_rows_are_counted_by_the_rule_they_break(
    engine: DuckDBEngine, rows: list[dict[str, Any]], broken: dict[str, int]
) -> None:
    batches(engine, *rows)
    assert failures(engine, "stg_registry__intake_batches") == broken


def test_one_broken_row_among_very_many_is_found(engine: DuckDBEngine) -> None:
    batches(engine, {})
    engine.connection.execute(
        "INSERT INTO stg_registry__intake_batches SELECT b.* REPLACE ('more' || n AS intake_batch_id, "
        "CASE WHEN n = 49_999 THEN 'gossip' ELSE stream END AS stream) FROM stg_registry__intake_batches b, range(50_000) r(n)"
    )
    assert failures(engine, "stg_registry__intake_batches") == {"stream_is_known": 1}


def test_a_reference_that_leads_nowhere_warns_for_facts_and_fails_for_dimensions(engine: DuckDBEngine) -> None:
    put(engine, "dim_tenant", [{"tenant_id": "t"}])
    put(engine, "dim_target", [{"target_id": "h", "tenant_id": "t"}, {"target_id": "i", "tenant_id": "nobody"}])
    [verdict] = [verdict for verdict in judge_table(engine, "dim_target") if not verdict.passed]
    assert (verdict.rule, verdict.severity, verdict.failed_rows) == ("tenant_id_is_in_dim_tenant", "error", 1)
    put(engine, "stg_registry__plugins", [{"plugin_id": "p"}])
    interval = {"tenant_id": "t", "target_id": "h", "interval_number": 1, "opening": "installed"}
    put(engine, "fct_installation_interval", [{**interval, "plugin_id": "p"}, {**interval, "plugin_id": "deleted"}])
    [verdict] = [verdict for verdict in judge_table(engine, "fct_installation_interval") if not verdict.passed]
    assert (verdict.rule, verdict.severity) == ("plugin_id_is_in_stg_registry__plugins", "warn")


def test_nulls_in_a_key_equal_each_other(engine: DuckDBEngine) -> None:
    row = {"tenant_id": "t", "plugin_id": "p", "grain": "month", "metric": "installs", "source": "s"}
    put(engine, "stg_registry__statistics", [row, row, {**row, "version": "1"}])
    assert failures(engine, "stg_registry__statistics") == {UNIQUE: 2}


def test_a_number_that_is_none_is_out_of_range(engine: DuckDBEngine) -> None:
    put(engine, "mart_plugin_performance", [{"week": MONDAY, "error_rate": float("nan")}])
    assert failures(engine, "mart_plugin_performance") == {"error_rate_is_in_range": 1}


def test_a_table_with_other_columns_fails_and_is_judged_no_further(engine: DuckDBEngine) -> None:
    engine.connection.execute("CREATE TABLE dim_tenant (tenant_id VARCHAR, slug INTEGER)")
    verdicts = judge_table(engine, "dim_tenant")
    assert not any(verdict.passed for verdict in verdicts)
    assert "slug INTEGER" in next(verdict.observed for verdict in verdicts if verdict.rule == COLUMNS)
    assert len(verdicts) == len(rules_of(TABLES["dim_tenant"]))


def judge_and_note(engine: DuckDBEngine, name: str) -> dict[str, int]:
    verdicts = judge_table(engine, name)
    note_verdicts(engine, verdicts)
    return {verdict.rule: verdict.failed_rows for verdict in verdicts if not verdict.passed}


def noted_failures(engine: DuckDBEngine) -> list[tuple[str]]:
    return engine.connection.execute("SELECT check_name FROM notes.results WHERE NOT passed").fetchall()


def test_a_partitioned_table_is_judged_over_the_days_that_have_not_passed(engine: DuckDBEngine) -> None:
    tuesday = MONDAY.replace(day=3)
    event = {"tenant_id": "t", "plugin_id": "p", "type": "use", "subject_id": "s"}
    put(
        engine,
        "stg_registry__usage_events",
        [{**event, "event_id": "1", "day": MONDAY}, {**event, "event_id": "2", "day": tuesday}],
    )
    build(engine, "fct_usage_person_daily", [MONDAY, tuesday])
    engine.connection.execute("UPDATE fct_usage_person_daily SET uses = 0 WHERE day = ?", [MONDAY])
    for days in ([], [tuesday], []):
        build(engine, "fct_usage_person_daily", days)
        assert judge_and_note(engine, "fct_usage_person_daily") == {"uses_is_in_range": 1}
    build(engine, "fct_usage_person_daily", [MONDAY])
    assert judge_and_note(engine, "fct_usage_person_daily") == {}
    engine.connection.execute("UPDATE fct_usage_person_daily SET uses = 0 WHERE day = ?", [MONDAY])
    build(engine, "fct_usage_person_daily", [tuesday])
    assert judge_and_note(engine, "fct_usage_person_daily") == {}, "Monday passed and was not built since"


def test_days_built_by_a_run_that_ended_before_its_verdict_are_judged_by_the_next(engine: DuckDBEngine) -> None:
    event = {"tenant_id": "t", "plugin_id": "p", "type": "use", "subject_id": "s", "quantity": -1}
    put(engine, "stg_registry__usage_events", [{**event, "event_id": "1", "day": MONDAY}])
    build(engine, "fct_usage_person_daily", [MONDAY])
    build(engine, "fct_usage_person_daily")
    assert judge_and_note(engine, "fct_usage_person_daily") == {"uses_is_in_range": 1}


def test_a_warning_holds_while_nothing_new_is_built(engine: DuckDBEngine) -> None:
    for name in ("stg_registry__tenants", "stg_registry__plugins", "stg_registry__targets"):
        put(engine, name, [{"tenant_id": "t"}] if name == "stg_registry__tenants" else [])
    put(
        engine,
        "stg_registry__usage_events",
        [{"tenant_id": "t", "type": "use", "event_id": "e", "plugin_id": "gone", "day": MONDAY}],
    )
    Bookkeeping(engine).mark_built("stg_registry__usage_events", [MONDAY])
    judge_and_note(engine, "stg_registry__usage_events")
    warned = noted_failures(engine)
    assert warned
    judge_and_note(engine, "stg_registry__usage_events")
    assert noted_failures(engine) == warned


def test_a_warning_holds_for_as_long_as_its_rows_are_there_whatever_days_are_built(
    engine: DuckDBEngine, tmp_path: Path
) -> None:
    def judged(day: date) -> list[tuple[str, bool]]:
        build(engine, "fct_usage_daily", [day])
        verdicts = judge_table(engine, "fct_usage_daily")
        keep_failed_rows(tmp_path, verdicts)
        note_verdicts(engine, verdicts)
        return [(v.observed, (tmp_path / v.table / f"{v.rule}.parquet").is_file()) for v in verdicts if not v.passed]

    put(engine, "stg_registry__plugins", [{"plugin_id": "known"}])
    event = {"tenant_id": "t", "type": "use"}
    tuesday = MONDAY.replace(day=3)
    put(
        engine,
        "stg_registry__usage_events",
        [
            {**event, "event_id": "1", "plugin_id": "gone", "day": MONDAY},
            {**event, "event_id": "2", "plugin_id": "known", "day": tuesday},
        ],
    )
    assert judged(MONDAY) == [("1 of 1 rows", True)]
    assert judged(tuesday) == [("1 of 2 rows", True)]
    assert len(noted_failures(engine)) == 1
    put(engine, "stg_registry__plugins", [{"plugin_id": "known"}, {"plugin_id": "gone"}])
    assert judge_and_note(engine, "fct_usage_daily") == {}
    assert noted_failures(engine) == [], "cured without a day to build"


def test_a_rule_that_is_new_or_stricter_is_held_against_the_days_that_passed_before(
    engine: DuckDBEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "fct_usage_person_daily"
    event = {"tenant_id": "t", "plugin_id": "p", "type": "use", "subject_id": "s", "quantity": 5}
    tuesday = MONDAY.replace(day=3)
    put(
        engine,
        "stg_registry__usage_events",
        [{**event, "event_id": "1", "day": MONDAY}, {**event, "event_id": "2", "day": tuesday, "quantity": 50}],
    )
    build(engine, name, [MONDAY])
    assert judge_and_note(engine, name) == {}
    contract = TABLES[name]
    checks = tuple(Between("uses", least=10) if check.column == "uses" else check for check in contract.checks)
    assert checks != contract.checks
    monkeypatch.setitem(TABLES, name, replace(contract, checks=checks))
    for days in ([], [tuesday], []):
        build(engine, name, days)
        assert judge_and_note(engine, name) == {"uses_is_in_range": 1}
        assert noted_failures(engine) == [("uses_is_in_range",)]


def test_who_is_retained_is_not_more_than_who_began(engine: DuckDBEngine) -> None:
    row = {"tenant_id": "t", "plugin_id": "p", "subject_kind": "target", "cohort_month": MONDAY, "cohort_size": 1}
    put(engine, "mart_retention", [{**row, "retained": 1}, {**row, "months_since": 2, "retained": 2}])
    assert failures(engine, "mart_retention") == {"retained_is_at_most_cohort_size": 1}


def test_an_event_id_of_another_day_breaks_uniqueness_too(engine: DuckDBEngine) -> None:
    event = {"tenant_id": "t", "type": "use", "event_id": "same"}
    put(engine, "stg_registry__tenants", [{"tenant_id": "t"}])
    for name in ("stg_registry__plugins", "stg_registry__targets"):
        put(engine, name, [])
    put(engine, "stg_registry__usage_events", [{**event, "day": MONDAY.replace(day=9)}])
    assert judge_and_note(engine, "stg_registry__usage_events") == {}
    put(engine, "stg_registry__usage_events", [{**event, "day": MONDAY}, {**event, "day": MONDAY.replace(day=9)}])
    Bookkeeping(engine).mark_built("stg_registry__usage_events", [MONDAY])
    assert failures(engine, "stg_registry__usage_events") == {UNIQUE: 1}


def test_judges_that_disagree_raise(engine: DuckDBEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Were the engine's condition wrong, Great Expectations would still see the row, and the other way round."""
    batches(engine, {"stream": "gossip"})
    monkeypatch.setattr("warehouse.quality.gate.broken", lambda rule, contract, table: table.stream.isnull())
    with pytest.raises(JudgesDisagree, match="fails them"):
        judge_table(engine, "stg_registry__intake_batches")


def test_broken_rows_are_kept_up_to_a_bound_and_go_when_the_rule_passes(engine: DuckDBEngine, tmp_path: Path) -> None:
    batches(engine, *({"stream": "gossip"} for _ in range(KEPT + 5)))
    [verdict] = [verdict for verdict in judge_table(engine, "stg_registry__intake_batches") if not verdict.passed]
    kept = keep_failed_rows(tmp_path, [verdict])["stream_is_known"]
    assert kept == tmp_path / "stg_registry__intake_batches" / "stream_is_known.parquet"
    assert (pq.read_table(kept).num_rows, verdict.failed_rows) == (KEPT, KEPT + 5)
    batches(engine, {})
    keep_failed_rows(tmp_path, judge_table(engine, "stg_registry__intake_batches"))
    assert not kept.exists()


def test_the_last_verdict_of_each_rule_is_remembered(engine: DuckDBEngine) -> None:
    Bookkeeping(engine)

    def noted() -> list[tuple[str, bool]]:
        note_verdicts(engine, judge_table(engine, "stg_registry__intake_batches"))
        return engine.connection.execute("SELECT check_name, passed FROM notes.results WHERE NOT passed").fetchall()

    batches(engine, {"stream": "gossip"})
    assert noted() == [("stream_is_known", False)]
    batches(engine, {})
    assert noted() == []


def test_the_suite_is_made_of_great_expectations() -> None:
    contract = TABLES["stg_registry__usage_events"]
    made = [type(e).__name__ for rule in rules_of(contract) for e in suites.expectations_of(rule, contract, ["t"])]
    assert set(made) == {
        "ExpectTableColumnsToMatchOrderedList",
        "ExpectCompoundColumnsToBeUnique",
        "ExpectColumnValuesToNotBeNull",
        "ExpectColumnValuesToBeInSet",
        "ExpectColumnValuesToBeBetween",
    }


def test_rows_are_shown_as_a_markdown_table(engine: DuckDBEngine) -> None:
    batches(engine, {"batch_id": "a|b" + "x" * 60})
    table = engine.connection.execute("SELECT batch_id, stream FROM stg_registry__intake_batches").to_arrow_table()
    lines = markdown_table(table).splitlines()
    assert lines[0] == "| batch_id | stream |"
    assert lines[2].startswith("| a\\|bxxx") and lines[2].endswith("… | usage |")
    assert markdown_table(table.slice(0, 0)) == "No rows."


def test_a_verdict_says_how_many_rows_it_is_about(engine: DuckDBEngine) -> None:
    batches(engine, {"accepted": -1}, {}, {})
    found: Verdict = next(
        v for v in judge_table(engine, "stg_registry__intake_batches") if v.rule == "accepted_is_in_range"
    )
    assert (found.observed, found.expected, found.rows) == ("1 of 3 rows", "accepted is ≥ 0", 3)
