"""What a plugin's page draws of its risk, of plugins like it, and of what was out of the ordinary in its use."""

from typing import Any
from urllib.parse import urlencode

import polars as pl
from dash import dcc, html

from dashboards.calls import anomalies as asked
from dashboards.kit import format as f
from dashboards.kit import parts
from dashboards.kit.aria import aria
from dashboards.kit.lists import Cell, Row, second, table
from dashboards.kit.page import Call, Component, Scope
from dashboards.pages.anomalies.figures import TONES, band, shown
from dashboards.registry import route

FEW = 8


def risk(frame: pl.DataFrame, scope: Scope) -> Component:
    """The score with its band, what is kept apart from it, and each factor with its part, reason and fix."""
    row = frame.row(0, named=True)
    return html.Div([_score(row), _factors(frame)], className="risk")


def _score(row: Row) -> Component:
    head = html.Div(
        [
            html.Span(f"{row['points']:.0f}", className="risk-score"),
            html.Span("of 100", className="quiet"),
            parts.badge(row["band"], parts.BANDS.get(row["band"])),
        ],
        className="risk-head",
    )
    impact = f.MISSING if row["impact"] is None else f"{row['impact']:.2f} of 1"
    told = parts.facts(
        [
            ("Probability", f"{f.percent(row['chance'])} within a year"),
            ("Impact", impact),
            ("Held up by", row["floor"]),
            ("Confidence", f"{f.percent(row['confidence'])} of the facts known"),
            ("Compliance", row["compliance"] or "not judged"),
        ]
    )
    return html.Div([head, told])


def _factors(frame: pl.DataFrame) -> Component:
    most = max((row["share"] or 0.0 for row in frame.to_dicts()), default=0.0) or 1.0
    cells = [
        Cell("Factor", lambda row: (row["name"] or f.MISSING).replace("_", " ")),
        Cell("Part", lambda row: _part(row["share"], most)),
        Cell("Why", lambda row: row["reason"] or f.MISSING, wide=True),
        Cell("What mends it", lambda row: row["fix"] or f.MISSING, wide=True),
    ]
    return table(frame.to_dicts(), cells, "Factors of the risk")


def _part(share: float | None, most: float) -> Any:
    if share is None:
        return f.MISSING
    bar = html.Div(html.Div(style={"width": f"{100 * share / most:.1f}%"}), className="bar", **aria(hidden="true"))
    return html.Div([html.Span(f.percent(share, 1)), bar], className="part")


def risk_said(frame: pl.DataFrame, scope: Scope) -> str:
    """The score and what weighs most."""
    row = frame.row(0, named=True)
    if not row["share"]:
        return f"Risk {row['points']:.0f} of 100, {row['band']}."
    return f"Risk {row['points']:.0f} of 100, {row['band']}; {row['name'].replace('_', ' ')} weighs most."


def similar(frame: pl.DataFrame, scope: Scope) -> Component:
    """Plugins like it, most alike first."""
    rows = frame.head(FEW).to_dicts()
    most = max(*(row["score"] for row in rows), 1e-9)
    return html.Ol([_alike(row, most) for row in rows], className="ranking")


def _alike(row: Row, most: float) -> Component:
    top = html.Div([dcc.Link(row["title"], href=row["href"]), html.Span(f"{row['score']:.2f}")])
    bar = html.Div(html.Div(style={"width": f"{max(100 * row['score'] / most, 0):.1f}%"}), className="bar")
    return html.Li([top, bar])


def similar_said(frame: pl.DataFrame, scope: Scope) -> str:
    """The likest."""
    return f"Who takes it up also takes up these; first {frame['title'][0]}."


def strange(ref: str) -> Call:
    """The plugin's own anomalies, newest first."""
    return asked.anomalies(route("/v1/anomalies", plugin=ref))


def anomalies(frame: pl.DataFrame, scope: Scope) -> Component:
    """The newest few; each leads to its series."""
    ref = f"{scope.path['namespace']}:{scope.path['name']}"
    cells = [
        Cell("Began", lambda row: dcc.Link(second(row["started_at"])[:16], href=_series(ref, row["anomaly_id"]))),
        Cell("Kind", lambda row: parts.badge(row["kind"], TONES.get(row["kind"]))),
        Cell("Came", lambda row: shown(row, "observed"), number=True),
        Cell("Expected", band, number=True),
        Cell("Score", lambda row: f"{row['score']:.1f}", number=True),
    ]
    return table(frame.head(FEW).to_dicts(), cells, "Anomalies of this plugin")


def _series(ref: str, anomaly: str) -> str:
    return "/anomalies?" + urlencode({"plugin": ref, "anomaly": anomaly})


def anomalies_said(frame: pl.DataFrame, scope: Scope) -> str:
    """How many, and the newest."""
    newest = f"the newest began {f.moment(frame['started_at'][0])}"
    return f"{f.plural(frame.height, 'anomaly', 'anomalies')}; {newest}."
