"""Filters of lists: each list says once what it can be filtered by; parameters, checks and conditions follow from that.

`name=git` is equality, `name[contains]=gi` another operator. Which operators a filter takes follows from its column. `contains`
and `startswith` take ASCII letters in either case and all others as they are, alike on every database; everything else compares
exactly. `ne` holds for what is null.
"""

import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Annotated, Any, Literal, TypeVar, cast
from uuid import UUID

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import Field, StringConstraints, TypeAdapter, ValidationError
from sqlalchemy import BigInteger, ColumnElement, Select, Table, inspect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import String

from registry_api.problems import FieldError
from registry_api.schemas import Moment

S = TypeVar("S", bound=Select[Any])
Column = InstrumentedAttribute[Any]
Condition = ColumnElement[bool]
MOST_VALUES = 100
LONGEST_TEXT = 300
NULL = "null"
WORDS = MappingProxyType(
    {
        "eq": "Is this.",
        "ne": "Is not this, or is null.",
        "in": f"Is one of these, up to {MOST_VALUES} with commas between.",
        "gt": "After or above this.",
        "gte": "At this, or after or above it.",
        "lt": "Before or below this.",
        "lte": "At this, or before or below it.",
        "contains": "Has this in it; ASCII letters in either case.",
        "startswith": "Begins with this; ASCII letters in either case.",
        NULL: "true: is null; false: is not.",
    }
)
"""What each operator means."""


class _Folded(FunctionElement[str]):
    """Text with its ASCII letters, and no others, in lower case."""

    type = String()
    name = "folded"
    inherit_cache = True


@compiles(_Folded)
def _fold(element: _Folded, compiler: SQLCompiler, **options: Any) -> str:
    return f"lower({compiler.process(element.clauses, **options)})"  # SQLite knows ASCII only


@compiles(_Folded, "postgresql")
def _fold_on_postgresql(element: _Folded, compiler: SQLCompiler, **options: Any) -> str:
    return f'lower(({compiler.process(element.clauses, **options)}) COLLATE "C")'


def _ascii_lower(text: str) -> str:
    return "".join(letter.lower() if letter.isascii() else letter for letter in text)


_CONDITIONS: Mapping[str, Callable[[Any, Any], Condition]] = {
    "eq": operator.eq,
    "ne": lambda column, value: cast(Condition, column.is_distinct_from(value)),
    "in": lambda column, values: cast(Condition, column.in_(values)),
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
    "contains": lambda column, value: _Folded(column).contains(_ascii_lower(value), autoescape=True),
    "startswith": lambda column, value: _Folded(column).startswith(_ascii_lower(value), autoescape=True),
    NULL: lambda column, value: cast(Condition, column.is_(None) if value else column.is_not(None)),
}
EXACT = ("eq", "ne", "in")
_RANGED = ("gt", "gte", "lt", "lte")


@dataclass(frozen=True, slots=True)
class Kind:
    """A type of values: its schema in the API document, how it is read, and the operators it takes."""

    schema: Mapping[str, Any]
    reads: TypeAdapter[Any]
    operators: tuple[str, ...]


_FLAG = Kind({"type": "boolean"}, TypeAdapter(bool), ("eq",))
_TEXT = Kind(
    {"type": "string", "maxLength": LONGEST_TEXT, "pattern": r"^[^\x00]*$"},
    TypeAdapter(Annotated[str, StringConstraints(max_length=LONGEST_TEXT)]),
    (*EXACT, "contains", "startswith"),
)


def _whole(bits: int) -> Kind:
    least, most = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    schema = {"type": "integer", "minimum": least, "maximum": most}
    return Kind(schema, TypeAdapter(Annotated[int, Field(ge=least, le=most)]), (*EXACT, *_RANGED))


