"""The code location: loads fast and offline, and says of every asset what a person wants to know."""

import os
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from patchbay.cli import processes
from patchbay.core.settings import Settings
from pipelines.conditions import WRITER_POOL
from pipelines.definitions import defs
from pipelines.instance import _ONE_PLANNED_EVENT, open_instance
from warehouse.contracts import RAW_TABLES, TABLES
from warehouse.quality.rules import rules_of
from warehouse.transforms import inputs_of

LEARNT = dict.fromkeys(("recommender", "risk_model", "detectors"), "models") | dict.fromkeys(
    ("recommendations", "similar", "risk", "anomalies", "forecasts"), "insights"
)
LOADING = """
import sys, time, socket
import dagster, duckdb, ibis, ibis.backends.duckdb, pyarrow, polars, numpy, pydantic_settings
def refuse(*_, **__):
    raise AssertionError("the network was used")
socket.socket.connect = refuse
began = time.perf_counter()
from pipelines.definitions import defs
defs.get_repository_def().load_all_definitions()
print(time.perf_counter() - began)
print(*sorted({"great_expectations", "pandas", "httpx", "lightfm", "river", "scipy"} & set(sys.modules)))
"""


def specs() -> dict[str, dg.AssetSpec]:
    return {spec.key.to_user_string(): spec for spec in defs.resolve_all_asset_specs()}


def test_definitions_load_in_a_fresh_interpreter_fast_and_without_network_or_files(tmp_path: Path) -> None:
    """The limit is a second beyond third-party imports; three here, since tests share the machine."""
    environment = {"PYTHONPATH": str(Path.cwd()), "PATCHBAY_HOME": str(tmp_path / "never"), "PATH": ""}
    run = subprocess.run([sys.executable, "-c", LOADING], capture_output=True, text=True, check=True, env=environment)
    seconds, heavy = run.stdout.splitlines()
    assert float(seconds) < 3
    assert heavy == ""
    assert not (tmp_path / "never").exists()


def test_the_definitions_file_stays_short(repository: Path) -> None:
    assert len((repository / "pipelines" / "definitions.py").read_text().splitlines()) < 60


def test_there_is_an_asset_for_every_table_for_the_snapshots_and_for_what_is_learnt() -> None:
    assert set(specs()) == {*RAW_TABLES, *TABLES, "snapshots", *LEARNT}


def test_a_build_does_not_learn_and_learning_does_not_build() -> None:
    """A model that fails must not keep people's data back, and a nightly fit must not build tables."""
    keys = {
        job: {key.to_user_string() for key in defs.resolve_job_def(job).asset_layer.executable_asset_keys}
        for job in ("build_warehouse", "learn_models")
    }
    assert keys == {"build_warehouse": {*RAW_TABLES, *TABLES, "snapshots"}, "learn_models": set(LEARNT)}


@pytest.mark.parametrize("name", LEARNT)
def test_what_is_learnt_shows_owner_group_description_and_freshness(name: str) -> None:
    spec = specs()[name]
    assert list(spec.owners) == ["team:machine-learning"]
    assert spec.group_name == LEARNT[name]
    assert spec.description and spec.freshness_policy and spec.deps


@pytest.mark.parametrize("name", [*RAW_TABLES, *TABLES, "snapshots"])
def test_an_asset_shows_owner_group_kind_description_and_freshness(name: str) -> None:
    spec = specs()[name]
    assert list(spec.owners) == ["team:data-engineering"]
    assert spec.group_name in ("raw", "staging", "core", "marts", "published")
    assert "duckdb" in spec.kinds
    assert spec.description
    assert spec.freshness_policy


@pytest.mark.parametrize("name", TABLES)
def test_a_tables_asset_shows_its_grain_and_its_columns(name: str) -> None:
    spec, contract = specs()[name], TABLES[name]
    assert contract.grain in (spec.description or "")
    shown = spec.metadata["dagster/column_schema"]
    assert [(column.name, column.type) for column in shown.columns] == list(contract.types.items())
    assert (spec.partitions_def is not None) == contract.partitioned


@pytest.mark.parametrize("name", TABLES)
def test_lineage_is_that_of_the_transforms(name: str) -> None:
    parents = {dep.asset_key.to_user_string() for dep in specs()[name].deps}
    assert parents == set(inputs_of(name)) - {"build_days"}


def test_every_rule_is_a_check_and_blocks_when_it_is_an_error() -> None:
    found = {
        (spec.asset_key.to_user_string(), spec.name): spec.blocking
        for check in defs.asset_checks or []
        for spec in check.check_specs
    }
    wanted = {(name, rule.name): rule.severity == "error" for name, table in TABLES.items() for rule in rules_of(table)}
    assert found == wanted


def test_every_step_that_writes_waits_in_the_writers_pool() -> None:
    job = defs.resolve_job_def("build_warehouse")
    assert {node.definition.pool for node in job.graph.nodes} == {WRITER_POOL}


def test_the_sensors_and_the_schedules_start_by_themselves() -> None:
    repository = defs.get_repository_def()
    assert {s.name: s.default_status for s in repository.sensor_defs} == {
        "new_segments": dg.DefaultSensorStatus.RUNNING,
        "watch": dg.DefaultSensorStatus.RUNNING,
    }
    assert {s.name: s.default_status for s in repository.schedule_defs} == {
        "build_daily": dg.DefaultScheduleStatus.RUNNING,
        "ingest_hourly": dg.DefaultScheduleStatus.RUNNING,
        "learn_daily": dg.DefaultScheduleStatus.RUNNING,
    }


def test_processes_that_create_runs_say_once_per_asset_which_days_are_planned(tmp_path: Path) -> None:
    """The webserver and the daemon never import our instance module, which sets the switch for the CLI."""
    with open_instance(Settings(home=tmp_path)):
        wanted = {_ONE_PLANNED_EVENT: os.environ[_ONE_PLANNED_EVENT]}
    assert all(program.environment == wanted for program in processes.dagster(Settings(home=tmp_path)))
