"""Tables are one component each: AG Grid with sorting, keyboard moves and our colours."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import dash_ag_grid as dag
import polars as pl
from dash import html
from polars import selectors as cs

from dashboards.kit.aria import aria
from dashboards.kit.page import Component
from dashboards.kit.theme import TONES

Kind = Literal["text", "count", "share", "number", "link", "badge", "hidden"]
ROW, HEAD = 38, 40
ROWS_IN_SIGHT = 10

DASH_FOR_NONE = "params.value == null ? '–' : "
FORMATS: dict[str, str] = {
    "count": DASH_FOR_NONE + "d3.format(',')(params.value)",
    "number": DASH_FOR_NONE + "d3.format(',.1f')(params.value)",
    "share": DASH_FOR_NONE + "d3.format('.1%')(params.value)",
    "text": DASH_FOR_NONE + "params.value",
}
THEME = (
    "themeQuartz.withParams({backgroundColor: 'var(--surface)', foregroundColor: 'var(--text)', "
    "headerBackgroundColor: 'var(--surface)', headerTextColor: 'var(--muted)', borderColor: 'var(--line)', "
    "rowHoverColor: 'var(--hover)', accentColor: 'var(--accent)', fontFamily: 'inherit', fontSize: 13, "
    "headerFontWeight: 600, wrapperBorder: false, headerRowBorder: true, rowBorder: true, columnBorder: false, "
    f"rowHeight: {ROW}, headerHeight: {HEAD}, cellHorizontalPadding: 12}})"
)


@dataclass(frozen=True, slots=True)
class Column:
    """How one field is shown. A `link` goes to the path held by the field `href`; `grow` shares out spare width."""

    field: str
    title: str
    kind: Kind = "text"
    href: str = ""
    grow: float = 1
    least: int = 84
    tip: str = ""


def grid(
    frame: pl.DataFrame,
    *,
    label: str,
    columns: Sequence[Column] | None = None,
    sight: int = ROWS_IN_SIGHT,
) -> Component:
    """A frame as a table; without `columns` every field is shown under its own name. Beyond `sight` rows it scrolls."""
    columns = columns or [Column(name, title_of(name), kind_of(dtype)) for name, dtype in frame.schema.items()]
    tall = frame.height > sight
    options: dict[str, Any] = {
        "theme": {"function": THEME},
        "domLayout": "normal" if tall else "autoHeight",
        "ensureDomOrder": True,
        "suppressColumnVirtualisation": True,
        "enableCellTextSelection": True,
        "suppressMovableColumns": True,
    }
    table = dag.AgGrid(
        rowData=rows(frame),
        columnDefs=[_definition(column) for column in columns],
        defaultColDef={"sortable": True, "resizable": True, "minWidth": 80},
        dashGridOptions=options,
        columnSize="responsiveSizeToFit",
        style={"height": f"{ROW * sight + HEAD + 2}px" if tall else None, "width": "100%"},
        className="grid",
    )
    return _labelled(table, label)


def _labelled(table: Component, label: str) -> Component:
    return html.Div(table, role="region", className="table-scroll", **aria(label=f"Table: {label}"))


def _definition(column: Column) -> dict[str, Any]:
    least = max(column.least, 8 * len(column.title) + 38 if column.kind in ("count", "number", "share") else 0)
    made: dict[str, Any] = {"field": column.field, "headerName": column.title, "flex": column.grow, "minWidth": least}
    if column.kind in ("count", "number", "share"):
        made |= {"type": "rightAligned"}
    if column.kind in FORMATS:
        made |= {"valueFormatter": {"function": FORMATS[column.kind]}}
    if column.kind == "link":
        made |= {"cellRenderer": "PageLink", "cellRendererParams": {"href": column.href}}
    if column.kind == "badge":
        made |= {"cellRenderer": "Badge", "cellRendererParams": {"tones": TONES}}
    if column.tip:
        made |= {"headerTooltip": column.tip}
    return made


def rows(frame: pl.DataFrame) -> list[dict[str, Any]]:
    """The frame as JSON rows: times to the minute, or as days where all are midnight; ISO forms also sort as text."""
    timed = frame.with_columns(
        column.dt.strftime("%Y-%m-%d" if _whole_days(column) else "%Y-%m-%d %H:%M")
        for column in frame.select(cs.temporal())
    )
    return timed.with_columns(cs.decimal().cast(pl.Float64)).to_dicts()


def _whole_days(column: pl.Series) -> bool:
    return column.dtype == pl.Date or bool((column.dt.truncate("1d") == column).all())


def title_of(name: str) -> str:
    """A column name as a heading."""
    return name.replace("_", " ").capitalize()


def kind_of(dtype: pl.DataType) -> Kind:
    """How a type is shown when nobody said."""
    if dtype.is_integer():
        return "count"
    return "number" if dtype.is_numeric() else "text"
