"""Migrations: up, down, up again, and the same schema as the models, on both databases."""

import warnings
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, create_engine, event, inspect, make_url

from patchbay.core.settings import Settings
from registry_api.bootstrap import bootstrap
from registry_api.db.metadata import METADATA
from registry_api.db.migrate import DRIVERS, VERSION_TABLE, current_revision, downgrade, head_revision, upgrade
from tests.registry_api.conftest import running
from tests.registry_api.postgres import create_database


@pytest.fixture
def empty_url(backend, request, tmp_path):
    """A database without tables."""
    if backend == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path / 'empty.db'}"
    return create_database(request.getfixturevalue("postgres_server"), f"m{uuid4().hex}")


def connect(url):
    parsed = make_url(url)
    return create_engine(parsed.set(drivername=DRIVERS[parsed.get_backend_name()])).connect()


def tables(url):
    with connect(url) as connection:
        return set(inspect(connection).get_table_names()) - {VERSION_TABLE}


def test_migrations_go_up_down_and_up_again(empty_url):
    upgrade(empty_url)
    assert tables(empty_url) == set(METADATA.tables)
    downgrade(empty_url)
    assert tables(empty_url) == set()
    upgrade(empty_url)
    assert tables(empty_url) == set(METADATA.tables)
    with connect(empty_url) as connection:
        assert current_revision(connection) == head_revision()


def test_the_migrated_schema_is_the_models(empty_url):
    upgrade(empty_url)
    with connect(empty_url) as connection, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # SQLite's reflection says that it skips expression indexes
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE, "compare_type": True})
        assert compare_metadata(context, METADATA) == []


def test_upgrading_twice_does_nothing(empty_url):
    upgrade(empty_url)
    upgrade(empty_url)
    assert tables(empty_url) == set(METADATA.tables)


async def test_installs_that_stand_are_counted_in_a_database_that_had_no_count_of_them(registry):
    settings, tokens = registry
    async with running(settings, tokens) as api:
        await api.acme.post("/v1/plugins", json={"namespace": "n", "name": "one", "visibility": "private"})
        targets = [{"name": name, "environment": "dev", "kind": "test"} for name in "abc"]
        await api.acme.post("/v1/targets/batches", json={"targets": targets})
        seen = [("a", "present", 1), ("b", "present", 1), ("b", "removed", 2), ("c", "removed", 1), ("c", "present", 3)]
        rows = [
            {
                "target": name,
                "plugin": "n:one",
                "event": what,
                "source": "s",
                "occurred_at": f"2026-01-0{day}T00:00:00Z",
            }
            for name, what, day in seen
        ]
        answer = await api.acme.post("/v1/observations/installations", json={"observations": rows})
        assert answer.json()["created"] == 5, answer.text
    downgrade(settings.resolved_database_url, "0003")
    with connect(settings.resolved_database_url) as connection:
        left = "SELECT count(*) FROM quota_uses WHERE quota = 'installs'"
        assert connection.exec_driver_sql(left).scalar_one() == 0
    upgrade(settings.resolved_database_url)
    async with running(settings, tokens) as api:
        quotas = (await api.acme.get("/v1/tenants/acme/usage")).json()["quotas"]
        assert [row["used"] for row in quotas if row["quota"] == "installs"] == [2]


def test_bootstrapping_twice_keeps_every_secret_and_row(registry):
    settings, _ = registry
    names = ("admin.token", "admin.password", "service.token", "person.key", "cursor.key")
    before = {name: settings.secret_file(name).read_bytes() for name in names}
    counts = rows(settings)
    bootstrap(settings)
    assert {name: settings.secret_file(name).read_bytes() for name in names} == before
    assert rows(settings) == counts


def rows(settings: Settings):
    with connect(settings.resolved_database_url) as connection:
        return {
            table: connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one()
            for table in ("tenants", "users", "passwords", "memberships", "api_tokens", "audit_records", "outbox")
        }


def test_secret_files_are_readable_by_their_owner_only(registry):
    settings, _ = registry
    folder = settings.secret_file("admin.token").parent
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}


def test_a_lost_token_file_is_replaced_and_the_lost_token_revoked(registry):
    settings, tokens = registry
    settings.secret_file("service.token").unlink()
    bootstrap(settings)
    assert settings.secret_file("service.token").read_text().strip() != tokens["service"]
    with connect(settings.resolved_database_url) as connection:
        live = "SELECT count(*) FROM api_tokens WHERE name = 'service.token' AND revoked_at IS NULL"
        assert connection.exec_driver_sql(live).scalar_one() == 1


def test_a_crash_between_secret_file_and_database_is_mended_by_the_next_start(tmp_path):
    settings = Settings(home=tmp_path / "home")
    bootstrap(settings)
    kept = settings.secret_file("admin.token").read_text()
    (settings.root / "registry.db").unlink()
    bootstrap(settings)
    assert settings.secret_file("admin.token").read_text() == kept
    assert rows(settings)["api_tokens"] == 2


def test_a_broken_token_file_is_named(tmp_path):
    settings = Settings(home=tmp_path / "home")
    settings.secret_file("admin.token").parent.mkdir(parents=True)
    settings.secret_file("admin.token").write_text("pb_thalf")
    with pytest.raises(ValueError, match=r"admin\.token does not hold a whole token"):
        bootstrap(settings)


def test_a_crash_in_the_first_migration_leaves_nothing_behind_and_the_next_one_succeeds(empty_url):
    def crash(_connection, _cursor, statement, *_):
        if "CREATE TABLE login_sessions" in statement:
            raise KeyboardInterrupt

    event.listen(Engine, "before_cursor_execute", crash)
    try:
        with pytest.raises(KeyboardInterrupt):
            upgrade(empty_url)
    finally:
        event.remove(Engine, "before_cursor_execute", crash)
    assert tables(empty_url) == set()
    upgrade(empty_url)
    assert tables(empty_url) == set(METADATA.tables)


def test_two_processes_that_set_up_at_once_make_one_registry(empty_url, tmp_path):
    settings = Settings(home=tmp_path / "home", database_url=empty_url)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(bootstrap, [settings] * 2))
    counts = rows(settings)
    assert (counts["tenants"], counts["users"], counts["api_tokens"]) == (1, 1, 2)


def test_a_revoked_process_token_is_replaced_by_the_next_start(registry):
    settings, tokens = registry
    with connect(settings.resolved_database_url) as connection:
        revoke = "UPDATE api_tokens SET revoked_at = recorded_at WHERE name = 'service.token'"
        connection.exec_driver_sql(revoke)
        connection.commit()
    bootstrap(settings)
    assert settings.secret_file("service.token").read_text().strip() != tokens["service"]
    with connect(settings.resolved_database_url) as connection:
        live = "SELECT count(*) FROM api_tokens WHERE name = 'service.token' AND revoked_at IS NULL"
        assert connection.exec_driver_sql(live).scalar_one() == 1
