"""A card: one question with its title, sentence, chart or table, time of the data, SQL and exports, in four states."""

import logging
import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal
from urllib.parse import quote, urlencode

import dash_mantine_components as dmc
import plotly.graph_objects as go
import polars as pl
from dash import dcc, html

from dashboards.data import Data
from dashboards.kit import format as f
from dashboards.kit.aria import aria
from dashboards.kit.icons import icon
from dashboards.kit.page import Call, Card, Component, Glance, Scope, Source
from dashboards.kit.tables import grid
from dashboards.queries.question import Question
from dashboards.registry import Refused, Registry, Unreachable
from warehouse.read import NoSnapshot, Snapshot

log = logging.getLogger(__name__)
STALE_AFTER = timedelta(hours=36)
"""A daily pipeline that missed one run and half of the next is late enough to say so on every card."""

View = Literal["chart", "table"]
GRAPH_CONFIG: Any = {
    "displaylogo": False,
    "responsive": True,
    "modeBarButtons": [["toImage", "resetScale2d"]],
    "toImageButtonOptions": {"format": "png", "scale": 2},
}


@dataclass(frozen=True, slots=True)
class Sources:
    """Where cards get their frames from."""

    data: Data
    registry: Registry


def shell(card: Card, title: str) -> Component:
    """The card before its answer: title, view switch, and a skeleton that the answer replaces."""
    loading: dict[str, Any] = {"data-state": "loading", "aria-busy": "true"}
    waiting = html.Div(dmc.Skeleton(height=card.height, radius="md"), **loading)
    body = html.Div(waiting, id={"type": "body", "card": card.id}, className="card-body")
    if card.plain:
        return html.Section(body, className="card-plain", **aria(label=title))
    heading = html.H2(title, id=f"title-{card.id}", className="card-title")
    head = html.Div([heading, *([] if card.tabular else [_view_switch(card, title)])], className="card-head")
    return html.Section([head, body], className="card", id=f"card-{card.id}", **aria(labelledby=f"title-{card.id}"))


def _view_switch(card: Card, title: str) -> Component:
    return dmc.Switch(
        id={"type": "view", "card": card.id, "slot": "head"},
        label="Table",
        size="xs",
        checked=False,
        className="view-switch",
        **aria(label=f"View {title} as a table"),
    )


def answer(card: Card, scope: Scope, sources: Sources, view: View) -> Component:
    """The card's body in whichever state it is: ready, empty or failed; ready and empty ones also when stale."""
    try:
        source = card.ask(scope)
        if isinstance(source, Call):
            frame = source.run(sources.registry, scope.viewer, published(scope, sources))
            return _present(card, scope, source, frame, None, view)
        snapshot = sources.data.open(scope.viewer)
        frame = (
            source.read(snapshot) if isinstance(source, Glance) else sources.data.ask(scope.viewer, snapshot, source)
        )
        return _present(card, scope, source, frame, snapshot, view)
    except NoSnapshot:
        return unpublished()
    except Refused as refusal:
        return state("empty", [message("lock", f"The registry does not show this to you. {refusal}")])
    except Unreachable as error:
        log.info("card %s: %s", card.id, error)
        return failed(card.id, "The registry API does not answer. Pages with published data keep working.")
    except Exception:
        reference = uuid.uuid4().hex[:8]
        log.exception("card %s failed, reference %s", card.id, reference)
        return failed(card.id, f"This question could not be answered. Reference {reference}.")


def published(scope: Scope, sources: Sources) -> Snapshot | None:
    """The viewer's snapshot, None before the first publication."""
    try:
        return sources.data.open(scope.viewer)
    except NoSnapshot:
        return None


def message(picture: str, text: str) -> Component:
    """A sentence in the place of an answer."""
    return html.Div([icon(picture), html.P(text)], className="card-message")


