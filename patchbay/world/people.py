"""Who acts: drawing persons of a tenant or a target by how active they are, among those who are there that week."""

from dataclasses import dataclass
from functools import cache

import numpy as np

from patchbay.world.tenants import Persons, Targets, Tenants
from patchbay.world.times import DAY, Floats, Ints

_CELLS = 512
_OPERATOR = 1


@dataclass(frozen=True, slots=True)
class Crowd:
    """Weekly tables of `_CELLS` persons per target and per tenant, each person as often as it is active.

    A target is used by the people at home there; operators work on all targets of their tenant, a third as much.
    """

    at_targets: tuple[Ints, ...]
    at_tenants: tuple[Ints, ...]
    operators: Ints
    start_us: int

    def on_targets(self, rng: np.random.Generator, day: int, target: Ints) -> Ints:
        """A person for each event on a target."""
        return self._draw(rng, self.at_targets, day, target)

    def of_tenants(self, rng: np.random.Generator, day: int, tenant: Ints) -> Ints:
        """A person for each event of a tenant, wherever it works."""
        return self._draw(rng, self.at_tenants, day, tenant)

    def _draw(self, rng: np.random.Generator, tables: tuple[Ints, ...], day: int, row: Ints) -> Ints:
        table = tables[min(day // 7, len(tables) - 1)]
        cell = rng.integers(0, _CELLS, len(row), dtype=np.int32)
        return np.asarray(table.ravel()[row * _CELLS + cell])


def build_crowd(days: int, start_us: int, tenants: Tenants, targets: Targets, persons: Persons) -> Crowd:
    """Tables for every week of the window."""
    weeks = [_week(week, len(tenants), targets, persons) for week in range(days // 7 + 1)]
    operators = np.array([np.flatnonzero(persons.tenant == tenant)[0] for tenant in range(len(tenants))])
    return Crowd(tuple(week[0] for week in weeks), tuple(week[1] for week in weeks), operators, start_us)


def _week(week: int, tenants: int, targets: Targets, persons: Persons) -> tuple[Ints, Ints]:
    at_targets = np.empty((len(targets), _CELLS), dtype=np.int64)
    at_tenants = np.empty((tenants, _CELLS), dtype=np.int64)
    present = (persons.joined <= week) & (week < persons.left)
    for tenant in range(tenants):
        members = np.flatnonzero((persons.tenant == tenant) & present)
        weight = persons.weight[members]
        at_tenants[tenant] = members[_cells(weight)]
        for target in targets.of(tenant).tolist():
            here = np.where(
                persons.home[members] == target, 1.0, np.where(persons.role[members] == _OPERATOR, 0.33, 0.0)
            )
            at_targets[target] = members[_cells(weight * here)]
    return at_targets, at_tenants


def _cells(weight: Floats) -> Ints:
    """Index of the person that owns each cell, cells being shared out by weight."""
    share = np.cumsum(weight)
    return np.asarray(np.searchsorted(share, _midpoints() * share[-1], side="right"))


@cache
def _midpoints() -> Floats:
    return (np.arange(_CELLS) + 0.5) / _CELLS


def session_of(at: Ints, person: Ints, persons: int) -> Ints:
    """Number of the two-hour stretch of one person's work an event belongs to."""
    return np.asarray(at // (DAY // 12) * persons + person)
