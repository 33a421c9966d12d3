"""What the risk page draws."""

from typing import Any

import plotly.graph_objects as go
import polars as pl
from dash import dcc, html

from dashboards.kit import format as f
from dashboards.kit import parts
from dashboards.kit.figures import figure
from dashboards.kit.lists import Cell, Row, table
from dashboards.kit.page import Component, Scope
from dashboards.kit.theme import Palette
from dashboards.kit.urlstate import Filter, to_search

BANDS = tuple(parts.BANDS)
FILTERS = (
    Filter("q", "Search"),
    Filter("band", "Band", "", (("", "Any"), *((band, band.capitalize()) for band in reversed(BANDS[:-1])),
        ("insufficient", "Too little known")), wide=True),
)  # fmt: skip
TOP = 25
COLOURS = {"low": 4, "moderate": 5, "high": 1, "critical": 3, "insufficient": 7}
"""The place of each band's colour in a palette's series."""
SYMBOLS = {"low": "circle", "moderate": "diamond", "high": "triangle-up", "critical": "star", "insufficient": "x"}
"""Shape says the band too, so that colour is not needed to read it."""
STEPS = 10


def tiles(frame: pl.DataFrame, scope: Scope) -> Component:
    """How many plugins there are in each band, highest first; each leads to them."""
    counts = dict(frame.group_by("band").len().iter_rows())
    notes = {"critical": "act now", "high": "plan a change", "moderate": "watch", "low": "nothing to do"}
    tones = {"critical": "bad", "high": "watch"}
    return parts.tiles(
        parts.Tile(
            band.capitalize() if band != "insufficient" else "Too little known",
            f.whole(counts.get(band, 0)),
            notes.get(band, "not scored"),
            "/risk" + to_search(FILTERS, scope.pick.values, band=band),
            tones.get(band, "") if counts.get(band) else "",
        )
        for band in ("critical", "high", "moderate", "low", "insufficient")
    )


def matrix(frame: pl.DataFrame, scope: Scope) -> Any:
    """Every plugin as a point: how likely harm is against how far it would reach."""
    known = frame.drop_nulls(["probability", "impact"])
    traces = [_points(known.filter(pl.col("band") == band), band, scope.colours) for band in reversed(BANDS)]
    made = figure(scope.colours, *[trace for trace in traces if trace], hovermode="closest", showlegend=True)
    made.update_xaxes(title_text="Impact", range=[-0.03, 1.03], showgrid=True)
    return made.update_yaxes(
        title_text="Probability within a year", tickformat=".0%", range=_room(known["probability"])
    )


def _room(column: pl.Series) -> list[float]:
    highest = column.max()
    top = float(highest) if isinstance(highest, float) else 1.0
    return [-0.03 * top, 1.06 * top]


def _points(frame: pl.DataFrame, band: str, colours: Palette) -> go.Scatter | None:
    if frame.is_empty():
        return None
    return go.Scatter(
        x=frame["impact"].to_list(),
        y=frame["probability"].to_list(),
        name=band,
        text=frame["title"].to_list(),
        customdata=frame["score"].to_list(),
        mode="markers",
        marker={"size": 9, "symbol": SYMBOLS[band], "color": colours.series[COLOURS[band]], "opacity": 0.85},
        hovertemplate="%{text}<br>score %{customdata:.0f}<br>probability %{y:.1%}, impact %{x:.2f}<extra></extra>",
    )


def matrix_said(frame: pl.DataFrame, scope: Scope) -> str:
    """Which point is farthest from harmless."""
    known = frame.drop_nulls(["probability", "impact"])
    if known.is_empty():
        return "Nothing is known of probability and impact."
    worst = known.sort(pl.col("probability") * pl.col("impact"), descending=True).row(0, named=True)
    chance = f.percent(worst["probability"])
    return f"{f.plural(known.height, 'plugin')}; {worst['title']} is both likely ({chance}) and far-reaching ({worst['impact']:.2f})."


