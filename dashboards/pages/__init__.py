"""Every page of the app, in the order of the navigation."""

from dashboards.kit.page import Page
from dashboards.pages.adoption.layout import PAGE as ADOPTION
from dashboards.pages.anomalies.layout import PAGE as ANOMALIES
from dashboards.pages.automation.layout import PAGE as AUTOMATION
from dashboards.pages.marketplace.layout import PAGE as MARKETPLACE
from dashboards.pages.overview.layout import PAGE as OVERVIEW
from dashboards.pages.plugin.layout import PAGE as PLUGIN
from dashboards.pages.quality.layout import PAGE as QUALITY
from dashboards.pages.risk.layout import PAGE as RISK
from dashboards.pages.system.layout import PAGE as SYSTEM
from dashboards.pages.target.layout import PAGE as TARGET
from dashboards.pages.targets.layout import PAGE as TARGETS
from dashboards.queries import marketplace, names, quality

PAGES: tuple[Page, ...] = (
    OVERVIEW,
    MARKETPLACE,
    PLUGIN,
    TARGETS,
    TARGET,
    ADOPTION,
    ANOMALIES,
    RISK,
    AUTOMATION,
    QUALITY,
    SYSTEM,
)

LOOKUPS = {
    "labels": marketplace.labels,
    "plugins": marketplace.plugin_refs,
    "environments": marketplace.environments,
    "kinds": marketplace.target_kinds,
    "targets": names.targets,
    "tenants": marketplace.tenant_slugs,
    "streams": quality.streams,
}
"""The questions whose answers are a filter's values."""
