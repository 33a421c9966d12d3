"""Publishing and reading: what passed is shown, to whom it may be shown, at once."""

import json
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest

from patchbay.core.settings import Settings
from patchbay.core.storage import LocalStorage
from tests.warehouse.recorded import START, RecordedRegistry
from tests.warehouse.sample import (
    ACME,
    GLOBEX,
    OPERATOR,
    add_usage,
    build_everything,
    observe,
    plugin_id,
)
from warehouse.contracts import TABLES
from warehouse.publish import PUBLISHED, PublishRefused
from warehouse.read import NoSnapshot, SnapshotReader
from warehouse.session import WarehouseSession, open_session
from warehouse.snapshots import pointer_file, read_pointer


def publish(home: Path, run: str = "run") -> list[str]:
    with open_session(Settings(home=home)) as session:
        return list(session.publish(run).written)


def reader(home: Path) -> SnapshotReader:
    return SnapshotReader(Settings(home=home))


def count(home: Path, tenant: str, sql: str) -> int:
    return int(reader(home).open(tenant).query(f"SELECT count(*) AS n FROM {sql}")["n"][0])


def test_before_the_first_publication_there_is_no_snapshot(tmp_path: Path) -> None:
    with pytest.raises(NoSnapshot, match="run the pipeline first"):
        reader(tmp_path).open(ACME)


def test_every_tenant_gets_every_published_table(home: Path) -> None:
    assert publish(home) == sorted([OPERATOR, ACME, GLOBEX])
    for tenant in (OPERATOR, ACME, GLOBEX):
        tables = reader(home).open(tenant).query("SELECT table_name FROM duckdb_tables()")["table_name"].to_list()
        assert set(tables) == {contract.name for contract in PUBLISHED} | {"snapshot_info"}


def test_a_tenant_sees_its_own_rows_and_the_public_catalogue_and_nothing_else(home: Path) -> None:
    publish(home)
    for contract in PUBLISHED:
        others = count(home, ACME, f"{contract.name} WHERE tenant_id NOT IN ('{ACME}', '{OPERATOR}')")
        assert others == 0, contract.name
    assert count(home, ACME, "dim_plugin WHERE visibility = 'private'") == 1
    assert count(home, GLOBEX, "dim_plugin WHERE visibility = 'private'") == 0
    assert count(home, GLOBEX, "dim_release") == 18
    assert count(home, GLOBEX, "dim_advisory") == 4
    assert count(home, OPERATOR, "dim_target") == 8


def test_counts_on_a_plugin_are_those_of_what_the_tenant_sees(home: Path) -> None:
    publish(home)
    sql = "SELECT installed_targets AS n FROM dim_plugin WHERE name = 'git'"
    assert reader(home).open(ACME).query(sql)["n"][0] == 4
    assert reader(home).open(OPERATOR).query(sql)["n"][0] == 8


def test_a_snapshot_knows_where_it_comes_from(home: Path) -> None:
    publish(home, "run-7")
    snapshot = reader(home).open(ACME)
    info = dict(snapshot.query("SELECT key, value FROM snapshot_info").iter_rows())
    assert (info["snapshot_id"], info["tenant_id"], info["build_run_id"]) == (snapshot.snapshot_id, ACME, "run-7")
    assert (snapshot.build_run_id, snapshot.published_at.isoformat()) == ("run-7", info["published_at"])
    assert snapshot.data_until is not None
    assert snapshot.data_until >= START + timedelta(days=3)
    checks = snapshot.checks()
    assert checks["passed"].all()
    assert {"dim_plugin", "mart_adoption"} <= set(checks["table_name"])


def test_a_snapshot_cannot_be_written_nor_read_other_files(home: Path) -> None:
    publish(home)
    snapshot = reader(home).open(ACME)
    with pytest.raises(duckdb.Error, match="read-only"):
        snapshot.query("DELETE FROM dim_plugin")
    other = read_pointer(pointer_file(home / "published")).tenants[GLOBEX].file
    with pytest.raises(duckdb.Error, match="disabled"):
        snapshot.query(f"ATTACH '{home}/published/{other}' AS other")
    with pytest.raises(duckdb.Error, match="locked"):
        snapshot.query("SET enable_external_access = true")


def test_queries_take_parameters_and_run_side_by_side(home: Path) -> None:
    publish(home)
    snapshot = reader(home).open(ACME)

    def ask(number: int) -> int:
        return int(snapshot.query("SELECT ? + count(*) AS n FROM dim_plugin", [number])["n"][0])

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, range(40))) == [number + 7 for number in range(40)]


