"""Parts of statements that are built once: building one costs a request several times what running it does."""

from functools import cache
from typing import Any

from sqlalchemy import Insert, Select, Table, bindparam, insert, select

from registry_api.db.base import Base
from registry_api.db.lists import any_of


def table_of(model: type[Base]) -> Table:
    """A model's table: what is asked of it goes past the mapper, which costs as much again where rows are all that is wanted."""
    table = model.__table__
    assert isinstance(table, Table)
    return table


@cache
def rows_by(column: Any, *, own: bool = False) -> Select[Any]:
    """Whole rows of a column's table in which it is one of `keys`; `own` for those of the tenant `tenant_id` only."""
    query = select(column.table).where(any_of(column, "keys"))
    return query.where(column.table.c.tenant_id == bindparam("tenant_id")) if own else query


@cache
def insert_into(model: type[Base]) -> Insert:
    """An insert of rows that are given when it runs."""
    return insert(table_of(model))