_KINDS: Mapping[type, Kind] = {
    str: _TEXT,
    bool: _FLAG,
    int: _whole(32),
    float: Kind({"type": "number"}, TypeAdapter(Annotated[float, Field(allow_inf_nan=False)]), ("eq", *_RANGED)),
    UUID: Kind({"type": "string", "format": "uuid"}, TypeAdapter(UUID), EXACT),
    datetime: Kind({"type": "string", "format": "date-time"}, TypeAdapter(Moment), ("eq", *_RANGED)),
}
_LONG = _whole(64)


@dataclass(frozen=True, slots=True)
class By:
    """What a filter looks at: a column, the closed list of its values where it has one, and the operators it takes.

    `within` turns a condition on the column of another table into one on the list's own.
    """

    column: Column
    choices: tuple[str, ...] = ()
    operators: tuple[str, ...] = ()
    within: Callable[[Condition], Condition] | None = None
    is_personal: bool = False
    """Whether its values tell something of a person, and so do not go into the record of a reading."""

    @property
    def kind(self) -> Kind:
        """Its type of values, with only the operators it takes."""
        if self.choices:
            chosen: TypeAdapter[Any] = TypeAdapter(Literal[self.choices])  # type: ignore[arg-type]
            return Kind({"type": "string", "enum": list(self.choices)}, chosen, self.operators or EXACT)
        plain = _LONG if isinstance(self.column.type, BigInteger) else _KINDS[self.column.type.python_type]
        return Kind(plain.schema, plain.reads, self.operators or plain.operators)

    @property
    def is_indexed(self) -> bool:
        """Whether an index of all rows of its table starts with it, or has it right after the tenant."""
        table = cast(Table, self.column.property.parent.local_table)
        keys = [list(one.columns) for one in table.indexes if one.dialect_options["sqlite"]["where"] is None]
        keys += [list(getattr(constraint, "columns", ())) for constraint in table.constraints]
        names = [[column.key for column in key if column.key != "tenant_id"] for key in keys]
        return any(key[:1] == [self.column.key] for key in names)


def one_of(column: Column, *choices: str) -> By:
    """A filter by a column that holds one of these words."""
    return By(column, choices)


@dataclass(frozen=True, slots=True)
class Parameter:
    """One filter with one operator, as a query parameter."""

    name: str
    operator: str
    by: By
    kind: Kind

    def read(self, values: list[str]) -> Any:
        """The value, of what stands in the query; raises `RequestValidationError`."""
        if self.operator == "in":
            return self._each([one for value in values for one in value.split(",")])
        if len(values) > 1:
            raise self._refused("repeated_parameter", f"{self.name} stands more than once", values)
        return self._one((_FLAG if self.operator == NULL else self.kind).reads, values[0])

    def _each(self, values: list[str]) -> list[Any]:
        if len(values) > MOST_VALUES:
            raise self._refused("too_long", f"At most {MOST_VALUES} values may be named, not {len(values)}", values)
        return [self._one(self.kind.reads, value) for value in values]

    def _one(self, reads: TypeAdapter[Any], value: str) -> Any:
        try:
            return reads.validate_python(value)
        except ValidationError as error:
            fault = error.errors(include_url=False)[0]
            raise self._refused(fault["type"], fault["msg"], value) from error

    def _refused(self, code: str, said: str, given: Any) -> RequestValidationError:
        return RequestValidationError([{"type": code, "loc": ("query", self.name), "msg": said, "input": given}])

    def condition(self, column: Any, value: Any) -> Condition:
        """The condition on a column."""
        made = _CONDITIONS[self.operator](column, value)
        return self.by.within(made) if self.by.within else made

    @property
    def document(self) -> dict[str, Any]:
        """The parameter in the API document."""
        through = self.operator in ("contains", "startswith", "ne", NULL) or not self.by.is_indexed
        described = WORDS[self.operator] + (" Reads through the list." if through else "")
        said = {"name": self.name, "in": "query", "required": False, "description": described}
        schema = dict((_FLAG if self.operator == NULL else self.kind).schema)
        if self.operator != "in":
            return said | {"schema": schema}
        if schema["type"] == "string" and not schema.keys() & {"enum", "format"}:
            schema |= {"minLength": 1, "pattern": r"^[^\x00,]+$"}
        return said | {"schema": {"type": "array", "items": schema, "maxItems": MOST_VALUES, "minItems": 1}} | AS_LIST