def test_only_tenants_whose_content_changed_are_written_again(
    home: Path, pristine: tuple[Path, RecordedRegistry]
) -> None:
    publish(home)
    old = {tenant: reader(home).open(tenant).snapshot_id for tenant in (OPERATOR, ACME, GLOBEX)}
    assert publish(home) == []
    registry = deepcopy(pristine[1])
    observe(registry, ACME, 0, "docker", "added", START + timedelta(days=2), "1.0.0")
    with open_session(Settings(home=home)) as session:
        build_everything(session, registry)
        assert session.publish("next").written == tuple(sorted([OPERATOR, ACME]))
    new = {tenant: reader(home).open(tenant).snapshot_id for tenant in old}
    assert new[GLOBEX] == old[GLOBEX]
    assert new[ACME] != old[ACME]
    assert reader(home).open(GLOBEX).build_run_id == "next"


def test_two_rows_that_change_alike_are_a_change(home: Path) -> None:
    publish(home)
    with open_session(Settings(home=home)) as session:
        targets = session.engine.connection.execute(
            "SELECT target_id FROM dim_target WHERE tenant_id = ? LIMIT 2", [ACME]
        ).fetchall()
        session.engine.connection.execute(
            "UPDATE dim_target SET lifecycle = 'retired' WHERE list_contains(?, target_id)",
            [[row[0] for row in targets]],
        )
        assert session.publish("next").written == tuple(sorted([OPERATOR, ACME]))
    assert count(home, ACME, "dim_target WHERE lifecycle = 'retired'") == 2


def test_a_check_that_turns_is_shown_and_no_file_is_written_for_it(home: Path) -> None:
    publish(home)
    with open_session(Settings(home=home)) as session:
        session.engine.connection.execute("UPDATE notes.results SET passed = false WHERE severity = 'warn'")
        assert session.publish("next").written == ()
    assert not reader(home).open(ACME).checks()["passed"].all()


def test_counts_over_all_tenants_are_shown_to_the_operator_only(home: Path) -> None:
    publish(home)
    shown = {tenant: reader(home).open(tenant).checks() for tenant in (OPERATOR, ACME)}
    assert shown[OPERATOR]["observed"].null_count() == shown[OPERATOR]["failed_rows"].null_count() == 0
    assert shown[ACME]["observed"].is_null().all() and shown[ACME]["failed_rows"].is_null().all()
    assert shown[ACME].schema == shown[OPERATOR].schema


def test_a_reader_lets_go_of_files_that_are_superseded(home: Path) -> None:
    publish(home)
    one = reader(home)
    file = home / "published" / read_pointer(pointer_file(home / "published")).tenants[ACME].file
    one.open(ACME).query("SELECT 1")
    assert is_open(file)
    with open_session(Settings(home=home)) as session:
        session.engine.connection.execute("UPDATE dim_tenant SET name = 'Renamed' WHERE tenant_id = ?", [ACME])
        session.publish("next")
    one.open(GLOBEX)
    assert not is_open(file)


def is_open(file: Path) -> bool:
    """Whether this process holds the file."""
    return any(link.resolve() == file.resolve() for link in Path("/proc/self/fd").iterdir() if link.exists())


def test_the_current_publication_stays_when_the_clock_was_set_back(home: Path) -> None:
    publish(home)
    history = home / "published" / "history"
    for number in range(3):
        shutil.copyfile(next(history.glob("*.json")), history / f"ffffffff-{number}.json")
    with open_session(Settings(home=home)) as session:
        session.engine.connection.execute("UPDATE dim_tenant SET name = 'Renamed' WHERE tenant_id = ?", [ACME])
        session.publish("next")
    assert reader(home).open(ACME).query("SELECT name FROM dim_tenant")["name"][0] == "Renamed"


def break_table(session: WarehouseSession) -> None:
    session.engine.connection.execute("UPDATE mart_adoption SET uses = -1 WHERE rowid = 0")
    session.judge("mart_adoption")


