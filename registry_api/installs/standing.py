"""Installs that stand: a plugin on a target, from the event that showed it until the last one seen is its removal."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

Place = tuple[UUID, UUID]
"""A target and a plugin."""


class Seen(NamedTuple):
    """An event at a place; the later one is the greater."""

    occurred_at: datetime
    position: int
    event: str


def place_of(row: Mapping[str, Any]) -> Place:
    """Where an observation was made."""
    return row["target_id"], row["plugin_id"]


def gained(before: Mapping[Place, Seen], rows: Iterable[Mapping[str, Any]]) -> int:
    """How many more installs stand after these observations than before; fewer where it is negative.

    `before` is the last event at every place of the rows. An event that is told late changes nothing.
    """
    last = dict(before)
    for row in rows:
        place, seen = place_of(row), Seen(row["occurred_at"], row["position"], row["event"])
        last[place] = max(seen, last.get(place, seen))
    return _standing(last) - _standing(before)


def _standing(last: Mapping[Place, Seen]) -> int:
    return sum(seen.event != "removed" for seen in last.values())
