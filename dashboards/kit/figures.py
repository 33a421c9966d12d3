"""Figure makers shared by the pages: pure functions from columns and a palette to a plotly figure."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import plotly.graph_objects as go
import polars as pl

from dashboards.kit.theme import Palette, template


def figure(colours: Palette, *traces: Any, **layout: Any) -> go.Figure:
    """A figure in the house template."""
    return go.Figure(list(traces), go.Layout(template=template(colours), **layout))


def lines(
    frame: pl.DataFrame, x: str, named: Mapping[str, str], colours: Palette, *, steps: bool = False, fill: bool = False
) -> go.Figure:
    """One line per (column, name) over `x`; `steps` holds a level until its next change. Gaps stay gaps."""
    traces = [
        line(frame, x, column, name, colours.series[i % len(colours.series)], steps=steps, fill=fill and i == 0)
        for i, (column, name) in enumerate(named.items())
    ]
    return figure(colours, *traces, showlegend=len(named) > 1, xaxis=_axis(frame[x]))


def lines_by(frame: pl.DataFrame, x: str, y: str, group: str, colours: Palette, *, steps: bool = False) -> go.Figure:
    """One line per value of `group`, in order of appearance, at most as many as there are colours."""
    names = frame[group].unique(maintain_order=True).to_list()[: len(colours.series)]
    traces = [
        line(frame.filter(pl.col(group) == name), x, y, str(name), colour, steps=steps)
        for name, colour in zip(names, colours.series, strict=False)
    ]
    return figure(colours, *traces, showlegend=len(traces) > 1, xaxis=_axis(frame[x]))


def _axis(days: pl.Series) -> dict[str, Any]:
    """Room for a single day, around which plotly would label microseconds."""
    if days.n_unique() != 1:
        return {}
    day = days[0]
    return {"range": [day - timedelta(days=2), day + timedelta(days=2)], "dtick": 86_400_000, "tickformat": "%-d %b"}


def line(
    frame: pl.DataFrame, x: str, y: str, name: str, colour: str, *, steps: bool = False, fill: bool = False
) -> go.Scatter:
    """One line; a stepping one is held a little beyond its last change, which would otherwise be a bare upright stroke."""
    xs, ys = frame[x].to_list(), frame[y].to_list()
    if steps and xs:
        xs, ys = [*xs, xs[-1] + max(HOLD * (xs[-1] - xs[0]), timedelta(days=1))], [*ys, ys[-1]]
    return go.Scatter(
        x=xs,
        y=ys,
        name=name,
        mode="lines" if len(xs) > 1 else "markers",
        line={"width": 2, "shape": "hv" if steps else "linear", "color": colour},
        fill="tozeroy" if fill else None,
        fillcolor=_faint(colour),
        connectgaps=False,
    )


def banded(frame: pl.DataFrame, named: str, beyond: str, expected: str, colours: Palette) -> go.Figure:
    """A series over `at` with its expected band from `low` to `high`; points `inside` the time in question stand out."""
    xs = frame["at"].to_list()
    edge: dict[str, Any] = {"mode": "lines", "line": {"width": 0}, "hoverinfo": "skip"}
    low = go.Scatter(x=xs, y=frame["low"].to_list(), showlegend=False, **edge)
    band = {"fill": "tonexty", "fillcolor": _faint(colours.series[2], 0.2), "name": expected}
    high = go.Scatter(x=xs, y=frame["high"].to_list(), **edge, **band)
    strange = frame.filter("inside")
    marks = go.Scatter(
        x=strange["at"].to_list(),
        y=strange["value"].to_list(),
        name=beyond,
        mode="markers",
        marker={"size": 7, "color": colours.series[1]},
    )
    return figure(colours, low, high, line(frame, "at", "value", named, colours.series[0]), marks, showlegend=True)


HOLD = 0.03
"""Part of the shown span by which the last level of a stepping line is drawn on."""
FEW_BARS = 6
"""Up to here each bar has its own label; plotly would show one day as a block as wide as the chart, labelled 00:00."""


def stacked_bars(
    frame: pl.DataFrame,
    x: str,
    y: str,
    group: str,
    colours: Palette,
    order: Sequence[str] = (),
    label: str = "%-d %b %Y",
) -> go.Figure:
    """Stacked bars of `y` over the dates `x`, one colour per value of `group`; `order` fixes colours across filters."""
    present = frame[group].unique(maintain_order=True).to_list()
    keys = [*order, *(name for name in present if name not in order)]
    few = frame[x].n_unique() <= FEW_BARS
    shown = frame.with_columns(pl.col(x).dt.strftime(label)) if few else frame
    traces = [
        go.Bar(
            x=(part := shown.filter(pl.col(group) == name))[x].to_list(),
            y=part[y].to_list(),
            name=str(name),
            marker={"color": colours.series[keys.index(name) % len(colours.series)]},
            width=0.3 if few else None,
        )
        for name in keys
        if name in present
    ]
    axis = {"type": "category"} if few else {}
    return figure(colours, *traces, barmode="stack", bargap=0.25, showlegend=len(traces) > 1, xaxis=axis)


def heatmap(z: list[list[float | None]], x: list[str], y: list[str], colours: Palette, hover: str) -> go.Figure:
    """Shares of one as a grid of cells; a missing cell stays empty. Values are printed where they fit."""
    scale = [[i / (len(colours.scale) - 1), colour] for i, colour in enumerate(colours.scale)]
    text = [["" if value is None else f"{value:.0%}" for value in row] for row in z]
    trace = go.Heatmap(
        z=z,
        x=x,
        y=y,
        text=text,
        texttemplate="%{text}" if len(x) <= 16 else None,
        textfont={"color": colours.text},
        hovertemplate=hover,
        colorscale=scale,
        zmin=0,
        zmax=1,
        xgap=2,
        ygap=2,
        showscale=False,
        hoverongaps=False,
    )
    rows = {"autorange": "reversed", "showgrid": False, "rangemode": "normal", "ticks": ""}
    return figure(colours, trace, hovermode="closest", yaxis=rows, xaxis={"ticks": ""})


def _faint(colour: str, opacity: float = 0.10) -> str:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity:.2f})"
