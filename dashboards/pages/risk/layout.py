"""The risk page's cards and their places."""

from collections.abc import Callable
from dataclasses import replace

from dashboards.calls.insights import risks
from dashboards.kit import parts
from dashboards.kit.page import Call, Card, Component, Page, Scope, Slot
from dashboards.pages.risk import figures

NONE = "No plugin is scored for these filters. Scores appear after the first daily learning."


def about(title: str, *, every_band: bool = False) -> Callable[[Scope], Call]:
    """The risks under the filters, as seen by the card of that title."""
    return lambda scope: replace(
        risks("" if every_band else scope.pick["band"], scope.pick["q"]), title=title, name=title.lower()
    )


CARDS = (
    Card("risk-tiles", about("Plugins by band", every_band=True), figures.tiles, NONE, plain=True, height=90),
    Card("risk-matrix", about("Probability and impact"), figures.matrix, NONE, figures.matrix_said, height=400),
    Card("risk-drivers", about("What drives it"), figures.drivers, NONE, figures.drivers_said, height=400),
    Card("risk-top", about("Highest risks"), figures.top, NONE, figures.top_said, height=480),
    Card("risk-confidence", about("Confidence"), figures.confidence, NONE, figures.confidence_said, height=240),
    Card("risk-compliance", about("Compliance"), figures.compliance, NONE, figures.compliance_said, height=240),
)


def arrange(slot: Slot) -> Component:
    """Counts, the matrix and what drives it, the list, and what is kept apart."""
    return parts.stack(
        slot, "risk-tiles", ("risk-matrix", "risk-drivers"), "risk-top", ("risk-confidence", "risk-compliance")
    )


PAGE = Page(
    "risk",
    "/risk",
    "Risk",
    "Which plugins may do harm within a year, how far it would reach, and what would mend it.",
    CARDS,
    arrange,
    figures.FILTERS,
    menu="risk",
)
