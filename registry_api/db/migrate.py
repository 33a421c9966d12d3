"""Bringing a database to a revision, forward or back, with a plain synchronous connection."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, event, make_url, text

VERSION_TABLE = "registry_version"
"""Not Alembic's default name, which Dagster also uses."""

MIGRATION_LOCK = 0x7061_7463_6D69
PAUSE_SECONDS = 0.05
PATIENCE_SECONDS = 60
"""How long a second process waits for the first one's migration."""

DRIVERS = {"sqlite": "sqlite", "postgresql": "postgresql+psycopg"}


def upgrade(url: str, revision: str = "head") -> None:
    """Migrate forward, all or nothing; does nothing when there already. Of two processes at once one waits."""
    with migration_config(url) as config:
        command.upgrade(config, revision)


def downgrade(url: str, revision: str = "base") -> None:
    """Migrate back."""
    with migration_config(url) as config:
        command.downgrade(config, revision)


def head_revision() -> str:
    """The newest revision this code knows."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    if head is None:
        raise RuntimeError("the migrations package holds no revision")
    return head


def current_revision(connection: Connection) -> str | None:
    """The revision a database is at; None before the first."""
    return MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE}).get_current_revision()


@contextmanager
def migration_config(url: str) -> Iterator[Config]:
    """An Alembic configuration bound to an open connection of the database."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite" and parsed.database:
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(parsed.set(drivername=DRIVERS[parsed.get_backend_name()]))
    if parsed.get_backend_name() == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    try:
        with engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
            config = _config()
            config.attributes["connection"] = connection
            yield config
    finally:
        engine.dispose()


def _prepare_sqlite(connection: sqlite3.Connection, _record: Any) -> None:
    # The driver's own transaction control begins none before DDL: a crash would leave half a schema behind.
    connection.isolation_level = None
    connection.execute(f"PRAGMA busy_timeout={PATIENCE_SECONDS * 1000}")
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not _into_wal(connection, last=time.monotonic() > deadline):
        time.sleep(PAUSE_SECONDS)


def _into_wal(connection: sqlite3.Connection, *, last: bool) -> bool:
    """Whether the file is in WAL mode; for this change SQLite does not wait its busy timeout."""
    try:
        connection.execute("PRAGMA journal_mode=WAL")
    except sqlite3.OperationalError as error:
        if last or error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
            raise
        return False
    return True


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent.parent / "migrations"))
    return config
