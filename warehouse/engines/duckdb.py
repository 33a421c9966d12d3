"""DuckDB: one file, one writer, many tables."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path

import duckdb
import ibis
import pyarrow as pa
from ibis.expr.types import Table

from patchbay.core.contracts import Column
from warehouse.contracts import BUILD_DAYS, RAW_TABLES, TABLES, TableContract
from warehouse.engines.port import OutsideWindow, TableMissing
from warehouse.engines.types import conform

SQL_TYPES = {
    "string": "VARCHAR",
    "int64": "BIGINT",
    "float64": "DOUBLE",
    "bool": "BOOLEAN",
    "timestamp": "TIMESTAMPTZ",
    "date": "DATE",
    "decimal": "DECIMAL(18, 6)",
    "strings": "VARCHAR[]",
}
"""Contract type to DuckDB type."""


@dataclass(frozen=True, slots=True)
class DuckDBOptions:
    """What one writer may take of the machine."""

    threads: int | None = None
    memory_limit: str = "1GB"


class DuckDBEngine:
    """The default engine: an open DuckDB file, or memory when no path is given. Not for use by several threads at once."""

    name = "duckdb"

    def __init__(self, path: Path | None = None, options: DuckDBOptions | None = None) -> None:
        self.path = path
        self.connection = _connect(path, options or DuckDBOptions())
        self._inside = False
        self._make_tables()

    def close(self) -> None:
        """Write everything to the file and let it go."""
        self.connection.close()

    def require(self, names: Iterable[str]) -> None:
        """Raise `TableMissing` for the first of the tables that is not there."""
        rows = self.connection.execute(
            "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'main' AND database_name = current_database()"
        )
        there = {row[0] for row in rows.fetchall()}
        for name in names:
            if name not in there:
                raise TableMissing(name)

    def sql(self, expression: Table) -> str:
        """The expression in DuckDB's SQL."""
        return _compiled(expression)

    def replace_table(self, contract: TableContract, expression: Table) -> int:
        """Put the expression's rows in the table's place, in the order of its key."""
        select = self._typed(contract, expression)
        order = ", ".join(quoted(name) for name in contract.key)
        self.connection.execute(f"CREATE OR REPLACE TABLE {quoted(contract.name)} AS {select} ORDER BY {order}")
        return self.count(contract.name)

    def replace_partition(self, contract: TableContract, expression: Table, days: Sequence[date]) -> int:
        """Put the expression's rows in place of those of the days, in one transaction."""
        select = self._typed(contract, expression)
        name = quoted(contract.name)
        window = [list(days)]
        with self.transaction():
            self.create(contract.name, contract.columns)
            self.connection.execute(f"DELETE FROM {name} WHERE day IN (SELECT unnest(?::DATE[]))", window)  # noqa: S608
            before = self.count(contract.name)
            self.connection.execute(f"INSERT INTO {name} {select}")
            written = self.count(contract.name) - before
            self._refuse_other_days(contract.name, written, window)
        return written

    def read_arrow(self, expression: Table) -> pa.Table:
        """The expression's rows."""
        return self.connection.execute(self.sql(expression)).to_arrow_table()

    def count(self, name: str) -> int:
        """Rows of a table."""
        return int(self.scalar(f"SELECT count(*) FROM {quoted(name)}"))  # noqa: S608

    def count_rows(self, expression: Table) -> int:
        """Rows an expression gives."""
        return self.scalar(f"SELECT count(*) FROM ({self.sql(expression)})")  # noqa: S608

    def types(self, name: str) -> dict[str, str]:
        """Column name to contract type of a table as it stands; types no contract knows keep DuckDB's name."""
        known = {sql: kind for kind, sql in SQL_TYPES.items()} | {
            "TIMESTAMP WITH TIME ZONE": "timestamp",
            "DECIMAL(18,6)": "decimal",
        }
        rows = self.connection.execute(
            "SELECT column_name, data_type FROM duckdb_columns() WHERE schema_name = 'main' AND table_name = ? "
            "AND database_name = current_database() ORDER BY column_index",
            [name],
        )
        return {column: known.get(kind, kind) for column, kind in rows.fetchall()}

    def scalar(self, sql: str, parameters: Sequence[object] = ()) -> int:
        """The one number a query gives."""
        row = self.connection.execute(sql, list(parameters)).fetchone()
        return int(row[0]) if row and row[0] is not None else 0

    def create(self, name: str, columns: tuple[Column, ...]) -> None:
        """Make an empty table unless it is there."""
        fields = ", ".join(f"{quoted(column.name)} {SQL_TYPES[column.type]}" for column in columns)
        self.connection.execute(f"CREATE TABLE IF NOT EXISTS {quoted(name)} ({fields})")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All of the block or nothing of it; a block inside another belongs to the outer one."""
        if self._inside:
            yield
            return
        self.connection.execute("BEGIN")
        self._inside = True
        try:
            yield
        except BaseException:
            self.connection.execute("ROLLBACK")
            raise
        else:
            self.connection.execute("COMMIT")
        finally:
            self._inside = False

    def set_build_days(self, days: Sequence[date]) -> None:
        """Say which days partitioned transforms are built for."""
        self.connection.execute("CREATE OR REPLACE TABLE build_days AS SELECT unnest(?::DATE[]) AS day", [list(days)])

    def _typed(self, contract: TableContract, expression: Table) -> str:
        """The expression with its types forced: Ibis believes a sum of int64 to be one, DuckDB makes it a HUGEINT."""
        casts = ", ".join(
            f"CAST({quoted(c.name)} AS {SQL_TYPES[c.type]}) AS {quoted(c.name)}" for c in contract.columns
        )
        return f"SELECT {casts} FROM ({self.sql(conform(expression, contract.columns))})"  # noqa: S608

    def _make_tables(self) -> None:
        for raw in (*RAW_TABLES.values(), BUILD_DAYS):
            self.create(raw.name, raw.columns)
        for contract in TABLES.values():
            if contract.partitioned:
                self.create(contract.name, contract.columns)

    def _refuse_other_days(self, name: str, written: int, window: list[list[date]]) -> None:
        inside = self.scalar(
            f"SELECT count(*) FROM {quoted(name)} WHERE day IN (SELECT unnest(?::DATE[]))",  # noqa: S608
            window,
        )
        if inside != written:
            raise OutsideWindow(name, written - inside)


@lru_cache(maxsize=1024)
def _compiled(expression: Table) -> str:
    return str(ibis.to_sql(expression, dialect="duckdb", pretty=False))


def quoted(name: str) -> str:
    """A name as a DuckDB identifier."""
    return '"' + name.replace('"', '""') + '"'


def _connect(path: Path | None, options: DuckDBOptions) -> duckdb.DuckDBPyConnection:
    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": options.memory_limit,
        "preserve_insertion_order": True,
    }
    if options.threads:
        config["threads"] = options.threads
    if path:
        path.parent.mkdir(parents=True, exist_ok=True)
        config["temp_directory"] = str(path.parent / "spill")
    connection = duckdb.connect(str(path) if path else ":memory:", config=config)
    connection.execute("SET TimeZone = 'UTC'")
    return connection
