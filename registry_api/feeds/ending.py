"""Rows that end an entity in a feed without a word of what it was."""

from collections.abc import Mapping
from typing import Any

from patchbay.core.contracts import FEEDS, Column
from patchbay.core.contracts.feeds import ENVELOPE

GONE = {"segments": "erased"}
"""What a feed calls the end of an entity, where it is not `delete`."""


def blank(feed: str, row: Mapping[str, Any]) -> dict[str, Any]:
    """The feed's own columns, without texts; ids, files and figures of segments stay, which readers drop them by."""
    columns = FEEDS[feed].columns[len(ENVELOPE) :]
    return {column.name: row[column.name] if feed in GONE else _nothing(column, row[column.name]) for column in columns}


def _nothing(column: Column, value: Any) -> Any:
    if column.nullable:
        return None
    return {"string": "", "strings": []}.get(column.type, value)