def test_nothing_is_published_while_a_rule_fails_and_the_last_publication_stays(home: Path) -> None:
    publish(home)
    before = reader(home).open(ACME).snapshot_id
    with open_session(Settings(home=home)) as session:
        break_table(session)
        with pytest.raises(PublishRefused, match=r"mart_adoption\.uses_is_in_range"):
            session.publish("bad")
    assert reader(home).open(ACME).snapshot_id == before
    assert count(home, ACME, "mart_adoption WHERE uses < 0") == 0
    assert (home / "warehouse/failed/mart_adoption/uses_is_in_range.parquet").is_file()


def test_a_table_built_but_not_judged_is_not_published(home: Path) -> None:
    with open_session(Settings(home=home)) as session:
        session.build("dim_tenant")
        with pytest.raises(PublishRefused, match="dim_tenant not judged"):
            session.publish("run")


def test_usage_that_was_taken_in_and_not_built_is_not_published_as_repeats(
    home: Path, pristine: tuple[Path, RecordedRegistry]
) -> None:
    publish(home)
    before = reader(home).open(ACME).data_until
    registry = deepcopy(pristine[1])
    registry.storage = LocalStorage(home)
    add_usage(registry, 3, 2)
    with open_session(Settings(home=home)) as session:
        session.ingest(registry, registry.storage)
        for name, contract in TABLES.items():
            if not contract.partitioned:
                session.build(name)
                session.judge(name)
        with pytest.raises(PublishRefused, match="stg_registry__usage_events not built"):
            session.publish("half")
        build_everything(session, registry)
        session.publish("whole")
    assert reader(home).open(ACME).data_until != before
    assert count(home, OPERATOR, "mart_data_quality WHERE code = 'repeated_event'") == 0


def test_a_reader_moves_to_the_next_publication_and_an_open_snapshot_keeps_working(home: Path) -> None:
    publish(home)
    one = reader(home)
    old = one.open(ACME)
    with open_session(Settings(home=home)) as session:
        session.engine.connection.execute("UPDATE dim_tenant SET name = 'Renamed' WHERE tenant_id = ?", [ACME])
        for _ in range(5):
            session.engine.connection.execute("UPDATE dim_tenant SET name = name || '!' WHERE tenant_id = ?", [ACME])
            session.publish("more")
    assert one.open(ACME).query("SELECT name FROM dim_tenant")["name"][0] == "Renamed!!!!!"
    assert old.query("SELECT name FROM dim_tenant")["name"][0] == "Acme"


def test_old_files_go_and_those_still_named_stay(home: Path) -> None:
    publish(home)
    first = read_pointer(pointer_file(home / "published")).tenants[GLOBEX].file
    leftover = home / "published" / "broken-build" / f"{ACME}.duckdb"
    leftover.parent.mkdir()
    leftover.write_bytes(b"half")
    with open_session(Settings(home=home)) as session:
        for number in range(5):
            session.engine.connection.execute("UPDATE dim_tenant SET name = ? WHERE tenant_id = ?", [str(number), ACME])
            session.publish("more")
    assert not leftover.exists()
    assert len(list((home / "published" / "history").glob("*.json"))) == 3
    assert len(list((home / "published").glob(f"*/{ACME}.duckdb"))) == 3
    assert (home / "published" / first).is_file()


def test_a_tenant_that_is_gone_is_published_no_more(home: Path) -> None:
    publish(home)
    with open_session(Settings(home=home)) as session:
        session.engine.connection.execute("DELETE FROM dim_tenant WHERE tenant_id = ?", [GLOBEX])
        session.publish("run")
    with pytest.raises(NoSnapshot):
        reader(home).open(GLOBEX)


def test_the_pointer_is_readable_by_anything(home: Path) -> None:
    publish(home)
    pointer = json.loads((home / "published" / "current.json").read_text())
    assert set(pointer["tenants"]) == {OPERATOR, ACME, GLOBEX}


def test_a_small_tenants_file_is_small(home: Path) -> None:
    publish(home)
    file = read_pointer(pointer_file(home / "published")).tenants[GLOBEX].file
    assert (home / "published" / file).stat().st_size < 2_000_000


def test_reading_needs_no_ibis_nor_pandas_nor_great_expectations() -> None:
    code = "import sys, warehouse.read; print(*{'ibis', 'pandas', 'great_expectations', 'dagster', 'pyarrow'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == ""


def test_the_sample_world_has_rows_in_every_published_table(sample_home: Path) -> None:
    for contract in PUBLISHED:
        assert count(sample_home, OPERATOR, contract.name) > 0, contract.name
    assert count(sample_home, ACME, f"dim_plugin WHERE plugin_id = '{plugin_id('git')}'") == 1
