"""What the anomalies page draws."""

from typing import Any

import polars as pl
from dash import dcc, html

from dashboards.calls.anomalies import SINCE
from dashboards.kit import format as f
from dashboards.kit import parts
from dashboards.kit.figures import banded
from dashboards.kit.lists import Cell, Row, second, table
from dashboards.kit.page import Component, Scope
from dashboards.kit.urlstate import Filter, to_search

FILTERS = (
    Filter("plugin", "Plugin", lookup="plugins"),
    Filter(
        "kind",
        "Kind",
        "",
        (("", "Any"), ("surge", "Surge"), ("outage", "Outage"), ("errors", "Errors"), ("novelty", "Novelty")),
        wide=True,
    ),
    Filter("since", "Begun within", "", SINCE),
    Filter("open", "Now", "", (("", "All"), ("true", "Going on"), ("false", "Over"))),
    Filter("anomaly", ""),
)
TONES = {"surge": "warn", "outage": "bad", "errors": "bad", "novelty": "info"}


def listed(frame: pl.DataFrame, scope: Scope) -> Component:
    """Every anomaly with its window, what came and what was expected; the time leads to its series."""
    chosen = scope.pick["anomaly"] or frame["anomaly_id"][0]
    cells = [
        Cell("Began", lambda row: _link(row, scope)),
        Cell("Ended", lambda row: second(row["ended_at"])[:16] if row["ended_at"] else parts.badge("going on", "warn")),
        Cell("Kind", lambda row: parts.badge(row["kind"], TONES.get(row["kind"]))),
        Cell("What", _what, wide=True),
        Cell("Came", lambda row: shown(row, "observed"), number=True),
        Cell("Expected", band, number=True),
        Cell("Score", lambda row: f"{row['score']:.1f}", number=True),
        Cell("Made of", lambda row: row["made_of"] or f.MISSING, wide=True),
    ]
    return table(frame.to_dicts(), cells, "Anomalies", lambda row: row["anomaly_id"] == chosen)


def _link(row: Row, scope: Scope) -> Component:
    href = "/anomalies" + to_search(FILTERS, scope.pick.values, anomaly=row["anomaly_id"])
    return dcc.Link(second(row["started_at"])[:16], href=href, title="Show its series")


def _what(row: Row) -> Component:
    """The plugin, or whose uses as a whole."""
    whose = row["organisation"]
    name = dcc.Link(row["about"], href=row["href"]) if row["href"] else html.Span(row["about"])
    return html.Div([name, html.Span(f" in {whose}", className="quiet")] if whose else [name])


def shown(row: Row, name: str) -> str:
    """A value in the series' own unit: a share of uses, or a count."""
    return f.percent(row[name], 1) if row["kind"] == "errors" else f.whole(row[name])


def band(row: Row) -> str:
    """The expected range."""
    return f"{shown(row, 'expected_low')} – {shown(row, 'expected_high')}"


def listed_said(frame: pl.DataFrame, scope: Scope) -> str:
    """How many, and how many go on."""
    going_on = frame["ended_at"].null_count()
    count = f"{f.plural(frame.height, 'anomaly', 'anomalies')} shown, newest first"
    return f"{count}; {f.whole(going_on)} of them going on. Times are UTC."


def series(frame: pl.DataFrame, scope: Scope) -> Any:
    """The series with its band."""
    grain = frame["grain"][0]
    made = banded(frame, "Came", "In its time", "Expected", scope.colours)
    return made.update_yaxes(
        title_text="Share that failed" if _is_share(frame) else f"Uses per {grain.removeprefix('1 ')}",
        tickformat=".0%" if _is_share(frame) else None,
    )


def _is_share(frame: pl.DataFrame) -> bool:
    return "uses failed" in frame["anomaly"][0]


def series_said(frame: pl.DataFrame, scope: Scope) -> str:
    """What happened; and what the band is where it is not the anomaly's own."""
    said = str(frame["anomaly"][0])
    if frame["grain"][0] == "day" and not _is_share(frame):
        note = " Minutes are counted for two days only: these are days, and the band is the same weekday's in the four weeks before."
        return said + note
    return said
