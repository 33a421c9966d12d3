"""Jenkins' order: hudson.util.VersionNumber, which is Maven's ComparableVersion.

Numbers, qualifiers and, after `-` between numbers, a nested list; `1.0` equals `1`; alpha < beta < milestone < rc <
snapshot < release < sp < any other word < nested list < number. Incremental versions such as `1647.ve39ca_b_829b_42`
are ordered by their number. Where the original is not transitive (a zero just before a word, as in `1.0.alpha`) that
zero is left out, so that the order is total.
"""

import re
from collections.abc import Iterator

from patchbay.core.versions.encoding import Malformed, number, text

_ALLOWED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+~-]*\Z")
_TOKENS = re.compile(r"[0-9]+|[.-]|[^0-9.-]+")
_RANKS = {"alpha": "1", "beta": "2", "milestone": "3", "rc": "4", "cr": "4", "ea": "4", "snapshot": "5"}
_RELEASE_WORDS = frozenset({"ga", "final"})
_ABBREVIATIONS = {"a": "alpha", "b": "beta", "m": "milestone"}
_END, _LIST, _NUMBER = "2", "4", "5"


def analyse(version: str) -> tuple[str, bool]:
    """Sort key, and whether the first qualifier is one that comes before a release."""
    if not _ALLOWED.match(version):
        raise Malformed("expected letters, digits and ._+~- only, a letter or digit first")
    items = list(_items(_TOKENS.findall(version.lower())))
    words = [item for item in items if item[0] in "13"]
    return "".join(_without_idle_items(items)) + _END, bool(words) and words[0][0] == "1"


def _items(parts: list[str]) -> Iterator[str]:
    """Each part as its piece of the key; two separators in a row stand for a zero between them."""
    previous = "."
    for position, part in enumerate(parts):
        following = parts[position + 1] if position + 1 < len(parts) else ""
        if part in ".-":
            if previous in ".-":
                yield _NUMBER + number("0")
            if part == "-" and previous.isdecimal() and following.isdecimal():
                yield _LIST
        elif part.isdecimal():
            yield _NUMBER + number(part)
        else:
            yield from _word(_ABBREVIATIONS.get(part, part) if following.isdecimal() else part)
        previous = part


def _word(word: str) -> Iterator[str]:
    if word in _RANKS:
        yield f"1{_RANKS[word]}"
    elif word not in _RELEASE_WORDS:
        yield "30" if word == "sp" else f"31{text(word)}"


def _without_idle_items(items: list[str]) -> list[str]:
    """Drops zeros, and list openings, that no number follows: they make no difference in the original either."""
    kept: list[str] = []
    before_number = False
    for item in reversed(items):
        is_zero, is_list = item == f"{_NUMBER}00", item == _LIST
        if before_number or not (is_zero or is_list):
            kept.append(item)
            before_number = item[0] == _NUMBER
    return kept[::-1]