AS_LIST = {"style": "form", "explode": False}
"""Values with commas between, in one parameter."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The filters of one request."""

    given: tuple[tuple[Parameter, Any], ...] = ()
    aliases: tuple[Any, ...] = field(default=())

    def on(self, *aliases: Any) -> "Asked":
        """The same, looking at aliases in the place of what they are aliases of."""
        return Asked(self.given, aliases)

    def where(self, query: S) -> S:
        """The query with all conditions."""
        return query.where(*self._conditions())

    def _conditions(self) -> Iterator[Condition]:
        instead = {inspect(alias).mapper.class_: alias for alias in self.aliases}
        for parameter, value in self.given:
            column = parameter.by.column
            alias = instead.get(column.class_)
            yield parameter.condition(column if alias is None else getattr(alias, column.key), value)


EVERY = Asked()
"""No filter."""


class Filters:
    """What a list can be filtered by, as a dependency that gives what a request `Asked` for.

    Each keyword is the name of a filter, after the field that it looks at, with a column or a `By`.
    """

    def __init__(self, **by: Any) -> None:
        named = {name: one if isinstance(one, By) else By(one) for name, one in by.items()}
        self.parameters = {one.name: one for name, by in named.items() for one in _parameters(name, by)}

    def __call__(self, request: Request) -> Asked:
        """Read the query; raises `RequestValidationError`."""
        query = request.query_params
        names = [name for name in query if name in self.parameters]
        return Asked(tuple((self.parameters[name], self.parameters[name].read(query.getlist(name))) for name in names))


def _parameters(name: str, by: By) -> Iterator[Parameter]:
    kind = by.kind
    nullable = by.column.property.columns[0].nullable and not by.operators
    for known in (*kind.operators, *((NULL,) if nullable else ())):
        yield Parameter(name if known == "eq" else f"{name}[{known}]", known, by, kind)


def unknown_operator(name: str, known: frozenset[str]) -> FieldError | None:
    """What is wrong with a filter's operator; None for what is no filter with an operator."""
    base, opened, rest = name.partition("[")
    operators = sorted(one.partition("[")[2].rstrip("]") for one in known if one.startswith(f"{base}["))
    if not opened or not operators:
        return None
    plain = [base] if base in known else []
    meant = _MEANT.get(rest.rstrip("]").strip("$_").lower())
    right = plain[0] if plain and meant == "eq" else f"{base}[{meant}]"
    hint = f"Did you mean {right}? " if right in known else ""
    offered = ", ".join([*plain, *(f"{base}[{one}]" for one in operators)])
    return FieldError(
        name[:200], "unknown_operator", f"{base} has no operator {rest.rstrip(']')[:50]!r}. {hint}Known are: {offered}."
    )


_MEANT: Mapping[str, str] = {
    **dict.fromkeys(("eq", "=", "==", "is", "equals"), "eq"),
    **dict.fromkeys(("ne", "neq", "not", "!=", "<>", "nin"), "ne"),
    **dict.fromkeys(("ge", "min", "from", "since", ">=", "after"), "gte"),
    **dict.fromkeys(("le", "max", "to", "<="), "lte"),
    **dict.fromkeys(("before", "until", "<"), "lt"),
    **dict.fromkeys(("like", "ilike", "has", "includes", "search", "match"), "contains"),
    **dict.fromkeys(("prefix", "starts", "starts_with", "begins"), "startswith"),
    **dict.fromkeys(("isnull", "is_null", "none", "exists", "empty"), NULL),
    **dict.fromkeys(("any", "oneof", "one_of"), "in"),
    **dict.fromkeys((">", "above"), "gt"),
}
"""Operators by what they are called elsewhere."""
