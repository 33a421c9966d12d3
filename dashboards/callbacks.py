"""All of the app's callbacks. Cards and filters are addressed by pattern, so a page adds none of its own.

Dash's ASGI backend runs a plain function on the event loop, where one slow question would stop everyone; each callback
here is therefore async and does its work in a thread, with the viewer's context copied along.
"""

import asyncio
import hashlib
import json
import logging
from typing import Any, cast

import dash
from dash import ALL, MATCH, ClientsideFunction, Input, Output, State, html, no_update
from plotly.utils import PlotlyJSONEncoder

from dashboards import deeds
from dashboards.kit import behind, controls
from dashboards.kit import format as f
from dashboards.kit.foot import STALE_AFTER
from dashboards.kit.icons import icon
from dashboards.kit.page import Call, Component
from dashboards.kit.urlstate import to_search
from dashboards.queries.question import Question
from dashboards.render import Place, Renderer
from dashboards.session import current_viewer
from patchbay.core.clock import utcnow
from warehouse.read import NoSnapshot

log = logging.getLogger(__name__)
FILTER = {"type": "filter", "name": ALL}


def register(app: dash.Dash, renderer: Renderer) -> None:
    """Attach every callback to an app."""
    _router(app, renderer)
    _cards(app, renderer)
    _filters(app, renderer)
    _behind(app, renderer)
    _freshness(app, renderer)
    deeds.register(app, renderer)
    for name, output, inputs in (
        (
            "toggleTheme",
            [Output("provider", "forceColorScheme"), Output("theme", "data")],
            [Input("theme-toggle", "n_clicks")],
        ),
        ("toggleMenu", [Output("app-shell", "navbar")], [Input("burger", "opened"), Input("url", "pathname")]),
        ("arrive", [Output("focus", "data")], [Input("page", "children")]),
    ):
        cast(Any, app).clientside_callback(
            ClientsideFunction("patchbay", name), output, inputs, prevent_initial_call=name != "arrive"
        )


def report(error: Exception) -> None:
    """Dash's ASGI backend answers 500 without a word; this says what happened, then lets it answer."""
    log.error("a callback failed", exc_info=error)
    raise error


def _router(app: dash.Dash, renderer: Renderer) -> None:
    @app.callback(Output("page", "children"), Input("url", "pathname"), State("url", "search"), State("theme", "data"))
    async def route(pathname: str | None, search: str | None, scheme: str) -> Component:
        if pathname is None:
            return no_update
        return await asyncio.to_thread(renderer.page, current_viewer.get(), pathname, search, scheme)


def _cards(app: dash.Dash, renderer: Renderer) -> None:
    @app.callback(
        Output({"type": "body", "card": MATCH}, "children"),
        Output({"type": "seen", "card": MATCH}, "data"),
        Input("url", "search"),
        Input("theme", "data"),
        Input("snapshot", "data"),
        Input("done", "data"),
        Input({"type": "view", "card": MATCH, "slot": ALL}, "checked"),
        Input({"type": "retry", "card": MATCH, "slot": ALL}, "n_clicks"),
        Input({"type": "beat", "card": MATCH, "slot": ALL}, "n_intervals"),
        State({"type": "seen", "card": MATCH}, "data"),
        State({"type": "body", "card": MATCH}, "id"),
        State("url", "pathname"),
    )
    async def fill(
        search: str | None,
        scheme: str,
        _snapshot: Any,
        _done: Any,
        views: list[bool],
        _retry: Any,
        _beat: Any,
        seen: str | None,
        own: dict[str, str],
        pathname: str,
    ) -> tuple[Any, Any]:
        view = "table" if any(views) else "chart"
        filled = await asyncio.to_thread(_fill, renderer, pathname, search, scheme, own["card"], view)
        return changed(filled, seen)


def changed(filled: Component, seen: str | None) -> tuple[Any, Any]:
    """What to show and its mark; nothing where that is what is shown already, so that a live card never flickers."""
    if filled is no_update:
        return no_update, no_update
    text = json.dumps(filled, cls=PlotlyJSONEncoder, sort_keys=True)
    mark = hashlib.sha256(text.encode()).hexdigest()[:16]
    return (no_update, no_update) if mark == seen else (filled, mark)


