"""The marketplace's cards and their places."""

from dashboards.calls import insights
from dashboards.kit import parts, recommendations
from dashboards.kit.page import Call, Card, Component, Page, Scope, Slot, Source
from dashboards.pages.marketplace import figures
from dashboards.queries import marketplace as ask


def found(scope: Scope) -> Source:
    """The chosen page of the plugins that meet the filters."""
    narrowed, sort, page = _narrowed(scope), scope.pick["sort"], int(scope.pick["page"])
    return insights.by_risk(*narrowed, page) if sort == "risk" else ask.plugins_page(*narrowed, sort, page)


def whole(scope: Scope) -> Source:
    """All the plugins that meet the filters."""
    narrowed, sort = _narrowed(scope), scope.pick["sort"]
    return insights.by_risk(*narrowed, None) if sort == "risk" else ask.plugins_found(*narrowed, sort)


def _narrowed(scope: Scope) -> tuple[str, str, str, str]:
    return scope.pick["q"], scope.pick["label"], scope.pick["lifecycle"], scope.pick["warnings"]


def recommended(scope: Scope) -> Call:
    """What is recommended for the chosen target, which is named as organisation/name."""
    tenant, _, target = scope.pick["for"].partition("/")
    if not target:
        return insights.nothing_chosen()
    return insights.recommendations(target, tenant if tenant != scope.viewer.tenant_slug else None)


def nothing_recommended(scope: Scope) -> str:
    """Why there is nothing: no target is chosen, or nothing is known of the one that is."""
    if not scope.pick["for"]:
        return "Choose a target under “Recommended for” to see what it may want next."
    return f"Nothing is recommended for {scope.pick['for']} yet; recommendations are made once a day."


CARDS = (
    Card("marketplace-plugins", found, figures.plugins, "No plugin meets these filters.", height=720, whole=whole),
    Card(
        "marketplace-recommended",
        recommended,
        recommendations.briefly,
        nothing_recommended,
        recommendations.said,
        height=240,
    ),
    Card("marketplace-labels", lambda s: ask.labels(), figures.cloud, "No plugin has labels.", height=320),
)


def arrange(slot: Slot) -> Component:
    """The list, with recommendations and labels beside it."""
    beside = parts.stack(slot, "marketplace-recommended", "marketplace-labels")
    return parts.columns(slot("marketplace-plugins"), beside, wide=4)


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
