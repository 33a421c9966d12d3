"""A contract is a name, a grain and typed columns; Arrow is imported only when a schema is asked for."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import pyarrow as pa

ColumnType = Literal["string", "int64", "float64", "bool", "timestamp", "date", "decimal", "strings"]


@dataclass(frozen=True, slots=True)
class Column:
    """One typed column; `timestamp` is microseconds UTC, `decimal` is (18, 6), `strings` a list of strings."""

    name: str
    type: ColumnType
    nullable: bool = False
    description: str = ""


@dataclass(frozen=True, slots=True)
class Contract:
    """The columns of one feed or file, with its grain in words; `key` are those that no two rows share, where that is asked."""

    name: str
    grain: str
    columns: tuple[Column, ...]
    key: tuple[str, ...] = ()

    @property
    def column_names(self) -> tuple[str, ...]:
        """Column names in order."""
        return tuple(column.name for column in self.columns)

    def arrow_schema(self) -> "pa.Schema":
        """The contract as an Arrow schema."""
        import pyarrow as pa

        types = _arrow_types()
        return pa.schema([pa.field(c.name, types[c.type], c.nullable) for c in self.columns])


def _arrow_types() -> "dict[ColumnType, pa.DataType]":
    import pyarrow as pa

    return {
        "string": pa.string(),
        "int64": pa.int64(),
        "float64": pa.float64(),
        "bool": pa.bool_(),
        "timestamp": pa.timestamp("us", "UTC"),
        "date": pa.date32(),
        "decimal": pa.decimal128(18, 6),
        "strings": pa.list_(pa.string()),
    }
