"""Long lists in pieces that fit one statement."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")

AT_ONCE = 5000
"""Values in one statement; SQLite and PostgreSQL both take over 30,000 parameters."""


def chunks(values: Sequence[T], size: int = AT_ONCE) -> Iterator[Sequence[T]]:
    """Consecutive pieces of at most `size` values; none for an empty list."""
    for start in range(0, len(values), size):
        yield values[start : start + size]
