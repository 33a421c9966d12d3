"""From a viewer and an address to what is shown: the router, the cards and the lookups of filters."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import polars as pl
from dash import dcc, html

from dashboards.access import Access, Answers
from dashboards.data import Data
from dashboards.kit import cards, controls
from dashboards.kit.icons import icon
from dashboards.kit.page import Call, Card, Component, Page, Scope, Source, find
from dashboards.kit.theme import palette
from dashboards.kit.urlstate import Choices, parse
from dashboards.queries.question import Question
from dashboards.registry import Refused, Registry, Unreachable
from dashboards.session import Viewer
from patchbay.core.clock import utcnow
from warehouse.read import NoSnapshot

Lookups = Mapping[str, Callable[[], Question]]


@dataclass(frozen=True, slots=True)
class Place:
    """A resolved address: the page, and the scope its cards are asked in."""

    page: Page
    scope: Scope


class Renderer:
    """Renders pages and cards for whoever is looking; holds no viewer itself."""

    def __init__(self, pages: tuple[Page, ...], lookups: Lookups, data: Data, registry: Registry) -> None:
        self.pages, self._lookups = pages, lookups
        self.sources = cards.Sources(data, Answers(registry))

    def place(self, viewer: Viewer, pathname: str, search: str | None, scheme: str | None) -> Place | None:
        """Where an address leads; None when no page is there."""
        found = find(self.pages, pathname)
        if found is None:
            return None
        page, parts = found
        pick = parse(page.filters, search, lambda name: self._allowed(viewer, name))
        return Place(page, Scope(viewer, pathname.rstrip("/") or "/", parts, pick, palette(scheme), utcnow()))

    def page(self, viewer: Viewer, pathname: str, search: str | None, scheme: str | None) -> Component:
        """The page's frame with its cards still loading, or why there is none."""
        place = self.place(viewer, pathname, search, scheme)
        if place is None:
            return missing("There is no page at this address.")
        page, scope = place.page, place.scope
        thing = self._guarded(place)
        if thing == {}:
            name = scope.path.get("name", "")
            return missing(f"“{name}” is not among what your organisation can see.")
        by_id = {card.id: cards.shell(card, card.ask(scope).title) for card in page.cards}
        words = {"title": scope.path.get("name"), **(thing or {}), **scope.path}
        heading = html.Div(
            [html.H1(page.title.format(**words)), html.P(page.lead.format(**words))], className="page-head"
        )
        bar = controls.bar(page, scope.pick, lambda name: self.choices(viewer, name))
        return html.Div([heading, bar, page.arrange(by_id.__getitem__)])

    def card(self, place: Place, card_id: str, view: cards.View) -> Component | None:
        """A card's answer; None when the card is not of this page."""
        card = place.page.card(card_id)
        return cards.answer(card, place.scope, self.sources, view) if card else None

    def asked(self, place: Place, card_id: str) -> tuple[Card, Source] | None:
        """What a card asks, in full; None for unknown cards."""
        card = place.page.card(card_id)
        return (card, (card.whole or card.ask)(place.scope)) if card else None

    def called(self, place: Place, call: Call) -> tuple[pl.DataFrame, Access]:
        """The whole answer of a call, and what was read for it; raises what `Call.run` raises."""
        access = self.sources.access(place.scope)
        return call.run(access), access

    def reads(self, place: Place, call: Call) -> Access:
        """What is read for a call, as far as it comes while the API refuses or is down."""
        access = self.sources.access(place.scope)
        with suppress(Refused, Unreachable):
            call.run(access)
        return access

    def choices(self, viewer: Viewer, lookup: str) -> Choices | None:
        """A filter's values as (value, label); None while nothing is published."""
        try:
            snapshot = self.sources.data.open(viewer)
        except NoSnapshot:
            return None
        frame = self.sources.data.ask(viewer, snapshot, self._lookups[lookup]())
        return tuple((str(row[0]), _label(row)) for row in frame.iter_rows() if row[0])

    def _allowed(self, viewer: Viewer, lookup: str) -> frozenset[str] | None:
        choices = self.choices(viewer, lookup)
        return None if choices is None else frozenset(value for value, _ in choices)

    def _guarded(self, place: Place) -> dict[str, Any] | None:
        if place.page.guard is None:
            return None
        try:
            snapshot = self.sources.data.open(place.scope.viewer)
        except NoSnapshot:
            return None
        frame = self.sources.data.ask(place.scope.viewer, snapshot, place.page.guard(place.scope))
        return frame.row(0, named=True) if frame.height else {}


def _label(row: tuple[Any, ...]) -> str:
    if len(row) == 1 or row[1] is None or str(row[1]) == str(row[0]):
        return str(row[0])
    return f"{row[0]} ({row[1]:,})" if isinstance(row[1], int) else f"{row[1]} · {row[0]}"


def missing(text: str) -> Component:
    """The page for what is not there, or not for this viewer: the two are not told apart."""
    back = dcc.Link("Go to the overview", href="/", className="button-link")
    return html.Div([html.H1("Not found"), icon("empty"), html.P(text), back], className="card-message not-found")
