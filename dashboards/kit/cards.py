"""A card: one question with its title, sentence, chart or table, time of the data, SQL and exports, in four states."""

import logging
import uuid
from dataclasses import dataclass
from typing import Any, Literal

import dash_mantine_components as dmc
import plotly.graph_objects as go
import polars as pl
from dash import dcc, html

from dashboards.access import Access, Answers
from dashboards.data import Data
from dashboards.kit import foot
from dashboards.kit import format as f
from dashboards.kit.aria import aria
from dashboards.kit.icons import icon
from dashboards.kit.page import Call, Card, Component, Glance, Scope, Source
from dashboards.kit.tables import grid
from dashboards.registry import Refused, Unreachable
from warehouse.read import NoSnapshot

log = logging.getLogger(__name__)
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
    answers: Answers

    def access(self, scope: Scope) -> Access:
        """What this viewer may read now."""
        try:
            snapshot = self.data.open(scope.viewer)
        except NoSnapshot:
            snapshot = None
        return Access(scope.viewer, snapshot, self.data, self.answers)


def shell(card: Card, title: str) -> Component:
    """The card before its answer: title, view switch, and a skeleton that the answer replaces."""
    loading: dict[str, Any] = {"data-state": "loading", "aria-busy": "true"}
    waiting = html.Div(dmc.Skeleton(height=card.height, radius="md"), **loading)
    body = html.Div(waiting, id={"type": "body", "card": card.id}, className="card-body")
    seen = dcc.Store(id={"type": "seen", "card": card.id})
    kind = " live" if card.live else ""
    if card.plain:
        return html.Section([body, seen, *_beat(card)], className=f"card-plain{kind}", **aria(label=title))
    heading = html.H2(title, id=f"title-{card.id}", className="card-title")
    head = html.Div([heading, *([] if card.tabular else [_view_switch(card, title)])], className="card-head")
    named: dict[str, Any] = {"id": f"card-{card.id}", **aria(labelledby=f"title-{card.id}")}
    return html.Section([head, body, seen, *_beat(card)], className=f"card{kind}", **named)


def _beat(card: Card) -> list[Component]:
    """What has a live card asked again."""
    identity = {"type": "beat", "card": card.id, "slot": "beat"}
    return [dcc.Interval(id=identity, interval=1000 * foot.LIVE_SECONDS)] if card.live else []


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
            access = sources.access(scope)
            frame = source.run(access)
            stamp = source.stamp(access) if source.stamp else None
            late = stamp is not None and foot.is_late(stamp.at, scope)
            return _present(card, scope, source, frame, foot.of_call(card, scope, source, access, stamp), view, late)
        snapshot = sources.data.open(scope.viewer)
        frame = (
            source.read(snapshot) if isinstance(source, Glance) else sources.data.ask(scope.viewer, snapshot, source)
        )
        late = foot.is_late(snapshot.published_at, scope)
        return _present(card, scope, source, frame, foot.of_snapshot(card, scope, source, snapshot), view, late)
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


def message(picture: str, text: str) -> Component:
    """A sentence in the place of an answer."""
    return html.Div([icon(picture), html.P(text)], className="card-message")


def _present(
    card: Card,
    scope: Scope,
    source: Source,
    frame: pl.DataFrame,
    below: Component | None,
    view: View,
    is_late: bool = False,
) -> Component:
    if frame.is_empty():
        return state("empty", [_nothing(card, scope), below])
    shown = frame if isinstance(source, Glance) else frame.head(source.shown)
    drawn = grid(shown, label=source.title) if view == "table" else card.draw(shown, scope)
    if isinstance(drawn, go.Figure):
        drawn = graph(drawn, card, source.title)
    sentence = card.say(shown, scope) if card.say else source.summary
    cut = frame.height > shown.height and f" The first {f.whole(shown.height)} rows are shown; an export has them all."
    lead = html.P(sentence + (cut or ""), className="card-summary")
    return state("stale" if is_late else "ready", [drawn, below] if card.plain else [lead, drawn, below])


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
    said = card.empty if isinstance(card.empty, str) else card.empty(scope)
    return html.Div([icon("empty"), html.P(said), reset], className="card-message")


def unpublished() -> Component:
    """No snapshot yet: nothing is wrong, the pipeline has not published for this tenant."""
    text = "No data has been published for your organisation yet. It appears after the pipeline's first full run."
    return state("empty", [message("empty", text)])


def failed(card_id: str, text: str) -> Component:
    """The failed state: what happened, and a button that asks again."""
    retry = dmc.Button("Try again", id={"type": "retry", "card": card_id, "slot": "body"}, size="xs", variant="default")
    return state("failed", [html.Div([icon("alert"), html.P(text), retry], className="card-message", role="alert")])
