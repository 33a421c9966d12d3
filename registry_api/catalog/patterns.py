"""Version patterns of advisories: which ones are taken, and which versions they match."""

import math
import re
from collections.abc import Sequence
from functools import lru_cache

import pyarrow as pa
import pyarrow.compute as pc

MOST_REPEATS = 100
_COUNTED = re.compile(r"\{(?:\d*,)?(\d+),?\}")
_UNICODE_CLASS = re.compile(r"\\[pP]")


@lru_cache(maxsize=4096)
def is_usable(pattern: str) -> bool:
    """Whether the engine takes the pattern at little cost.

    RE2 is linear in the text, but repeating a part n times makes it n times as slow, and Unicode classes take it hundreds of
    milliseconds to build: at most `MOST_REPEATS` repeats in all, and no `\\p`. It has no look-around and no back-references.
    """
    repeats = math.prod(max(int(count), 1) for count in _COUNTED.findall(pattern))
    if repeats > MOST_REPEATS or _UNICODE_CLASS.search(pattern):
        return False
    text = pa.array([""], pa.string())
    try:
        # Alone too: `a)|(b` is an expression only inside the group.
        pc.match_substring_regex(text, pattern)
        pc.match_substring_regex(text, _whole(pattern))
    except pa.ArrowInvalid:
        return False
    return True


def matching(pattern: str, versions: Sequence[str]) -> list[str]:
    """The versions that a usable pattern matches from end to end."""
    column = pa.array(versions, pa.string())
    found: list[str] = column.filter(pc.match_substring_regex(column, _whole(pattern))).to_pylist()
    return found


def _whole(pattern: str) -> str:
    return rf"\A(?:{pattern})\z"
