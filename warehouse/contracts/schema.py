"""A table contract: everything a builder, a check, a catalogue page or a person must know of one warehouse table."""

from dataclasses import dataclass
from typing import Literal

from patchbay.core.contracts import Column

Layer = Literal["staging", "core", "marts"]
Severity = Literal["error", "warn"]
Scope = Literal["own", "tenant", "public", "plugin", "advisory"]


@dataclass(frozen=True, slots=True)
class Accepted:
    """The column holds only these values; null is for the column's nullability to judge."""

    column: str
    values: tuple[str, ...]
    severity: Severity = "error"

    @property
    def name(self) -> str:
        """The check's name."""
        return f"{self.column}_is_known"


@dataclass(frozen=True, slots=True)
class Between:
    """The column lies within the bounds, both included; null passes."""

    column: str
    least: float | None = None
    most: float | None = None
    severity: Severity = "error"

    @property
    def name(self) -> str:
        """The check's name."""
        return f"{self.column}_is_in_range"


@dataclass(frozen=True, slots=True)
class References:
    """Every value is one of another table's keys; null passes. Facts only warn: they outlive what was deleted."""

    column: str
    table: str
    key: str
    severity: Severity = "error"

    @property
    def name(self) -> str:
        """The check's name."""
        return f"{self.column}_is_in_{self.table}"


@dataclass(frozen=True, slots=True)
class AtMost:
    """The column is no greater than the other one; null in either passes."""

    column: str
    other: str
    severity: Severity = "error"

    @property
    def name(self) -> str:
        """The check's name."""
        return f"{self.column}_is_at_most_{self.other}"


Check = Accepted | Between | References | AtMost


@dataclass(frozen=True, slots=True)
class TableContract:
    """One warehouse table. `key` is unique, nulls counted as a value; `fresh_hours` is how old the table may get.

    A `partitioned` table is replaced by UTC days of its `day` column, any other one whole. `scope` says which rows a
    tenant's snapshot holds: `own` by tenant, `public` also those of public plugins, `plugin` also their owner's of plugins
    that are shared with it, `advisory` also those of hosts, `tenant` the tenant itself; None keeps the table out of snapshots.
    """

    name: str
    layer: Layer
    grain: str
    description: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    owner: str = "team:data-engineering"
    partitioned: bool = False
    fresh_hours: int = 36
    checks: tuple[Check, ...] = ()
    scope: Scope | None = None

    def __post_init__(self) -> None:
        known = set(self.column_names)
        named = set(self.key) | {check.column for check in self.checks}
        if unknown := named - known:
            raise ValueError(f"contract of {self.name} names columns it does not have: {sorted(unknown)}")

    @property
    def column_names(self) -> tuple[str, ...]:
        """Column names in order."""
        return tuple(column.name for column in self.columns)

    @property
    def required(self) -> tuple[str, ...]:
        """Columns that are never null."""
        return tuple(column.name for column in self.columns if not column.nullable)

    @property
    def types(self) -> dict[str, str]:
        """Column name to contract type."""
        return {column.name: column.type for column in self.columns}
