"""Small pieces that several pages draw: headline tiles, ranked lists, definition lists, badges."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from dash import dcc, html

from dashboards.kit.icons import icon
from dashboards.kit.page import Component, Slot
from dashboards.kit.theme import TONES
from dashboards.kit.urlstate import Filter
from dashboards.queries.question import PERIODS


@dataclass(frozen=True, slots=True)
class Tile:
    """A headline figure: what it counts, the value as shown, and a note in words."""

    label: str
    value: str
    note: str = ""
    href: str | None = None
    tone: str = ""


def tiles(shown: Iterable[Tile]) -> Component:
    """Headline figures side by side."""
    return html.Dl([_tile(tile) for tile in shown], className="tiles")


def _tile(tile: Tile) -> Component:
    label: Any = dcc.Link(tile.label, href=tile.href) if tile.href else tile.label
    value = html.Dd([html.Span(tile.value, className="tile-value"), html.Span(tile.note, className="tile-note")])
    words = "" if tile.value[:1].isdigit() or len(tile.value) < 3 else "words"
    return html.Div([html.Dt(label), value], className=f"tile {tile.tone} {words}".strip())


def ranking(rows: Sequence[dict[str, Any]], value: str, shown: Any) -> Component:
    """A ranked list with bars; each name is a link, each value is written out."""
    most = max((float(row[value]) for row in rows), default=0) or 1
    return html.Ol(
        [
            html.Li(
                [
                    html.Div([dcc.Link(row["title"] or row["name"], href=plugin_path(row)), html.Span(shown(row))]),
                    html.Div(html.Div(style={"width": f"{100 * float(row[value]) / most:.1f}%"}), className="bar"),
                ]
            )
            for row in rows
        ],
        className="ranking",
    )


def plugin_path(row: dict[str, Any]) -> str:
    """The page of the plugin a row is about."""
    return f"/plugins/{quote(row['namespace'], safe='')}/{quote(row['name'], safe='')}"


BANDS = {"low": "good", "moderate": "info", "high": "warn", "critical": "bad", "insufficient": "plain"}
"""The tint of each band of risk, lowest first; `insufficient` says that too little is known."""


def badge(text: str, tone: str | None = None) -> Component:
    """A word on a tinted ground; the word carries the meaning."""
    return html.Span(text, className=f"badge {tone or TONES.get(text, 'plain')}")


def facts(pairs: Iterable[tuple[str, Any]]) -> Component:
    """Terms and values; pairs without a value are left out."""
    kept = [(term, value) for term, value in pairs if value not in (None, "", [])]
    return html.Dl([html.Div([html.Dt(term), html.Dd(value)]) for term, value in kept], className="facts")


def outside_link(url: str | None, text: str) -> Component | None:
    """A link out of the app; addresses come from data, so any scheme but http(s), such as javascript:, is dropped."""
    if not url or not url.lower().startswith(("https://", "http://")):
        return None
    return html.A(
        [text, icon("out")], href=url, target="_blank", rel="noopener noreferrer nofollow", className="outside"
    )


def columns(*children: Component, wide: int = 1) -> Component:
    """Cards side by side, the first `wide` times as broad; one below the other on narrow screens."""
    return html.Div(list(children), className=f"columns wide-{wide}")


def side_by_side(slots: Slot, *rows: tuple[str, ...]) -> Component:
    """Stacks of cards next to each other, each as tall as its own content."""
    made = [html.Div([slots(name) for name in names], className="stack") for names in rows]
    return html.Div(made, className="columns wide-1 loose")


def stack(slots: Slot, *ids: str | tuple[str, ...]) -> Component:
    """Cards in rows: a name is a full row, a tuple a row of equal columns."""
    rows = [slots(part) if isinstance(part, str) else columns(*(slots(name) for name in part)) for part in ids]
    return html.Div(rows, className="stack")


def period(default: str = "90d") -> Filter:
    """The period filter every page over time has."""
    return Filter("period", "Period", default, PERIODS)
