"""Tables as Ibis expressions over named inputs, made once a process: the same text for every engine and every build."""

from functools import cache

import ibis
from ibis.expr.types import Table

from warehouse.contracts import BUILD_DAYS, RAW_TABLES, TABLES
from warehouse.engines.types import conform, ibis_schema
from warehouse.transforms import TRANSFORMS, inputs_of


@cache
def named_table(name: str) -> Table:
    """A table as transforms see it, by its contract; KeyError when no contract describes it."""
    columns = {**TABLES, **RAW_TABLES, BUILD_DAYS.name: BUILD_DAYS}[name].columns
    return ibis.table(ibis_schema(columns), name=name)


@cache
def expression_of(table: str) -> Table:
    """A table's rows as an expression over its inputs, in the columns of its contract."""
    inputs = {name: named_table(name) for name in inputs_of(table)}
    return conform(TRANSFORMS[table](**inputs), TABLES[table].columns)
