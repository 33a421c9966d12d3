"""What the marketplace draws: plugins as a list, pages of it, and labels to narrow it."""

import math
from typing import Any

import polars as pl
from dash import dcc, html

from dashboards.kit import format as f
from dashboards.kit import parts
from dashboards.kit.aria import aria
from dashboards.kit.icons import icon
from dashboards.kit.page import Component, Scope
from dashboards.kit.urlstate import Filter, to_search
from dashboards.queries.marketplace import PAGE_SIZE, SORTS

FILTERS = (
    Filter("q", "Search"),
    Filter("label", "Label", lookup="labels"),
    Filter(
        "lifecycle",
        "Lifecycle",
        "",
        (("", "Any"), ("active", "Active"), ("deprecated", "Deprecated"), ("withdrawn", "Withdrawn")),
        wide=True,
    ),
    Filter(
        "warnings",
        "Warnings",
        "",
        (("", "Any"), ("any", "With warnings"), ("unfixed", "Unfixed"), ("none", "Without")),
        wide=True,
    ),
    Filter("sort", "Sort by", "installed", SORTS),
    Filter("for", "Recommended for", lookup="targets", unset="No target"),
    Filter("page", "", "1"),
)
LABELS_ON_A_ROW = 5
LABELS_IN_THE_CLOUD = 24


def plugins(frame: pl.DataFrame, scope: Scope) -> Component:
    """One page of plugins and the way to the others."""
    found, page = int(frame["found"][0]), int(scope.pick["page"])
    first = (page - 1) * PAGE_SIZE + 1
    said = f"{f.plural(found, 'plugin')}, {first}–{first + frame.height - 1} shown"
    items = [_plugin(row, scope) for row in frame.to_dicts()]
    return html.Div(
        [html.P(said, className="found", role="status"), html.Ul(items, className="plugin-list"), pager(found, scope)]
    )


def _plugin(row: dict[str, Any], scope: Scope) -> Component:
    name = dcc.Link(row["title"] or row["name"], href=parts.plugin_path(row), className="plugin-name")
    top = html.Div([name, html.Code(row["ref"]), *_badges(row)], className="plugin-top")
    text = html.P(row["summary"], className="plugin-summary") if row["summary"] else None
    labels = [label for label in (row["labels"] or "").split(",") if label]
    tags = [label_link(label, scope) for label in labels[:LABELS_ON_A_ROW]]
    rest = html.Span(f"+{len(labels) - LABELS_ON_A_ROW}", className="more") if len(labels) > LABELS_ON_A_ROW else None
    left = [top, text, html.Div([*tags, rest], className="tags") if tags else None]
    return html.Li([html.Div([part for part in left if part]), _figures(row, scope)])


def _badges(row: dict[str, Any]) -> list[Component]:
    count, unfixed = row["advisory_count"] or 0, row["unfixed_advisory_count"] or 0
    badges = [] if row["lifecycle"] == "active" else [parts.badge(row["lifecycle"])]
    if unfixed:
        badges.append(parts.badge(f"{f.plural(unfixed, 'unfixed warning')}", "bad"))
    elif count:
        badges.append(parts.badge(f.plural(count, "past warning"), "warn"))
    if row.get("score") is not None:
        badges.append(parts.badge(f"risk {row['score']:.0f} · {row['band']}", parts.BANDS.get(row["band"])))
    return badges + ([parts.badge(row["visibility"], "info")] if row["visibility"] != "public" else [])


def _figures(row: dict[str, Any], scope: Scope) -> Component:
    released = (
        f"released {f.ago(row['latest_released_at'], scope.now)}" if row["latest_released_at"] else "no release date"
    )
    pairs = [
        ("Targets", f.whole(row["installed_targets"])),
        ("Elsewhere", f.short(row["outside_count"])),
        ("Needed by", f.whole(row["dependant_count"])),
    ]
    figures = [html.Div([html.Dt(term), html.Dd(value)]) for term, value in pairs]
    version = [html.Code(row["latest_version"] or f.MISSING), html.Span(released)]
    return html.Div([html.Dl(figures), html.Div(version, className="latest")], className="plugin-figures")


def label_link(label: str, scope: Scope, count: int | None = None) -> Component:
    """A label that narrows the list to itself, or widens it again when it is the chosen one."""
    chosen = scope.pick["label"] == label
    href = "/plugins" + to_search(FILTERS, scope.pick.values, label=None if chosen else label, page=None)
    text = [
        label,
        html.Span(f.whole(count), className="count") if count is not None else None,
        icon("close") if chosen else None,
    ]
    more = aria(current="true") if chosen else {}
    return html.Span(
        dcc.Link([part for part in text if part], href=href, className="tag chosen" if chosen else "tag"), **more
    )


def cloud(frame: pl.DataFrame, scope: Scope) -> Component:
    """The most common labels as links."""
    common = frame.head(LABELS_IN_THE_CLOUD).to_dicts()
    return html.Div([label_link(row["label"], scope, row["plugins"]) for row in common], className="tags")


def pager(found: int, scope: Scope) -> Component | None:
    """Links to the first, last and neighbouring pages; each is an address, so Back works."""
    last, now = math.ceil(found / PAGE_SIZE), int(scope.pick["page"])
    if last <= 1:
        return None
    shown = sorted({1, last, *range(max(now - 2, 1), min(now + 2, last) + 1)})
    items: list[Component] = []
    for before, number in zip([0, *shown], shown, strict=False):
        items += [html.Li("…", className="gap")] if number - before > 1 else []
        items.append(html.Li(_page_link(number, now, scope)))
    return html.Nav(html.Ul(items), className="pager", **aria(label="Pages of the list"))


def _page_link(number: int, now: int, scope: Scope) -> Component:
    if number == now:
        return html.Span(str(number), **aria(current="page"))
    href = "/plugins" + to_search(FILTERS, scope.pick.values, page=str(number))
    return dcc.Link(str(number), href=href, title=f"Page {number}")
