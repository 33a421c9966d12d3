"""Builds through Dagster: the run is there, the checks hold, what failed is not shown."""

from datetime import date, timedelta
from pathlib import Path

import dagster as dg
import pyarrow as pa

from patchbay.cli import processes
from patchbay.cli.context import child_environment
from patchbay.core.ids import new_id
from patchbay.core.settings import Settings
from pipelines.definitions import definitions, defs
from pipelines.instance import PROCESS, fail_abandoned_runs, fail_dead_runs, open_instance, this_process
from pipelines.resources.registry import RegistryOf, registry_resource
from pipelines.resources.warehouse import warehouse_resource
from pipelines.run import STEPS, build
from tests.pipelines.conftest import World
from tests.warehouse.recorded import START, RecordedRegistry
from tests.warehouse.sample import ACME, add_usage, plugin_id, sample_registry
from warehouse.contracts import TABLES
from warehouse.quality.rules import rules_of
from warehouse.read import SnapshotReader
from warehouse.session import open_session

RULES = sum(len(rules_of(contract)) for contract in TABLES.values())


def latest(world: World, name: str, day: date | None = None) -> dg.AssetMaterialization:
    with open_instance(world.settings) as instance:
        records = instance.fetch_materializations(
            dg.AssetRecordsFilter(dg.AssetKey(name), asset_partitions=[day.isoformat()] if day else None), limit=1
        ).records
        assert records, name
        found = records[0].asset_materialization
        assert found
        return found


def uses(world: World, tenant: str = ACME) -> int:
    reader = SnapshotReader(world.settings)
    return int(reader.open(tenant).query("SELECT sum(uses) AS n FROM fct_usage_daily")["n"][0])


def test_a_build_from_nothing_fills_checks_and_publishes_everything(world: World) -> None:
    first = world.first
    assert first.success
    assert (first.tables, first.checks_passed, first.checks_failed) == (len(TABLES), RULES, 0)
    assert (first.days, first.snapshots) == (4, 3)
    assert uses(world) > 0


def test_the_run_is_in_dagster_with_its_days(world: World) -> None:
    with open_instance(world.settings) as instance:
        run = instance.get_run_by_id(world.first.run_id)
        assert run
        assert (run.status, run.job_name) == (dg.DagsterRunStatus.SUCCESS, "build_warehouse")
        assert run.tags["dagster/asset_partition_range_start"] == "2026-03-01"
        assert run.tags["dagster/asset_partition_range_end"] == "2026-03-04"
        days = instance.get_materialized_partitions(dg.AssetKey("fct_usage_daily"))
    assert days == {"2026-03-01", "2026-03-02", "2026-03-03", "2026-03-04"}


def test_a_materialisation_shows_counts_rows_and_a_picture(world: World) -> None:
    shown = latest(world, "mart_adoption").metadata
    assert shown["dagster/row_count"].value > 0
    assert "| tenant_id |" in str(shown["preview"].value)
    assert "data:image/png;base64," in str(shown["rows_by_date"].value)
    assert latest(world, "fct_usage_daily").metadata["days"].value == "4 days, 2026-03-01 to 2026-03-04"
    assert latest(world, "snapshots").metadata["tenants_written"].value == 3


def test_check_results_are_in_dagster(world: World) -> None:
    key = dg.AssetCheckKey(dg.AssetKey("mart_adoption"), "key_is_unique")
    with open_instance(world.settings) as instance:
        [record] = instance.event_log_storage.get_asset_check_execution_history(key, limit=1)
    assert record.status.value == "SUCCEEDED"


def test_builds_after_the_first_do_only_what_changed(own_world: World) -> None:
    world = own_world
    idle = world.build()
    assert (idle.success, idle.days, idle.snapshots) == (True, 0, 0)
    add_usage(world.registry, 4, 1)
    told: list[tuple[str, int, int]] = []
    before = uses(world)
    day = build(world.settings, registry=world.access, progress=lambda *step: told.append(step))
    assert (day.success, day.days, day.snapshots) == (True, 1, 3)
    assert uses(world) > before
    assert (told[0][0], told[-1][0], told[-1][1:]) == ("ingest", "snapshots", (STEPS, STEPS))
    late = {
        "event_id": "late",
        "tenant_id": ACME,
        "type": "use",
        "at": START,
        "plugin_id": plugin_id("git"),
        "quantity": 5,
    }
    world.registry.segment("late", ACME, [late, {**late, "event_id": "new", "at": START + timedelta(days=6)}])
    before = uses(world)
    assert world.build().days == 2
    assert uses(world) == before + 10


class Arriving:
    """Feeds of a registry that takes a day of usage each time its head is asked for, after the answer."""

    def __init__(self, registry: RecordedRegistry) -> None:
        self._registry = registry
        self._day = 10

    def head_seq(self) -> int:
        head = self._registry.head_seq()
        add_usage(self._registry, self._day, 1)
        self._day += 1
        return head

    def read_feed(self, feed: str, after: int, limit: int) -> tuple[pa.Table, int, bool]:
        return self._registry.read_feed(feed, after, limit)


def test_usage_that_arrives_while_a_build_starts_is_built_by_it_and_published(own_world: World) -> None:
    world = own_world
    feeds, reader = Arriving(world.registry), SnapshotReader(world.settings)
    before = uses(world)
    for day, days in ((10, 1), (12, 2)):
        summary = build(world.settings, registry=RegistryOf(feeds, world.registry.storage))
        assert (summary.success, summary.days) == (True, days)
        snapshot = reader.open(ACME)
        assert uses(world) > before
        assert snapshot.query("SELECT max(day) FROM fct_usage_daily").item() == (START + timedelta(days=day)).date()
        assert snapshot.query("FROM mart_data_quality WHERE code = 'repeated_event'").height == 0
        before = uses(world)


