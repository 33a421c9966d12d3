"""How recommended plugins are drawn, wherever they are shown."""

from typing import Any

import polars as pl
from dash import dcc, html

from dashboards.kit.page import Component, Scope

BRIEF = 5


def in_full(frame: pl.DataFrame, scope: Scope) -> Component:
    """Every recommendation with rank, plugin, score and reason."""
    return _listed(frame)


def briefly(frame: pl.DataFrame, scope: Scope) -> Component:
    """The best few."""
    return _listed(frame.head(BRIEF))


def said(frame: pl.DataFrame, scope: Scope) -> str:
    """How many, and the best of them."""
    return f"{frame.height} recommended; first {frame['title'][0]}."


def _listed(frame: pl.DataFrame) -> Component:
    rows = frame.to_dicts()
    most = max(*(row["score"] for row in rows), 1e-9)
    return html.Ol([_one(row, most) for row in rows], className="recommended")


def _one(row: dict[str, Any], most: float) -> Component:
    score = row["score"]
    top = [
        html.Span(f"{row['rank']}", className="rank"),
        dcc.Link(row["title"], href=row["href"]),
        html.Code(row["plugin"]),
        html.Span(f"{score:.2f}", className="score", title="Score"),
    ]
    bar = html.Div(html.Div(style={"width": f"{max(100 * score / most, 0):.1f}%"}), className="bar")
    return html.Li([html.Div(top), html.P(row["reason"]), bar])
