"""Filters live in the URL: validated on read, written only where they differ from the default."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode

Choices = tuple[tuple[str, str], ...]
MAX_TEXT = 200


@dataclass(frozen=True, slots=True)
class Filter:
    """One control of a page.

    `choices` are the allowed (value, label) pairs; `lookup` names a list that is read from the snapshot instead;
    with neither the value is free text of at most 200 characters. `wide` says how the control is drawn, `unset` what it
    says while nothing is chosen.
    """

    name: str
    label: str
    default: str = ""
    choices: Choices = ()
    lookup: str | None = None
    wide: bool = False
    unset: str = "All"

    def accepts(self, raw: str, allowed: frozenset[str] | None) -> bool:
        """Whether a raw URL value may be used; `allowed` are a lookup's values, None when they are unknown."""
        if self.name == "page":
            return len(raw) <= 6 and raw.isascii() and raw.isdigit() and 1 <= int(raw) <= 100_000
        if self.choices:
            return raw in {value for value, _ in self.choices}
        return len(raw) <= MAX_TEXT and raw.isprintable() and (allowed is None or raw in allowed)


@dataclass(frozen=True, slots=True)
class Selection:
    """The filters in force, every name present; the URL values that were ignored; the names that are not default."""

    values: Mapping[str, str]
    ignored: tuple[tuple[str, str], ...] = ()
    changed: frozenset[str] = frozenset()

    def __getitem__(self, name: str) -> str:
        return self.values[name]


Allowed = Callable[[str], frozenset[str] | None]


def parse(filters: tuple[Filter, ...], search: str | None, allowed: Allowed = lambda _: None) -> Selection:
    """Read a query string; unknown names and bad values change nothing and are reported as ignored."""
    known = {f.name: f for f in filters}
    values = {f.name: f.default for f in filters}
    ignored = []
    for name, raw in parse_qsl((search or "").lstrip("?")):
        rule = known.get(name)
        if rule and rule.accepts(raw, allowed(rule.lookup) if rule.lookup else None):
            values[name] = raw
        else:
            ignored.append((name, raw))
    changed = frozenset(f.name for f in filters if values[f.name] != f.default)
    return Selection(values, tuple(ignored), changed)


def to_search(filters: tuple[Filter, ...], values: Mapping[str, str | None], **changed: str | None) -> str:
    """The query string of these values, defaults left out, in the filters' order; empty when all are default."""
    merged = {**values, **changed}
    pairs = [(f.name, merged.get(f.name)) for f in filters]
    kept = [(name, value) for (name, value), f in zip(pairs, filters, strict=True) if value and value != f.default]
    return "?" + urlencode(kept) if kept else ""
