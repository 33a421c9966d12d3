"""The foot of a card: when its data is from, what stands behind it, and the exports of the full result."""

from datetime import datetime, timedelta
from urllib.parse import quote, urlencode

from dash import html

from dashboards.access import Access
from dashboards.kit import format as f
from dashboards.kit.aria import aria
from dashboards.kit.icons import icon
from dashboards.kit.page import Call, Card, Component, Glance, Scope, Source, Stamp
from dashboards.queries.question import Question
from warehouse.read import Snapshot

STALE_AFTER = timedelta(hours=36)
"""A daily pipeline that missed one run and half of the next is late enough to say so on every card."""
LIVE_SECONDS = 5
EXPORTS: dict[str, str] = {"csv": "CSV", "parquet": "Parquet"}


def of_snapshot(card: Card, scope: Scope, source: Question | Glance, snapshot: Snapshot) -> Component | None:
    """Below what a snapshot answered."""
    if card.plain:
        return None
    behind = [_behind(card, source, "SQL")] if isinstance(source, Question) else []
    return _foot(_dated("As of", snapshot.published_at, scope), [*behind, *_exports(card, scope)])


def of_call(card: Card, scope: Scope, source: Call, access: Access, stamp: Stamp | None) -> Component | None:
    """Below what the API answered; it can be exported when it was read from routes."""
    if card.plain:
        return None
    if card.live:
        said = [html.Span(className="pulse"), html.Span(f"Live: asked every {LIVE_SECONDS} seconds")]
    elif stamp:
        said = [*_dated("Scored", stamp.at, scope), html.Span(f"by {stamp.by}")]
    else:
        said = [html.Span(f"Asked the API {f.moment(scope.now)}")]
    return _foot(said, [_behind(card, source, "API"), *_exports(card, scope)] if access.read else [])


def _dated(word: str, at: datetime, scope: Scope) -> list[Component]:
    late = is_late(at, scope)
    age = f" · {f.ago(at, scope.now)}" if late else ""
    mark = html.Span([icon("clock"), "Stale"], className="stale-mark")
    return [*([mark] if late else []), html.Time(f"{word} {f.moment(at)}{age}")]


def is_late(at: datetime, scope: Scope) -> bool:
    """Whether what was made then is older than a working pipeline leaves it."""
    return scope.now - f.utc(at) > STALE_AFTER


def _foot(said: list[Component], tools: list[Component]) -> Component:
    return html.Div([html.Div(said), *([html.Div(tools, className="tools")] if tools else [])], className="card-foot")


def _behind(card: Card, source: Source, what: str) -> Component:
    said = "SQL" if what == "SQL" else "API route"
    return html.Button(
        what,
        id={"type": "behind", "card": card.id},
        className="tool",
        type="button",
        **aria(label=f"Show the {said} behind {source.title}"),
    )


def _exports(card: Card, scope: Scope) -> list[Component]:
    return [
        html.A(label, href=export_href(card.id, scope, kind), className="tool", download="", title="The full result")
        for kind, label in EXPORTS.items()
    ]


def export_href(card_id: str, scope: Scope, kind: str) -> str:
    """Where the full result of a card is downloaded, under the same path and filters."""
    chosen = [("at", scope.pathname), *((name, value) for name, value in scope.pick.values.items() if value)]
    return f"/export/{quote(card_id)}.{kind}?{urlencode(chosen)}"
