"""Putting rows into tables and reading them back, in terms of contracts."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from patchbay.core.contracts import Column, Contract
from tests.warehouse.recorded import complete
from warehouse.build import Built, build_table
from warehouse.contracts import RAW_TABLES, TABLES
from warehouse.engines.duckdb import DuckDBEngine


def put(engine: DuckDBEngine, name: str, rows: Sequence[dict[str, Any]]) -> None:
    """Make a table hold these rows; columns not given are null, or zero or empty where they must be filled."""
    columns = columns_of(name)
    table = complete(Contract(name, "", columns), rows)
    engine.connection.execute(f'DROP TABLE IF EXISTS "{name}"')
    engine.create(name, columns)
    engine.connection.register("given", table)
    engine.connection.execute(f'INSERT INTO "{name}" BY NAME SELECT * FROM given')
    engine.connection.unregister("given")


def columns_of(name: str) -> tuple[Column, ...]:
    return (TABLES[name] if name in TABLES else RAW_TABLES[name]).columns


def built(engine: DuckDBEngine, name: str, *columns: str, days: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """Build a table and give the columns of its rows, in the order of its key; all columns when none is named."""
    build(engine, name, days)
    return rows(engine, name, *columns)


def build(engine: DuckDBEngine, name: str, days: Sequence[Any] = ()) -> Built:
    return build_table(engine, name, days)


def rows(engine: DuckDBEngine, name: str, *columns: str) -> list[tuple[Any, ...]]:
    wanted = ", ".join(f'"{column}"' for column in columns) or "*"
    order = ", ".join(f'"{column}"' for column in TABLES[name].key)
    return engine.connection.execute(f'SELECT {wanted} FROM "{name}" ORDER BY {order}').fetchall()


def contents(engine: DuckDBEngine) -> dict[str, list[tuple[Any, ...]]]:
    """Every built table's rows in one fixed order."""
    return {name: engine.connection.execute(f'FROM "{name}" ORDER BY ALL').fetchall() for name in TABLES}


def arrow(engine: DuckDBEngine, name: str) -> pa.Table:
    return engine.connection.execute(f'FROM "{name}"').to_arrow_table()