def test_a_bad_row_blocks_what_is_made_from_it_and_is_kept_and_the_last_publication_stays(own_world: World) -> None:
    world = own_world
    reader = SnapshotReader(world.settings)
    before = reader.open(ACME).snapshot_id
    bad = {"event_id": "bad", "tenant_id": ACME, "type": "dance", "at": START, "plugin_id": plugin_id("git")}
    world.registry.segment("bad", ACME, [bad])
    failed = world.build()
    assert (failed.success, failed.checks_failed, failed.snapshots) == (False, 1, 0)
    assert reader.open(ACME).snapshot_id == before
    kept = world.settings.home / "warehouse" / "failed" / "stg_registry__usage_events" / "type_is_known.parquet"
    assert kept.is_file()
    with open_instance(world.settings) as instance:
        run = instance.get_run_by_id(failed.run_id)
        assert run and run.status == dg.DagsterRunStatus.FAILURE
        done = {
            event.asset_key.to_user_string()
            for event in (
                log.dagster_event for log in instance.all_logs(failed.run_id, dg.DagsterEventType.ASSET_MATERIALIZATION)
            )
            if event and event.asset_key
        }
        key = dg.AssetCheckKey(dg.AssetKey("stg_registry__usage_events"), "type_is_known")
        [check] = instance.event_log_storage.get_asset_check_execution_history(key, limit=1)
    assert "fct_usage_daily" not in done and "snapshots" not in done
    assert check.event and "dance" in str(
        check.event.dagster_event.asset_check_evaluation_data.metadata["broken"].value
    )  # type: ignore[union-attr]
    world.registry.retire("bad", "erased")
    mended = world.build()
    assert (mended.success, mended.checks_failed) == (True, 0)
    assert not kept.exists()


def test_a_backfill_by_hand_replaces_every_day_of_its_range(own_world: World) -> None:
    world = own_world
    with open_session(world.settings) as session:
        session.engine.connection.execute("DELETE FROM fct_usage_daily")
    location = definitions(warehouse_resource(world.settings), registry_resource(world.access))
    tags = {"dagster/asset_partition_range_start": "2026-03-02", "dagster/asset_partition_range_end": "2026-03-03"}
    with open_instance(world.settings) as instance:
        result = location.resolve_implicit_global_asset_job_def().execute_in_process(
            instance=instance, tags=tags, asset_selection=[dg.AssetKey("fct_usage_daily")]
        )
    assert result.success
    with open_session(world.settings) as session:
        days = session.engine.connection.execute("SELECT DISTINCT day FROM fct_usage_daily ORDER BY 1").fetchall()
    assert days == [(date(2026, 3, 2),), (date(2026, 3, 3),)]


def test_a_lake_that_lost_a_file_fails_the_run_and_says_which(own_world: World) -> None:
    world = own_world
    add_usage(world.registry, 4, 1)
    world.registry.storage.delete(f"lake/usage/{ACME}-4.parquet")
    failed = world.build()
    assert not failed.success
    with open_instance(world.settings) as instance:
        logs = instance.all_logs(failed.run_id, dg.DagsterEventType.STEP_FAILURE)
        told = " ".join(str(log.dagster_event.event_specific_data) for log in logs if log.dagster_event)
    assert f"lake/usage/{ACME}-4.parquet" in told


def started(instance: dg.DagsterInstance, run_id: str, **tags: str) -> str:
    job = defs.resolve_job_def("ingest_feeds")
    return instance.create_run_for_job(job, run_id=run_id, status=dg.DagsterRunStatus.STARTED, tags=tags).run_id


def test_a_run_whose_process_is_gone_is_failed_and_a_living_ones_is_not(tmp_path: Path) -> None:
    settings, gone = Settings(home=tmp_path), str(new_id())
    with open_instance(settings) as instance, this_process(settings) as living:
        dead, alive = (started(instance, run_id, **{PROCESS: run_id}) for run_id in (gone, living))
        daemons = started(instance, str(new_id()))
        again = started(instance, str(new_id()), **{PROCESS: gone})
        assert fail_dead_runs(instance) == [dead]
        statuses = {run.run_id: run.status for run in instance.get_runs()}
    assert statuses[dead] == dg.DagsterRunStatus.FAILURE
    assert {statuses[run] for run in (alive, daemons, again)} == {dg.DagsterRunStatus.STARTED}


def test_before_a_daemon_starts_the_runs_of_the_last_one_are_failed_and_a_living_build_is_not(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    assert fail_abandoned_runs(settings) == []
    with open_instance(settings) as instance, this_process(settings) as living:
        alive, daemons = started(instance, living, **{PROCESS: living}), started(instance, str(new_id()))
        processes.fail_abandoned_runs(settings, child_environment(settings))
        statuses = {run.run_id: run.status for run in instance.get_runs()}
    assert statuses == {alive: dg.DagsterRunStatus.STARTED, daemons: dg.DagsterRunStatus.FAILURE}


def test_the_ingest_job_takes_in_and_builds_nothing(tmp_path: Path) -> None:
    registry = sample_registry(tmp_path, days=2)
    settings = Settings(home=tmp_path)
    parts = RegistryOf(registry, registry.storage)
    location = definitions(warehouse_resource(settings), registry_resource(parts))
    with dg.DagsterInstance.ephemeral() as instance:
        assert location.resolve_job_def("ingest_feeds").execute_in_process(instance=instance).success
    with open_session(settings) as session:
        assert session.engine.count("raw_plugins") == 7
        assert session.books.stale_days() == [date(2026, 3, 1), date(2026, 3, 2)]
