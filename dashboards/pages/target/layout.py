"""A target page's cards and their places."""

from collections.abc import Callable

from dash import html

from dashboards.calls import insights
from dashboards.kit import parts, recommendations
from dashboards.kit.page import Call, Card, Component, Page, Scope, Slot
from dashboards.kit.urlstate import Filter
from dashboards.pages.target import figures
from dashboards.queries import targets as ask
from dashboards.queries.question import Question

FILTERS = (Filter("tenant", "", lookup="tenants"),)
"""Which of several targets of that name; it chooses inside the viewer's own snapshot and cannot reach beyond it."""


def about(question: Callable[[str, str, str], Question]) -> Callable[[Scope], Question]:
    """A question about the target that the path names."""
    return lambda scope: question(scope.path["name"], scope.pick["tenant"], scope.viewer.tenant_id)


def recommended(scope: Scope) -> Call:
    """What it may want next; asked in its own organisation."""
    tenant = scope.pick["tenant"]
    return insights.recommendations(scope.path["name"], tenant if tenant != scope.viewer.tenant_slug else None)


CARDS = (
    Card("target-header", about(ask.header), figures.header, "There is no such target.", plain=True, height=96),
    Card(
        "target-plugins",
        about(ask.plugins),
        figures.plugins,
        "Nothing is in place on this target now.",
        figures.plugins_said,
        tabular=True,
        height=420,
    ),
    Card(
        "target-recommended",
        recommended,
        recommendations.in_full,
        "Nothing is recommended for this target yet; recommendations are made once a day.",
        recommendations.said,
        height=420,
    ),
    Card("target-level", about(ask.level), figures.level, "Nothing was ever observed on this target."),
    Card(
        "target-history", about(ask.history), figures.history, "Nothing was ever observed on this target.", tabular=True
    ),
)


def arrange(slot: Slot) -> Component:
    """How it stands, what it has, what it may want next, and how all that came about."""
    has = parts.columns(slot("target-plugins"), slot("target-recommended"), wide=2)
    rows = [slot("target-header"), has, parts.columns(slot("target-level"), slot("target-history"))]
    return html.Div(rows, className="stack")


PAGE = Page(
    "target",
    "/targets/{name}",
    "{name}",
    "What is installed on this target, and how that came about.",
    CARDS,
    arrange,
    FILTERS,
    guard=about(ask.header),
)
