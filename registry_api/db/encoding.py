"""JSON as it is stored: sorted keys where bytes are hashed, UTC times with Z, no surprise types."""

from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson

_TIMES = orjson.OPT_UTC_Z | orjson.OPT_NAIVE_UTC


def stored_json(value: Any, *, sort_keys: bool = False) -> bytes:
    """JSON bytes; raises TypeError for types that have no agreed form."""
    return orjson.dumps(value, default=plain, option=_TIMES | (orjson.OPT_SORT_KEYS if sort_keys else 0))


def plain(value: Any) -> str:
    """The JSON form of what the encoder does not know; raises TypeError for what has none."""
    # orjson takes a UUID itself but no subclass of it, which is what asyncpg returns.
    if isinstance(value, UUID | Decimal):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no agreed JSON form")
