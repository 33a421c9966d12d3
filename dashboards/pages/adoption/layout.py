"""The adoption page's cards and their places."""

from dashboards.kit import parts
from dashboards.kit.page import Card, Component, Page, Slot
from dashboards.kit.urlstate import Filter
from dashboards.pages.adoption import figures
from dashboards.queries import adoption as ask

FILTERS = (
    parts.period("365d"),
    Filter("plugin", "Plugin", lookup="plugins"),
    Filter("environment", "Environment", lookup="environments"),
    Filter("subject", "Retention of", "person", (("person", "People"), ("target", "Targets"))),
)
NO_USAGE = "No usage was recorded for these filters."

CARDS = (
    Card(
        "adoption-installed",
        lambda s: ask.installed(s.pick["plugin"], s.pick["environment"], s.pick["period"]),
        figures.installed,
        "No installation was observed for these filters.",
        figures.installed_said,
    ),
    Card(
        "adoption-activity",
        lambda s: ask.activity(s.pick["plugin"], s.pick["period"]),
        figures.activity,
        NO_USAGE,
        figures.activity_said,
    ),
    Card(
        "adoption-retention",
        lambda s: ask.retention(s.pick["plugin"], s.pick["subject"]),
        figures.retention,
        "No use or installation was recorded for these filters.",
        figures.retention_said,
        height=380,
    ),
    Card(
        "adoption-transitions",
        lambda s: ask.transitions(s.pick["plugin"], s.pick["period"]),
        figures.transitions,
        "Nothing was installed, upgraded or removed for these filters.",
        figures.transitions_said,
        height=380,
    ),
    Card(
        "adoption-detail",
        lambda s: ask.by_plugin_and_day(s.pick["plugin"], s.pick["period"]),
        figures.detail,
        "Nothing happened for these filters.",
        tabular=True,
        height=420,
    ),
)


def arrange(slot: Slot) -> Component:
    """Levels and activity, retention and moves, then the figures."""
    return parts.stack(
        slot,
        ("adoption-installed", "adoption-activity"),
        ("adoption-retention", "adoption-transitions"),
        "adoption-detail",
    )


PAGE = Page(
    "adoption",
    "/adoption",
    "Adoption",
    "Where plugins are in place, who uses them, who stays, and what changes.",
    CARDS,
    arrange,
    FILTERS,
    menu="adoption",
)
