"""Building one table from its transform and its inputs."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from warehouse.bookkeeping import Bookkeeping
from warehouse.contracts import TABLES
from warehouse.engines.duckdb import DuckDBEngine
from warehouse.expressions import expression_of
from warehouse.transforms import inputs_of


@dataclass(frozen=True, slots=True)
class Built:
    """What building a table wrote: the rows it holds now, those written this time, and the days replaced (none: all of it)."""

    table: str
    rows: int
    written: int
    days: tuple[date, ...] = ()


def build_table(engine: DuckDBEngine, name: str, days: Sequence[date] = ()) -> Built:
    """Build a table whole or, when it is partitioned, for the days and whatever other days are stale.

    Raises `TableMissing` when an input has not been built, `KeyError` for a table without a contract.
    """
    engine.require(inputs_of(name))
    if not TABLES[name].partitioned:
        with engine.transaction():
            rows = engine.replace_table(TABLES[name], expression_of(name))
            Bookkeeping(engine).forget_verdicts(name)
        return Built(name, rows, rows)
    return _build_days(engine, name, sorted({*days, *Bookkeeping(engine).stale_days(name)}))


def _build_days(engine: DuckDBEngine, name: str, days: list[date]) -> Built:
    books = Bookkeeping(engine)
    with engine.transaction():
        engine.set_build_days(days)
        written = engine.replace_partition(TABLES[name], expression_of(name), days) if days else 0
        books.mark_built(name, days)
        if days:
            books.forget_verdicts(name)
    return Built(name, engine.count(name), written, tuple(days))
