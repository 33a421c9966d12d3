"""Reading columns that somebody may have been at: SQLite takes any value in any column, and fails to read a text that is none.

PostgreSQL takes nothing that a column's type cannot be.
"""

from collections.abc import Callable
from typing import Any, ClassVar

from sqlalchemy import Dialect, LargeBinary, String, TypeDecorator
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.elements import Label
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeEngine


class StoredBytes(TypeDecorator[bytes]):
    """Bytes; none of them where somebody wrote what is no bytes."""

    impl, cache_ok = LargeBinary, True

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any]:
        """Takes what is bytes, and the null of a row that is not there."""
        return lambda value: value if value is None or isinstance(value, bytes) else b""


class _Text(TypeDecorator[Any]):
    """Reads as another type does that SQLite keeps as a text, and as None where somebody wrote what that type cannot be."""

    impl, cache_ok = String, True

    def __init__(self, like: TypeEngine[Any]) -> None:
        super().__init__()
        self.like = like

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any]:
        """The other type's reading, without its errors."""
        read = self.like.dialect_impl(dialect).result_processor(dialect, coltype)

        def unsure(value: Any) -> Any:
            try:
                text = value.decode() if isinstance(value, bytes) else value
                return text if read is None else read(text)
            except (ValueError, TypeError, AttributeError):
                return None

        return unsure


class _Kept(FunctionElement[Any]):
    """A column's value where it is stored as that column's are; on SQLite something else in the place of any other."""

    inherit_cache = True
    on_sqlite: ClassVar[str]

    def __init__(self, column: Any, type_: TypeEngine[Any]) -> None:
        super().__init__(column)
        self.type = type_


class _KeptBytes(_Kept):
    inherit_cache = True
    on_sqlite = "CASE typeof({0}) WHEN 'blob' THEN {0} WHEN 'null' THEN NULL ELSE x'' END"


class _KeptText(_Kept):
    """The text's bytes, since the driver fails at those that are not UTF-8."""

    inherit_cache = True
    on_sqlite = "CASE typeof({0}) WHEN 'text' THEN CAST({0} AS BLOB) END"


class _KeptNumber(_Kept):
    inherit_cache = True
    on_sqlite = "CASE typeof({0}) WHEN 'integer' THEN {0} ELSE -1 END"


@compiles(_Kept)
def _plain(element: _Kept, compiler: Any, **options: Any) -> str:
    return str(compiler.process(element.clauses, **options))


@compiles(_Kept, "sqlite")
def _guarded(element: _Kept, compiler: Any, **options: Any) -> str:
    return element.on_sqlite.format(compiler.process(element.clauses, **options))


def bytes_in(column: Any, name: str | None = None) -> Label[Any]:
    """A column of bytes to select; none of them where it holds something else."""
    return _KeptBytes(column, column.type).label(name or column.key)


def number_in(column: Any) -> Label[Any]:
    """A column of whole numbers to select; -1 where it holds something else."""
    return _KeptNumber(column, column.type).label(column.key)


def told_in(column: Any) -> Label[Any]:
    """A column that is a text on SQLite to select; None where it cannot be read."""
    return _KeptText(column, _Text(column.type)).label(column.key)
