"""Figure makers shared by the pages: pure functions from columns and a palette to a plotly figure."""

from collections.abc import Mapping, Sequence
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
        go.Scatter(
            x=frame[x].to_list(),
            y=frame[column].to_list(),
            name=name,
            mode="lines" if frame.height > 1 else "markers",
            line={"width": 2, "shape": "hv" if steps else "linear", "color": colours.series[i % len(colours.series)]},
            fill="tozeroy" if fill and i == 0 else None,
            fillcolor=_faint(colours.series[0]),
            connectgaps=False,
        )
        for i, (column, name) in enumerate(named.items())
    ]
    return figure(colours, *traces, showlegend=len(named) > 1)


def lines_by(frame: pl.DataFrame, x: str, y: str, group: str, colours: Palette, *, steps: bool = False) -> go.Figure:
    """One line per value of `group`, in order of appearance, at most as many as there are colours."""
    traces = []
    for i, name in enumerate(frame[group].unique(maintain_order=True).to_list()[: len(colours.series)]):
        part = frame.filter(pl.col(group) == name)
        line = {"width": 2, "shape": "hv" if steps else "linear", "color": colours.series[i]}
        mode = "lines" if part.height > 1 else "markers"
        traces.append(go.Scatter(x=part[x].to_list(), y=part[y].to_list(), name=str(name), mode=mode, line=line))
    return figure(colours, *traces, showlegend=len(traces) > 1)


def stacked_bars(
    frame: pl.DataFrame, x: str, y: str, group: str, colours: Palette, order: Sequence[str] = ()
) -> go.Figure:
    """Stacked bars of `y` over `x`, one colour per value of `group`; `order` fixes colours across filters."""
    present = frame[group].unique(maintain_order=True).to_list()
    names = [name for name in order if name in present] + [name for name in present if name not in order]
    keys = [*order, *(name for name in names if name not in order)]
    traces = []
    for name in names:
        part = frame.filter(pl.col(group) == name)
        colour = colours.series[keys.index(name) % len(colours.series)]
        traces.append(go.Bar(x=part[x].to_list(), y=part[y].to_list(), name=str(name), marker={"color": colour}))
    return figure(colours, *traces, barmode="stack", bargap=0.25, showlegend=len(names) > 1)


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


def _faint(colour: str) -> str:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.10)"
