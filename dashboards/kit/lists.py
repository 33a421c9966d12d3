"""Plain tables for rows that change while one looks: the browser changes their cells in place and nothing jumps."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from dash import html

from dashboards.kit import format as f
from dashboards.kit.aria import aria
from dashboards.kit.page import Component

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Cell:
    """One column: its title, and what a row shows in it."""

    title: str
    show: Callable[[Row], Any]
    number: bool = False
    wide: bool = False


def table(
    rows: Iterable[Row], cells: Sequence[Cell], label: str, chosen: Callable[[Row], bool] | None = None
) -> Component:
    """The rows under their column titles; `chosen` marks the row that another card is about."""
    head = html.Thead(html.Tr([html.Th(cell.title, scope="col", className=_class(cell)) for cell in cells]))
    body = html.Tbody([_row(row, cells, bool(chosen and chosen(row))) for row in rows])
    named = aria(label=f"Table: {label}")
    return html.Div(
        html.Table([head, body], className="plain"), role="region", tabIndex=0, className="table-scroll", **named
    )


def _row(row: Row, cells: Sequence[Cell], chosen: bool) -> Component:
    shown = [html.Td(cell.show(row), className=_class(cell)) for cell in cells]
    return html.Tr(shown, className="chosen", **aria(current="true")) if chosen else html.Tr(shown)


def _class(cell: Cell) -> str:
    return "number" if cell.number else "wide" if cell.wide else ""


def second(value: datetime | None) -> str:
    """An instant to the second, for what happens while one looks; days other than today's are named by the date."""
    return f.MISSING if value is None else f"{f.utc(value):%Y-%m-%d %H:%M:%S}"
