"""Contract types in Ibis's terms."""

import ibis
from ibis.expr.schema import Schema
from ibis.expr.types import Table

from patchbay.core.contracts import Column

IBIS_TYPES = {
    "string": "string",
    "int64": "int64",
    "float64": "float64",
    "bool": "boolean",
    "timestamp": "timestamp('UTC', 6)",
    "date": "date",
    "decimal": "decimal(18, 6)",
    "strings": "array<string>",
}
"""Contract type to Ibis type."""


def ibis_schema(columns: tuple[Column, ...]) -> Schema:
    """The columns as an Ibis schema; nullability is left to the checks, so that a broken row can be seen and kept."""
    return ibis.schema({column.name: IBIS_TYPES[column.type] for column in columns})


def conform(expression: Table, columns: tuple[Column, ...]) -> Table:
    """The expression with exactly the contract's columns, order and types; an error names a column that is missing."""
    present = set(expression.columns)
    if missing := [column.name for column in columns if column.name not in present]:
        raise ValueError(f"the transform gives no column {', '.join(missing)}; it has {', '.join(expression.columns)}")
    schema = ibis_schema(columns)
    return expression.select(**{name: _cast(expression, name, kind) for name, kind in schema.items()})


def _cast(expression: Table, name: str, kind: ibis.expr.datatypes.DataType) -> ibis.expr.types.Column:
    return expression[name].cast(kind)
