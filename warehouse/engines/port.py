"""The Engine port: the few things a builder asks of whatever holds the tables."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Protocol

import pyarrow as pa
from ibis.expr.types import Table

from warehouse.contracts import TableContract


class Engine(Protocol):
    """Holds tables and evaluates Ibis expressions over tables named in them. One engine a run; two are never mixed."""

    name: str

    def require(self, names: Iterable[str]) -> None:
        """Raise `TableMissing` for the first of the tables that is not there."""

    def replace_table(self, contract: TableContract, expression: Table) -> int:
        """Put the expression's rows, in the contract's columns, in the table's place at once; the rows written."""

    def replace_partition(self, contract: TableContract, expression: Table, days: Sequence[date]) -> int:
        """Put the expression's rows in place of those of the days at once; other days stay; the rows written.

        Raises `OutsideWindow` when the expression gives a row of another day, and then changes nothing.
        """

    def read_arrow(self, expression: Table) -> pa.Table:
        """The expression's rows."""


class TableMissing(LookupError):
    """A table that should be read has not been built."""

    def __init__(self, name: str) -> None:
        super().__init__(f"table {name} has not been built yet")
        self.table = name


class OutsideWindow(ValueError):
    """A partitioned transform gave rows of days it was not asked for."""

    def __init__(self, name: str, rows: int) -> None:
        super().__init__(f"{name} gave {rows} rows outside the days being built")


class WriterBusy(RuntimeError):
    """Another process holds the warehouse for writing."""

    def __init__(self, path: str, seconds: float) -> None:
        super().__init__(f"{path} was still held by another writer after {seconds:.0f} s; wait for that run or end it")