def _present(
    card: Card, scope: Scope, source: Source, frame: pl.DataFrame, snapshot: Snapshot | None, view: View
) -> Component:
    foot = footer(card, scope, source, snapshot)
    if frame.is_empty():
        return state("empty", [_nothing(card, scope), foot])
    shown = frame.head(source.shown) if isinstance(source, Question) else frame
    drawn = grid(shown, label=source.title) if view == "table" else card.draw(shown, scope)
    if isinstance(drawn, go.Figure):
        drawn = graph(drawn, card, source.title)
    sentence = card.say(shown, scope) if card.say else source.summary
    cut = frame.height > shown.height and f" The first {f.whole(shown.height)} rows are shown; an export has them all."
    lead = html.P(sentence + (cut or ""), className="card-summary")
    stale = snapshot is not None and scope.now - f.utc(snapshot.published_at) > STALE_AFTER
    return state("stale" if stale else "ready", [drawn, foot] if card.plain else [lead, drawn, foot])


def graph(figure: go.Figure, card: Card, title: str) -> Component:
    """A figure that fills its card; its meaning is also in the sentence above and the table behind the switch."""
    chart = dcc.Graph(figure=figure, config=GRAPH_CONFIG, responsive=True, style={"height": "100%", "width": "100%"})
    room = {"minHeight": f"{card.height}px"}
    return html.Div(
        chart,
        className="chart",
        style=room,
        role="img",
        **aria(label=f"Chart: {title}. Switch to the table for its values."),
    )


def state(name: str, children: list[Any]) -> Component:
    """A body marked with its state."""
    marked: dict[str, Any] = {"data-state": name}
    return html.Div([child for child in children if child], className="card-state", **marked)


def _nothing(card: Card, scope: Scope) -> Component:
    narrowed = scope.pick.changed - {"period", "sort", "page"}
    reset = dcc.Link("Reset filters", href=scope.pathname, className="button-link") if narrowed else None
    return html.Div([icon("empty"), html.P(card.empty), reset], className="card-message")


def unpublished() -> Component:
    """No snapshot yet: nothing is wrong, the pipeline has not published for this tenant."""
    text = "No data has been published for your organisation yet. It appears after the pipeline's first full run."
    return state("empty", [message("empty", text)])


def failed(card_id: str, text: str) -> Component:
    """The failed state: what happened, and a button that asks again."""
    retry = dmc.Button("Try again", id={"type": "retry", "card": card_id, "slot": "body"}, size="xs", variant="default")
    return state("failed", [html.Div([icon("alert"), html.P(text), retry], className="card-message", role="alert")])


def footer(card: Card, scope: Scope, source: Source, snapshot: Snapshot | None) -> Component | None:
    """When the data is from, the SQL, and the exports of the full result."""
    if card.plain:
        return None
    if isinstance(source, Call) or snapshot is None:
        return html.Div(html.Span(f"Asked the API {f.moment(scope.now)}"), className="card-foot")
    stale = scope.now - f.utc(snapshot.published_at) > STALE_AFTER
    age = f"{f.ago(snapshot.published_at, scope.now)}" if stale else ""
    stamp = html.Time(f"As of {f.moment(snapshot.published_at)}" + (f" · {age}" if age else ""))
    mark = html.Span([icon("clock"), "Stale"], className="stale-mark") if stale else None
    buttons = [_sql_button(card, source)] if isinstance(source, Question) else []
    tools = html.Div([*buttons, *(_export(card, scope, kind) for kind in EXPORTS)], className="tools")
    return html.Div([html.Div([part for part in (mark, stamp) if part]), tools], className="card-foot")


def _sql_button(card: Card, source: Question) -> Component:
    return html.Button(
        "SQL",
        id={"type": "sql", "card": card.id},
        className="tool",
        type="button",
        **aria(label=f"Show the SQL behind {source.title}"),
    )


EXPORTS: dict[str, str] = {"csv": "CSV", "parquet": "Parquet"}


def _export(card: Card, scope: Scope, kind: str) -> Component:
    return html.A(
        EXPORTS[kind], href=export_href(card.id, scope, kind), className="tool", download="", title="The full result"
    )


def export_href(card_id: str, scope: Scope, kind: str) -> str:
    """Where the full result of a card is downloaded, under the same path and filters."""
    chosen = [("at", scope.pathname), *((name, value) for name, value in scope.pick.values.items() if value)]
    return f"/export/{quote(card_id)}.{kind}?{urlencode(chosen)}"
