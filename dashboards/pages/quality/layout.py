"""The quality page's cards and their places."""

from dashboards.kit import parts
from dashboards.kit.page import Card, Component, Page, Slot
from dashboards.kit.urlstate import Filter
from dashboards.pages.quality import figures
from dashboards.queries import quality as ask
from dashboards.queries import system

FILTERS = (parts.period(), Filter("stream", "Stream", lookup="streams"))
NOTHING = "Nothing was received for these filters."

CARDS = (
    Card(
        "quality-totals",
        lambda s: ask.totals(s.pick["stream"], s.pick["period"]),
        figures.tiles,
        NOTHING,
        plain=True,
        height=96,
    ),
    Card(
        "quality-days",
        lambda s: ask.intake_per_day(s.pick["stream"], s.pick["period"]),
        figures.per_day,
        NOTHING,
        figures.per_day_said,
    ),
    Card("quality-streams", lambda s: ask.by_stream(s.pick["period"]), figures.by_stream, NOTHING, tabular=True),
    Card(
        "quality-reasons",
        lambda s: ask.rejects_by_reason(s.pick["stream"], s.pick["period"]),
        figures.reasons,
        "No row was refused.",
        tabular=True,
    ),
    Card(
        "quality-checks",
        lambda s: system.checks(),
        figures.checks,
        "No checks were recorded with this snapshot.",
        figures.checks_said,
        tabular=True,
        height=420,
    ),
)


def arrange(slot: Slot) -> Component:
    """Totals, days, streams and reasons, then the checks."""
    return parts.stack(slot, "quality-totals", "quality-days", ("quality-streams", "quality-reasons"), "quality-checks")


PAGE = Page(
    "quality",
    "/quality",
    "Data quality",
    "What came in, what was refused and why, and which checks the data passed.",
    CARDS,
    arrange,
    FILTERS,
    menu="quality",
)
