"""The automation page's cards and their places."""

from dashboards.calls import automation as ask
from dashboards.kit import parts
from dashboards.kit.page import Card, Component, Page, Slot
from dashboards.pages.automation import figures
from dashboards.pages.automation.deeds import DEEDS

CARDS = (
    Card(
        "automation-now", lambda s: ask.summary(s.now), figures.tiles, "Nothing is known.", plain=True, height=120,
        live=True,
    ),
    Card(
        "automation-plans", lambda s: ask.plans(s.pick["rule"], s.pick["state"]), figures.plans,
        "Nothing was planned for these filters.", figures.plans_said, tabular=True, live=True,
    ),
    Card(
        "automation-episodes", lambda s: ask.episodes(s.pick["rule"]), figures.episodes,
        "No rule has seen anything out of its bounds.", figures.episodes_said, tabular=True, live=True,
    ),
    Card(
        "automation-rules", lambda s: ask.rules(s.pick["rule"]), figures.rules,
        "There are no rules yet: patchbay rules put rules/ stores those that Patchbay comes with.",
        figures.rules_said, tabular=True,
    ),
    Card(
        "automation-held", lambda s: ask.held(s.pick["rule"]), figures.held, "Nothing was held back.", tabular=True, live=True,
    ),
)  # fmt: skip


def arrange(slot: Slot) -> Component:
    """What goes on, what is done about it, what was seen, the rules, and what was held back."""
    return parts.stack(
        slot, "automation-now", "automation-plans", "automation-episodes", "automation-rules", "automation-held"
    )


PAGE = Page(
    "automation",
    "/automation",
    "Automation",
    "What rules saw, what they planned, what became of it, and the switches that stop them.",
    CARDS,
    arrange,
    figures.FILTERS,
    menu="automation",
    deeds=DEEDS,
)
