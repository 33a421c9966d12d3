"""The overview's cards and their places."""

from dashboards.kit import parts
from dashboards.kit.page import Card, Component, Page, Slot
from dashboards.pages.overview import figures
from dashboards.queries import overview as ask
from dashboards.queries import system

NO_USAGE = "No usage has been recorded yet. It appears once clients post to /v1/usage/batches."
NO_INSTALLS = "No installations have been observed yet."

CARDS = (
    Card(
        "overview-totals",
        lambda s: ask.totals(s.pick["period"]),
        figures.tiles,
        "Nothing is registered yet.",
        plain=True,
        height=96,
    ),
    Card("overview-uses", lambda s: ask.uses_per_day(s.pick["period"]), figures.uses, NO_USAGE, figures.uses_said),
    Card(
        "overview-installations",
        lambda s: ask.installations_over_time(s.pick["period"]),
        figures.installations,
        NO_INSTALLS,
        figures.installations_said,
    ),
    Card("overview-used", lambda s: ask.most_used(s.pick["period"]), figures.most_used, NO_USAGE, height=400),
    Card("overview-installed", lambda s: ask.most_installed(), figures.most_installed, NO_INSTALLS, height=400),
    Card(
        "overview-popular",
        lambda s: ask.most_popular_outside(),
        figures.most_popular,
        "No statistics of a public registry have been imported.",
        figures.most_popular_said,
        height=400,
    ),
    Card(
        "overview-releases", lambda s: ask.latest_releases(), figures.releases, "No release has a date yet.", height=400
    ),
    Card(
        "overview-freshness",
        lambda s: system.freshness(),
        figures.freshness,
        "The snapshot says nothing of itself.",
        tabular=True,
        height=200,
    ),
)


def arrange(slot: Slot) -> Component:
    """Headlines, two trends, three rankings, news and freshness."""
    return parts.stack(
        slot,
        "overview-totals",
        ("overview-uses", "overview-installations"),
        ("overview-used", "overview-installed", "overview-popular"),
        ("overview-releases", "overview-freshness"),
    )


PAGE = Page(
    "overview",
    "/",
    "Overview",
    "What there is, what is used, and what is new.",
    CARDS,
    arrange,
    (parts.period(),),
    menu="overview",
)
