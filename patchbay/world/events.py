"""A block of usage events as plain number columns; names are looked up only when it goes on the wire."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from patchbay.core.contracts.intake import USAGE_TYPES

Array = npt.NDArray[Any]

USE, ERROR, VIEW, SEARCH, IMPRESSION, FEEDBACK, INSTALL, UNINSTALL, UPGRADE, RESOURCE = (
    USAGE_TYPES.index(name)
    for name in (
        "use",
        "error",
        "view",
        "search",
        "impression",
        "feedback",
        "install",
        "uninstall",
        "upgrade",
        "resource",
    )
)

ABSENT: dict[str, tuple[type[np.generic], float]] = {
    "tenant": (np.int16, -1),
    "at": (np.int64, 0),
    "type": (np.uint8, 0),
    "plugin": (np.int32, -1),
    "release": (np.int32, -1),
    "target": (np.int32, -1),
    "person": (np.int32, -1),
    "session": (np.int64, -1),
    "error": (np.int8, -1),
    "duration": (np.float64, np.nan),
    "quantity": (np.int16, -1),
    "score": (np.int8, -1),
    "cpu": (np.float64, np.nan),
    "memory": (np.int64, -1),
    "cost": (np.int64, -1),
    "number": (np.int64, -1),
}
"""Column, its type, and its value for "not stated". `at` is microseconds, `cost` millionths, `number` makes the id."""


@dataclass(frozen=True, slots=True)
class Events:
    """Columns of equal length, all of ABSENT's names."""

    columns: dict[str, Array]

    def __len__(self) -> int:
        return len(self.columns["at"])

    def __getitem__(self, name: str) -> Array:
        return self.columns[name]

    def take(self, rows: Array | slice) -> "Events":
        """The given rows, by index, mask or slice."""
        return Events({name: column[rows] for name, column in self.columns.items()})

    def numbered(self, numbers: Array) -> "Events":
        """The same events with their numbers."""
        return Events({**self.columns, "number": numbers})


def make(count: int, **given: Array | int) -> Events:
    """A block of `count` events; columns that are not given are absent throughout."""
    columns: dict[str, Array] = {}
    for name, (kind, absent) in ABSENT.items():
        value = given.pop(name, None)
        if isinstance(value, np.ndarray):
            columns[name] = value.astype(kind, copy=False)
        else:
            columns[name] = np.full(count, absent if value is None else value, dtype=kind)
    if given:
        raise ValueError(f"unknown event columns {sorted(given)}")
    return Events(columns)


def concat(blocks: Sequence[Events]) -> Events:
    """All blocks, one after the other; no blocks give an empty one."""
    if not blocks:
        return make(0)
    return Events({name: np.concatenate([block[name] for block in blocks]) for name in ABSENT})