def _fill(renderer: Renderer, pathname: str, search: str | None, scheme: str, card: str, view: Any) -> Component:
    place = renderer.place(current_viewer.get(), pathname, search, scheme)
    answer = renderer.card(place, card, view) if place else None
    return no_update if answer is None else answer


def _filters(app: dash.Dash, renderer: Renderer) -> None:
    @app.callback(
        Output("url", "search"),
        Output(FILTER, "value"),
        Output("ignored", "children"),
        Input("url", "search"),
        Input(FILTER, "value"),
        State(FILTER, "id"),
        State("url", "pathname"),
    )
    async def agree(
        search: str | None, typed: list[str | None], ids: list[dict[str, str]], pathname: str
    ) -> tuple[Any, ...]:
        from_url = "url.search" in dash.ctx.triggered_prop_ids
        place = await asyncio.to_thread(renderer.place, current_viewer.get(), pathname, search, None)
        if place is None:
            return no_update, [no_update] * len(ids), no_update
        return agreed(place, from_url, {own["name"]: value or "" for own, value in zip(ids, typed, strict=True)})


def agreed(place: Place, from_url: bool, typed: dict[str, str]) -> tuple[Any, list[Any], Any]:
    """The address and the controls made to agree: whichever changed wins. Returns search, control values, chips."""
    pick, rules = place.scope.pick, {rule.name: rule for rule in place.page.filters}
    wanted = {name: value or rules[name].default for name, value in typed.items() if name in rules}
    if from_url or all(pick[name] == value for name, value in wanted.items()):
        values = [pick[name] if name in rules and pick[name] != wanted[name] else no_update for name in typed]
        return no_update, values, controls.ignored(pick)
    search = to_search(place.page.filters, {**pick.values, **wanted}, page=None)
    return search, [no_update] * len(typed), []


def _behind(app: dash.Dash, renderer: Renderer) -> None:
    @app.callback(
        Output("drawer", "opened"),
        Output("drawer", "title"),
        Output("drawer", "children"),
        Input({"type": "behind", "card": ALL}, "n_clicks"),
        State("url", "pathname"),
        State("url", "search"),
        prevent_initial_call=True,
    )
    async def show(clicks: list[int | None], pathname: str, search: str | None) -> tuple[Any, Any, Any]:
        pressed = dash.ctx.triggered_id
        if not any(clicks) or not dash.ctx.triggered[0]["value"] or pressed is None:
            return no_update, no_update, no_update
        return await asyncio.to_thread(_what_stands_behind, renderer, pathname, search, pressed["card"])


def _what_stands_behind(renderer: Renderer, pathname: str, search: str | None, card_id: str) -> tuple[Any, Any, Any]:
    viewer = current_viewer.get()
    place = renderer.place(viewer, pathname, search, None)
    asked = renderer.asked(place, card_id) if place else None
    if place is None or asked is None:
        return no_update, no_update, no_update
    source = asked[1]
    if isinstance(source, Call):
        access = renderer.reads(place, source)
        return True, f"API behind “{source.title}”", behind.of_call(source, access.read, access.snapshot)
    if isinstance(source, Question):
        snapshot = renderer.sources.data.open(viewer)
        return True, f"SQL behind “{source.title}”", behind.of_question(source, snapshot)
    return no_update, no_update, no_update


def _freshness(app: dash.Dash, renderer: Renderer) -> None:
    @app.callback(
        Output("freshness", "children"),
        Output("snapshot", "data"),
        Input("tick", "n_intervals"),
        State("snapshot", "data"),
    )
    async def look(_tick: int | None, shown: str | None) -> tuple[Component, Any]:
        badge, current = await asyncio.to_thread(_badge, renderer)
        return badge, no_update if shown == current or (shown is None and _tick is None) else current


def _badge(renderer: Renderer) -> tuple[Component, str]:
    try:
        snapshot = renderer.sources.data.open(current_viewer.get())
    except NoSnapshot:
        return html.Span([icon("clock"), "No data yet"], className="fresh none"), "none"
    age = utcnow() - f.utc(snapshot.published_at)
    stale = age > STALE_AFTER
    said = f"Data {f.ago(snapshot.published_at, utcnow())}"
    title = f"Published {f.moment(snapshot.published_at)}" + (
        ", later than a daily pipeline should be" if stale else ""
    )
    return html.Span(
        [icon("clock"), said], className="fresh stale" if stale else "fresh", title=title
    ), snapshot.snapshot_id
