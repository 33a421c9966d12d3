"""The marketplace's cards and their places."""

from dashboards.kit import parts
from dashboards.kit.page import Card, Component, Page, Scope, Slot
from dashboards.pages.marketplace import figures
from dashboards.queries import marketplace as ask
from dashboards.queries.question import Question


def found(scope: Scope) -> Question:
    """The chosen page of the plugins that meet the filters."""
    pick = scope.pick
    return ask.plugins_page(
        pick["q"], pick["label"], pick["lifecycle"], pick["warnings"], pick["sort"], int(pick["page"])
    )


def whole(scope: Scope) -> Question:
    """All the plugins that meet the filters."""
    return ask.plugins_found(*(scope.pick[name] for name in ("q", "label", "lifecycle", "warnings", "sort")))


CARDS = (
    Card("marketplace-plugins", found, figures.plugins, "No plugin meets these filters.", height=720, whole=whole),
    Card("marketplace-labels", lambda s: ask.labels(), figures.cloud, "No plugin has labels.", height=320),
)


def arrange(slot: Slot) -> Component:
    """The list, with labels beside it."""
    return parts.columns(slot("marketplace-plugins"), slot("marketplace-labels"), wide=4)


PAGE = Page(
    "marketplace",
    "/plugins",
    "Marketplace",
    "Find a plugin, see who has it and what is known against it.",
    CARDS,
    arrange,
    figures.FILTERS,
    menu="marketplace",
)
