"""Every table's transform: a pure function whose parameters are named after the tables it reads."""

import inspect
from collections.abc import Callable, Mapping
from functools import cache

from ibis.expr.types import Table

from warehouse.transforms.core import catalog, installations, statistics, usage
from warehouse.transforms.marts import adoption, performance, popularity, quality, retention, transitions
from warehouse.transforms.staging import entities, files

Transform = Callable[..., Table]

_MODULES = (
    entities,
    files,
    catalog,
    installations,
    usage,
    statistics,
    adoption,
    retention,
    performance,
    transitions,
    popularity,
    quality,
)
_PREFIXES = ("stg_", "dim_", "fct_", "mart_")

TRANSFORMS: Mapping[str, Transform] = {
    name: function
    for module in _MODULES
    for name, function in vars(module).items()
    if name.startswith(_PREFIXES) and inspect.isfunction(function) and function.__module__ == module.__name__
}
"""Table name to the function that defines it."""


@cache
def inputs_of(table: str) -> tuple[str, ...]:
    """The tables a table is made from, as its transform's parameters name them; KeyError for a table nobody makes."""
    return tuple(inspect.signature(TRANSFORMS[table]).parameters)