def drivers(frame: pl.DataFrame, scope: Scope) -> Any:
    """For how many plugins each factor is the strongest one, by band."""
    counted = _drivers(frame)
    order = counted.group_by("driver").agg(pl.col("plugins").sum()).sort("plugins")["driver"].to_list()
    bars = [
        go.Bar(
            x=(part := counted.filter(pl.col("band") == band))["plugins"].to_list(),
            y=[_words(name) for name in part["driver"]],
            name=band,
            orientation="h",
            marker={"color": scope.colours.series[COLOURS[band]]},
        )
        for band in reversed(BANDS)
        if band in counted["band"]
    ]
    made = figure(scope.colours, *bars, barmode="stack", showlegend=len(bars) > 1, hovermode="y unified", bargap=0.35)
    made.update_yaxes(categoryorder="array", categoryarray=[_words(name) for name in order])
    return made.update_xaxes(title_text="Plugins", showgrid=True)


def _drivers(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.drop_nulls("driver").group_by("driver", "band", maintain_order=True).agg(pl.len().alias("plugins"))


def _words(name: str) -> str:
    return name.replace("_", " ")


def drivers_said(frame: pl.DataFrame, scope: Scope) -> str:
    """The commonest driver of what is high or critical."""
    counted = _drivers(frame.filter(pl.col("band").is_in(["high", "critical"])))
    if counted.is_empty():
        return "What weighs most in each plugin’s score; no plugin here is high or critical."
    most = counted.group_by("driver").agg(pl.col("plugins").sum()).sort("plugins", descending=True).row(0)
    return f"{_words(most[0]).capitalize()} weighs most in {f.plural(most[1], 'plugin')} of high or critical risk."


def top(frame: pl.DataFrame, scope: Scope) -> Component:
    """The highest scores with band, reason and fix."""
    cells = [
        Cell("Plugin", _plugin, wide=True),
        Cell("Score", lambda row: f"{row['score']:.0f}", number=True),
        Cell("Band", lambda row: parts.badge(row["band"], parts.BANDS.get(row["band"]))),
        Cell("Why", lambda row: row["reason"] or f.MISSING, wide=True),
        Cell("What mends it", lambda row: row["fix"] or f.MISSING, wide=True),
    ]
    return table(frame.head(TOP).to_dicts(), cells, "Highest risks")


def _plugin(row: Row) -> Component:
    floor = [html.Span(f"held up by: {row['floor']}", className="quiet")] if row["floor"] else []
    return html.Div([dcc.Link(row["title"], href=row["href"]), html.Code(row["plugin"]), *floor], className="named")


def top_said(frame: pl.DataFrame, scope: Scope) -> str:
    """How many there are."""
    shown = min(frame.height, TOP)
    return f"The {shown} highest of {f.plural(frame.height, 'scored plugin')}; an export has them all."


def confidence(frame: pl.DataFrame, scope: Scope) -> Any:
    """How much is known, in tenths."""
    known = frame["confidence"].drop_nulls()
    places = [min(int(value * STEPS), STEPS - 1) for value in known]
    labels = [f"{step * 10}–{step * 10 + 10} %" for step in range(STEPS)]
    bars = go.Bar(
        x=labels,
        y=[places.count(step) for step in range(STEPS)],
        marker={"color": scope.colours.series[2]},
        name="Plugins",
    )
    made = figure(scope.colours, bars, showlegend=False, bargap=0.15).update_xaxes(title_text="Share of facts known")
    return made.update_yaxes(title_text="Plugins")


def confidence_said(frame: pl.DataFrame, scope: Scope) -> str:
    """The middle, and that it is no part of the score."""
    middle = frame["confidence"].median()
    known = f"Half of the plugins have {f.percent(middle)} or more" if isinstance(middle, float) else "Nothing is known"
    return f"{known} of the facts that a score is made from. It is no part of the score."


def compliance(frame: pl.DataFrame, scope: Scope) -> Component:
    """How many plugins are in each state of compliance; what nobody judged is said to be that."""
    counts = frame.group_by(pl.col("compliance").fill_null("not judged")).len().sort("len", descending=True)
    return parts.facts((name, f.plural(count, "plugin")) for name, count in counts.iter_rows())


def compliance_said(frame: pl.DataFrame, scope: Scope) -> str:
    """That it is kept apart."""
    return "Whether licence and policy are met, apart from the score: a breach is no probability."
