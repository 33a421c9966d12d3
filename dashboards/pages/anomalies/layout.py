"""The anomalies page's cards and their places."""

from dashboards.calls import anomalies as ask
from dashboards.calls.series import series
from dashboards.kit import parts
from dashboards.kit.page import Call, Card, Component, Page, Scope, Slot
from dashboards.pages.anomalies import figures
from dashboards.registry import Route


def listing(scope: Scope) -> Route:
    """The route of the list under the filters."""
    pick = scope.pick
    return ask.listing(pick["plugin"], pick["kind"], pick["since"], pick["open"], scope.now)


def found(scope: Scope) -> Call:
    """The newest anomalies under the filters."""
    return ask.anomalies(listing(scope))


def whole(scope: Scope) -> Call:
    """All of them."""
    return ask.anomalies(listing(scope), most=None)


NONE = "Nothing out of the ordinary was found for these filters."
CARDS = (
    Card(
        "anomalies-series",
        lambda s: series(listing(s), s.pick["anomaly"], s.now),
        figures.series,
        NONE,
        figures.series_said,
        height=320,
        live=True,
    ),
    Card(
        "anomalies-list",
        found,
        figures.listed,
        NONE,
        figures.listed_said,
        tabular=True,
        height=420,
        whole=whole,
        live=True,
    ),
)


def arrange(slot: Slot) -> Component:
    """The chosen one's series above the list."""
    return parts.stack(slot, "anomalies-series", "anomalies-list")


PAGE = Page(
    "anomalies",
    "/anomalies",
    "Anomalies",
    "What was used far more, far less or failed far more often than its hour of the week lets expect.",
    CARDS,
    arrange,
    figures.FILTERS,
    menu="anomalies",
)
