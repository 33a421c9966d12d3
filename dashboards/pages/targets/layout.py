"""The target list's card."""

from dashboards.kit import parts
from dashboards.kit.page import Card, Component, Page, Scope, Slot
from dashboards.kit.urlstate import Filter
from dashboards.pages.targets import figures
from dashboards.queries import targets as ask
from dashboards.queries.question import Question

FILTERS = (
    Filter("q", "Search"),
    Filter("environment", "Environment", lookup="environments"),
    Filter("kind", "Kind", lookup="kinds"),
    Filter("plugin", "Has plugin", lookup="plugins"),
)


def found(scope: Scope) -> Question:
    """The targets that meet the filters."""
    return ask.targets(*(scope.pick[name] for name in ("q", "environment", "kind", "plugin")))


CARDS = (
    Card(
        "targets-list",
        found,
        figures.targets,
        "No target meets these filters.",
        figures.targets_said,
        tabular=True,
        height=480,
    ),
)


def arrange(slot: Slot) -> Component:
    """The one list."""
    return parts.stack(slot, "targets-list")


PAGE = Page(
    "targets",
    "/targets",
    "Install targets",
    "The places plugins are installed on; pick one to see what it has.",
    CARDS,
    arrange,
    FILTERS,
    menu="targets",
)
