"""The system page's cards and their places."""

from dashboards.kit import parts
from dashboards.kit.page import Call, Card, Component, Page, Slot
from dashboards.pages.overview import figures as overview_figures
from dashboards.pages.system import figures
from dashboards.queries import system

READY = Call("readiness", "Registry API", "Whether the API and what it stands on are ready.", figures.readiness)
STATUS = Call(
    "status", "Registry contents", "What the registry holds now, ahead of the published snapshot.", figures.status
)

CARDS = (
    Card("system-ready", lambda s: READY, figures.parts_table, "The API said nothing.", tabular=True, height=160),
    Card("system-status", lambda s: STATUS, figures.parts_table, "The API said nothing.", tabular=True, height=360),
    Card(
        "system-snapshot",
        lambda s: system.freshness(),
        overview_figures.freshness,
        "Nothing is published.",
        tabular=True,
        height=200,
    ),
    Card(
        "system-checks",
        lambda s: system.checks_by_table(),
        figures.failed_checks,
        "No checks were recorded with this snapshot.",
        tabular=True,
        height=300,
    ),
)


def arrange(slot: Slot) -> Component:
    """The running registry beside what is published."""
    return parts.side_by_side(slot, ("system-ready", "system-status"), ("system-snapshot", "system-checks"))


PAGE = Page(
    "system",
    "/system",
    "System health",
    "The running registry beside the published data.",
    CARDS,
    arrange,
    menu="system",
)
