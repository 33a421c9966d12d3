"""Reading published snapshots: what dashboards and the API use. Light to import: DuckDB and Polars only."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

import duckdb
import polars as pl

from warehouse.snapshots import FOLDER, Pointer, outcome_rows, pointer_file, read_pointer

if TYPE_CHECKING:
    import pyarrow as pa

    from patchbay.core.settings import Settings

OPEN_FILES = 64
"""Snapshots one reader keeps open; the least used is let go first."""
_CHECKS: dict[str, pl.DataType | type[pl.DataType]] = {
    "check_name": pl.String,
    "table_name": pl.String,
    "severity": pl.String,
    "passed": pl.Boolean,
    "observed": pl.String,
    "expected": pl.String,
    "failed_rows": pl.Int64,
    "checked_at": pl.Datetime("us", "UTC"),
}
_COUNTED = ("observed", "failed_rows")


class NoSnapshot(LookupError):
    """Nothing is published for that tenant yet."""

    def __init__(self, tenant_id: str) -> None:
        super().__init__(f"nothing is published for tenant {tenant_id} yet; run the pipeline first")
        self.tenant_id = tenant_id


class Snapshot:
    """One tenant's published warehouse. Safe to share between threads; keeps its file for as long as it is referred to."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, tenant_id: str, pointer: Pointer) -> None:
        self._connection = connection
        self._pointer = pointer
        self.tenant_id = tenant_id

    @property
    def snapshot_id(self) -> str:
        """Names this tenant's content: equal ids, equal content. The key for caches."""
        return self._pointer.tenants[self.tenant_id].snapshot_id

    @property
    def published_at(self) -> datetime:
        """When the publication that holds now was made; the content may be older and unchanged."""
        return self._pointer.published_at

    @property
    def data_until(self) -> datetime | None:
        """The newest change of the registry that is in; None when the registry was empty."""
        return self._pointer.data_until

    @property
    def head_seq(self) -> int:
        """The position of the registry's feeds that this publication stands at."""
        return self._pointer.head_seq

    @property
    def build_run_id(self) -> str:
        """The Dagster run that published."""
        return self._pointer.build_run_id

    def query(self, sql: str, params: Sequence[object] | Mapping[str, object] = ()) -> pl.DataFrame:
        """The rows of a SELECT, with `?` or `$name` parameters; each call has its own cursor. Nothing can be written."""
        with self._connection.cursor() as cursor:
            return cursor.execute(sql, params).pl()

    @contextmanager
    def reading(
        self, sql: str, params: Sequence[object] | Mapping[str, object] = (), rows: int = 65_536
    ) -> Iterator[pa.RecordBatchReader]:
        """The rows of a SELECT as an Arrow reader, fetched while it is consumed: an answer of any size in little memory."""
        with self._connection.cursor() as cursor:
            yield cursor.execute(sql, params).to_arrow_reader(rows)

    def checks(self) -> pl.DataFrame:
        """The last outcome of every quality rule: check_name, table_name, severity, passed, observed, expected, failed_rows, checked_at.

        What was observed and how many rows failed are counts over all tenants: null unless the tenant is an operator.
        """
        outcomes = pl.DataFrame(outcome_rows(self._pointer), schema=_CHECKS)
        if self._pointer.tenants[self.tenant_id].operator:
            return outcomes
        return outcomes.with_columns(pl.lit(None, _CHECKS[name]).alias(name) for name in _COUNTED)


class SnapshotReader:
    """Opens the snapshot that holds now. One for a process; safe for threads."""

    def __init__(self, settings: Settings) -> None:
        self._folder = settings.root / FOLDER
        self._lock = Lock()
        self._pointer: tuple[tuple[int, int, int], Pointer] | None = None
        self._open: OrderedDict[Path, duckdb.DuckDBPyConnection] = OrderedDict()

    def open(self, tenant_id: str) -> Snapshot:
        """The tenant's snapshot as published last; `NoSnapshot` when there is none."""
        with self._lock:
            try:
                return self._current(tenant_id)
            except duckdb.IOException:
                self._pointer = None
                return self._current(tenant_id)

    def _current(self, tenant_id: str) -> Snapshot:
        pointer = self._read_pointer(tenant_id)
        entry = pointer.tenants.get(tenant_id)
        if entry is None:
            raise NoSnapshot(tenant_id)
        return Snapshot(self._connect(self._folder / entry.file), tenant_id, pointer)

    def _read_pointer(self, tenant_id: str) -> Pointer:
        """The pointer, read again only when its file is another one."""
        path = pointer_file(self._folder)
        try:
            status = path.stat()
        except FileNotFoundError:
            raise NoSnapshot(tenant_id) from None
        version = (status.st_ino, status.st_mtime_ns, status.st_size)
        if self._pointer is None or self._pointer[0] != version:
            self._pointer = (version, read_pointer(path))
            self._let_go(self._pointer[1])
        return self._pointer[1]

    def _let_go(self, pointer: Pointer) -> None:
        """Superseded files are closed once the snapshots handed out of them are gone too."""
        named = {self._folder / entry.file for entry in pointer.tenants.values()}
        for path in self._open.keys() - named:
            del self._open[path]

    def _connect(self, path: Path) -> duckdb.DuckDBPyConnection:
        if path not in self._open:
            self._open[path] = _open_file(path)
        self._open.move_to_end(path)
        while len(self._open) > OPEN_FILES:
            self._open.popitem(last=False)
        return self._open[path]


def _open_file(path: Path) -> duckdb.DuckDBPyConnection:
    """A read-only connection that cannot reach other files.

    A query's cursor is a connection of its own that inherits global settings only, hence GLOBAL; a file that this process
    has open already was locked by its first opening.
    """
    limits: dict[str, str | bool | int | float | list[str]] = {
        "threads": "2",
        "memory_limit": "512MB",
        "enable_external_access": "false",
    }
    connection = duckdb.connect(str(path), read_only=True, config=limits)
    (locked,) = connection.execute("SELECT current_setting('lock_configuration')").fetchone() or (False,)
    if not locked:
        connection.execute("SET GLOBAL TimeZone = 'UTC'; SET lock_configuration = true")
    return connection
