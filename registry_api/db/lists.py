"""Lists as one parameter: an array of PostgreSQL, JSON for SQLite.

SQLAlchemy's own `in_` with an expanding parameter writes a statement anew for each length of list, which the driver then prepares
anew on each connection.
"""

from collections.abc import Iterable
from typing import Any

import orjson
from sqlalchemy import ARRAY, Boolean, ColumnElement, Dialect, Text, bindparam
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator, TypeEngine


def any_of(column: Any, name: str) -> ColumnElement[bool]:
    """Whether a column is one of a list of values that is given under a name when the statement runs."""
    return _AnyOf(column, bindparam(name, type_=_Listed(column.type)))


class _Listed(TypeDecorator[Any]):
    """A list of values of a type."""

    impl = Text
    cache_ok = True

    def __init__(self, inner: TypeEngine[Any]) -> None:
        super().__init__()
        self.inner = inner

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(ARRAY(self.inner) if dialect.name == "postgresql" else Text())

    def process_bind_param(self, value: Iterable[Any] | None, dialect: Dialect) -> Any:
        if value is None or dialect.name == "postgresql":
            return value
        bound = self.inner.dialect_impl(dialect).bind_processor(dialect)
        return orjson.dumps([one if bound is None else bound(one) for one in value]).decode()


class _AnyOf(FunctionElement[bool]):
    """A column and a list."""

    type = Boolean()
    inherit_cache = True

    def self_group(self, against: Any = None) -> Any:
        """A condition as it is: taken for a value, SQLite would be sent `… = 1`, for which it uses no index."""
        return self


@compiles(_AnyOf)
def _in_json(element: _AnyOf, compiler: SQLCompiler, **options: Any) -> str:
    column, listed = (compiler.process(part, **options) for part in element.clauses)
    return f"{column} IN (SELECT value FROM json_each({listed}))"  # noqa: S608 - our own names


@compiles(_AnyOf, "postgresql")
def _in_array(element: _AnyOf, compiler: SQLCompiler, **options: Any) -> str:
    column, listed = (compiler.process(part, **options) for part in element.clauses)
    return f"{column} = ANY ({listed})"
