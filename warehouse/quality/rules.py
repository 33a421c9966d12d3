"""A contract's rules: names, words and the rows that break them, as Ibis expressions."""

from dataclasses import dataclass
from functools import reduce
from operator import or_

import ibis
from ibis.expr.types import BooleanValue, Table

from warehouse.contracts import Accepted, AtMost, Between, Check, References, Severity, TableContract

COLUMNS = "columns_match_contract"
UNIQUE = "key_is_unique"
FILLED = "required_columns_are_filled"


@dataclass(frozen=True, slots=True)
class Rule:
    """One property of a table: its name, what it asks for in words, and whether failing it stops the build."""

    name: str
    expected: str
    severity: Severity = "error"
    check: Check | None = None

    @property
    def identity(self) -> str:
        """What the rule asks for and how strictly: another one than before is to be held against every row."""
        return f"{self.severity} {self.name}: {self.expected}"


def identities(contract: TableContract) -> set[str]:
    """The identities of all rules of a contract."""
    return {rule.identity for rule in rules_of(contract)}


def rules_of(contract: TableContract) -> tuple[Rule, ...]:
    """Every rule of a contract, the structural ones first."""
    return (
        Rule(COLUMNS, f"exactly the columns {', '.join(contract.column_names)} with the contract's types"),
        Rule(UNIQUE, f"one row per {', '.join(contract.key)}"),
        Rule(FILLED, f"no null in {', '.join(contract.required)}"),
        *(Rule(check.name, _words(check), check.severity, check) for check in contract.checks),
    )


def _words(check: Check) -> str:
    match check:
        case Accepted(column, values):
            return f"{column} is one of {', '.join(values)}"
        case Between(column, least, most):
            bounds = [f"≥ {least:g}" if least is not None else "", f"≤ {most:g}" if most is not None else ""]
            return f"{column} is {' and '.join(filter(None, bounds))}"
        case References(column, table, key):
            return f"{column} is a {key} of {table}"
        case AtMost(column, other):
            return f"{column} is ≤ {other}"


def broken(rule: Rule, contract: TableContract, table: Table) -> BooleanValue | None:
    """The condition under which one row, by itself, breaks the rule; None when it takes other rows to tell."""
    match rule.check:
        case Accepted(column, values):
            return table[column].notnull() & table[column].notin(values)
        case Between(column, least, most):
            return table[column].notnull() & _outside(table, column, least, most)
        case AtMost(column, other):
            return (table[column] > table[other]).fill_null(False)
        case None if rule.name == FILLED:
            return reduce(or_, (table[name].isnull() for name in contract.required))
        case _:
            return None


def _outside(table: Table, column: str, least: float | None, most: float | None) -> BooleanValue:
    value = table[column]
    parts = [value < least] if least is not None else []
    parts += [value > most] if most is not None else []
    if isinstance(value, ibis.expr.types.FloatingColumn):
        parts.append(value.isnan())
    return reduce(or_, parts)


def orphans(check: References, table: Table, parent: Table) -> Table:
    """Rows whose reference leads nowhere."""
    known = parent.select(**{check.column: parent[check.key]})
    return table.filter(table[check.column].notnull()).anti_join(known, check.column)


def repeated(contract: TableContract, window: Table, whole: Table) -> Table:
    """Rows of the window whose key another row of the whole table has too; nulls in a key equal each other."""
    key = list(contract.key)
    within = whole if "day" not in key else window
    return with_keys(contract, window, within.group_by(key).agg(times=within.count()).filter(lambda t: t.times > 1))


def with_keys(contract: TableContract, rows: Table, keys: Table) -> Table:
    """The rows whose key is among the keys."""
    return rows.semi_join(keys, [rows[name].identical_to(keys[name]) for name in contract.key])
