"""What a page is made of: a path, filters, cards, and how they are arranged."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import unquote

import polars as pl

from dashboards.access import Access
from dashboards.kit.theme import Palette
from dashboards.kit.urlstate import Filter, Selection
from dashboards.queries.question import Question
from dashboards.session import Viewer
from patchbay.core.client import Client
from warehouse.read import Snapshot

Component = Any
"""A Dash component; their classes are generated and untyped."""


@dataclass(frozen=True, slots=True)
class Scope:
    """All that one rendering knows: who looks, at which path, with which filters, in which colours, and when."""

    viewer: Viewer
    pathname: str
    path: Mapping[str, str]
    pick: Selection
    colours: Palette
    now: datetime


@dataclass(frozen=True, slots=True)
class Stamp:
    """When an answer was made, and by what."""

    at: datetime
    by: str


@dataclass(frozen=True, slots=True)
class Call:
    """A card's source that is the running API; `run` raises `Unreachable` when it is down and `Refused` when it says no.

    What it reads of routes and of the snapshot is what the page names as standing behind the card. `shown` is how
    many rows a page displays at most. `stamp` says when what is answered was made, where that is not now.
    """

    name: str
    title: str
    summary: str
    run: Callable[[Access], pl.DataFrame]
    shown: int = 1_000
    stamp: Callable[[Access], Stamp | None] | None = None


@dataclass(frozen=True, slots=True)
class Glance:
    """A card's source that is what a snapshot says of itself, besides its tables."""

    name: str
    title: str
    summary: str
    read: Callable[[Snapshot], pl.DataFrame]


Source = Question | Glance | Call


@dataclass(frozen=True, slots=True)
class Card:
    """One question on a page.

    `draw` turns a non-empty frame into a plotly figure or a component. `say` makes the one-sentence summary from the
    frame; without it the question's own is shown. `plain` cards have no frame of their own; `tabular` ones are a table
    already, so they offer no second view. `whole` is what an export asks where the page shows a part only. `live`
    ones are asked again every few seconds.
    """

    id: str
    ask: Callable[[Scope], Source]
    draw: Callable[[pl.DataFrame, Scope], Any]
    empty: str | Callable[[Scope], str]
    say: Callable[[pl.DataFrame, Scope], str] | None = None
    tabular: bool = False
    plain: bool = False
    height: int = 280
    whole: Callable[[Scope], Source] | None = None
    live: bool = False


@dataclass(frozen=True, slots=True)
class Told:
    """What came of a deed: a sentence, and where there is more to see a component."""

    sentence: str
    shown: Component = None


@dataclass(frozen=True, slots=True)
class Deed:
    """Something a person may have the API do. Buttons for it are drawn for viewers who hold `needs`; the API decides.

    `act` does it to a subject (a plan's id, a rule's name), for a reason where `reasoned`, and tells what came of it.
    `confirm` is what is said before it is done; where nothing changes nobody is asked and there is none.
    """

    name: str
    label: str
    act: Callable[[Client, str, str], Told]
    needs: str
    confirm: str = ""
    reasoned: bool = False
    grave: bool = False


Slot = Callable[[str], Component]


@dataclass(frozen=True, slots=True)
class Page:
    """A page; `path` may hold `{name}` parts, which match one path segment each.

    `guard` asks for the thing the path names: when the answer is empty the page says it was not found.
    """

    name: str
    path: str
    title: str
    lead: str
    cards: tuple[Card, ...]
    arrange: Callable[[Slot], Component]
    filters: tuple[Filter, ...] = ()
    guard: Callable[[Scope], Question] | None = None
    menu: str | None = None
    deeds: tuple[Deed, ...] = ()

    def match(self, pathname: str) -> dict[str, str] | None:
        """The path's parts when this page is at that path."""
        pattern = re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(self.path))
        found = re.fullmatch(pattern, pathname)
        return {name: unquote(part) for name, part in found.groupdict().items()} if found else None

    def card(self, card_id: str) -> Card | None:
        """One of its cards."""
        return next((card for card in self.cards if card.id == card_id), None)

    def deed(self, name: str) -> Deed | None:
        """One of its deeds."""
        return next((deed for deed in self.deeds if deed.name == name), None)


def find(pages: tuple[Page, ...], pathname: str) -> tuple[Page, dict[str, str]] | None:
    """The page at a path with the path's parts; None when there is none."""
    trimmed = pathname.rstrip("/") or "/"
    for page in pages:
        parts = page.match(trimmed)
        if parts is not None:
            return page, parts
    return None
