"""A plugin page's cards and their places."""

from collections.abc import Callable

from dashboards.calls import insights
from dashboards.kit import parts
from dashboards.kit.page import Call, Card, Component, Page, Scope, Slot
from dashboards.pages.plugin import figures
from dashboards.pages.plugin import insights as insight_figures
from dashboards.queries import plugin as ask
from dashboards.queries.question import Question


def about(question: Callable[[str, str], Question]) -> Callable[[Scope], Question]:
    """A question about the plugin that the path names."""
    return lambda scope: question(f"{scope.path['namespace']}:{scope.path['name']}", scope.viewer.tenant_id)


def called(call: Callable[[str], Call]) -> Callable[[Scope], Call]:
    """What the registry's models say of the plugin that the path names."""
    return lambda scope: call(f"{scope.path['namespace']}:{scope.path['name']}")


def adoption(scope: Scope) -> Question:
    """Adoption in the chosen period."""
    return about(lambda ref, own: ask.adoption(ref, own, scope.pick["period"]))(scope)


CARDS = (
    Card(
        "plugin-header", about(ask.header), figures.header, "The catalogue has no such plugin.", plain=True, height=150
    ),
    Card(
        "plugin-adoption",
        adoption,
        figures.adoption,
        "It has not been seen on any target, nor used.",
        figures.adoption_said,
    ),
    Card(
        "plugin-popularity",
        about(ask.popularity),
        figures.popularity,
        "No public registry reports figures for it.",
        figures.popularity_said,
    ),
    Card(
        "plugin-risk",
        called(insights.factors),
        insight_figures.risk,
        "It is not scored yet; risks are scored once a day.",
        insight_figures.risk_said,
    ),
    Card(
        "plugin-similar",
        called(insights.similar),
        insight_figures.similar,
        "No plugin is known to be like it.",
        insight_figures.similar_said,
    ),
    Card(
        "plugin-anomalies",
        called(insight_figures.strange),
        insight_figures.anomalies,
        "Nothing out of the ordinary was found in its use.",
        insight_figures.anomalies_said,
        tabular=True,
    ),
    Card("plugin-warnings", about(ask.warnings), figures.warnings, "No security warning has been published for it."),
    Card(
        "plugin-versions",
        about(ask.versions),
        figures.versions,
        "It has no release.",
        figures.versions_said,
        tabular=True,
    ),
    Card(
        "plugin-instances",
        about(ask.instances),
        figures.instances,
        "No target has it now.",
        figures.instances_said,
        tabular=True,
    ),
    Card(
        "plugin-performance",
        about(ask.performance),
        figures.performance,
        "No usage with durations or errors has been recorded for it.",
        tabular=True,
    ),
    Card(
        "plugin-dependencies",
        about(ask.dependencies),
        figures.dependencies,
        "Its latest release needs no other plugin.",
        tabular=True,
    ),
    Card(
        "plugin-dependants",
        about(ask.dependants),
        figures.dependants,
        "No plugin’s latest release needs it.",
        tabular=True,
    ),
)


def arrange(slot: Slot) -> Component:
    """What it is, how it is adopted, what may come of it, then the lists."""
    return parts.stack(
        slot,
        "plugin-header",
        ("plugin-adoption", "plugin-popularity"),
        "plugin-risk",
        ("plugin-anomalies", "plugin-similar"),
        "plugin-instances",
        ("plugin-versions", "plugin-warnings"),
        "plugin-performance",
        ("plugin-dependencies", "plugin-dependants"),
    )


PAGE = Page(
    "plugin",
    "/plugins/{namespace}/{name}",
    "{title}",
    "{namespace}:{name}",
    CARDS,
    arrange,
    (parts.period("all"),),
    guard=about(ask.header),
)
