"""Parts of statements that are built once: building one costs a request several times what running it does."""

from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, select


def any_of(column: Any, name: str) -> ColumnElement[bool]:
    """Whether a column is one of a list of values that is given under a name when the statement runs."""
    return column.in_(bindparam(name, type_=column.type, expanding=True))  # type: ignore[no-any-return]


@cache
def rows_by(column: Any, *, own: bool = False) -> Select[Any]:
    """Whole rows of a column's table in which it is one of `keys`; `own` for those of the tenant `tenant_id` only."""
    query = select(column.table).where(any_of(column, "keys"))
    return query.where(column.table.c.tenant_id == bindparam("tenant_id")) if own else query
