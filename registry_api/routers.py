"""Every router there is, in the order of the API document and of looking for a route: what is asked most comes first."""

from registry_api.audit.endpoints import router as audit
from registry_api.automation.endpoints import router as automation
from registry_api.catalog.endpoints import router as catalog
from registry_api.catalog.sharing.endpoints import router as sharing
from registry_api.feeds.endpoints import router as feeds
from registry_api.identity.endpoints import router as identity
from registry_api.identity.namespaces.endpoints import router as namespaces
from registry_api.identity.publishing.endpoints import router as publishing
from registry_api.identity.second_factor.endpoints import router as second_factor
from registry_api.identity.sessions_endpoints import router as sessions
from registry_api.identity.tokens_endpoints import router as tokens
from registry_api.insights.endpoints import router as insights
from registry_api.installs.endpoints import router as installs
from registry_api.intake.endpoints import router as intake
from registry_api.jobs.endpoints import router as jobs
from registry_api.notifications.endpoints import router as notifications
from registry_api.statistics.endpoints import router as statistics
from registry_api.subjects.endpoints import router as subjects
from registry_api.system.endpoints import router as system
from registry_api.tenancy.endpoints import router as tenancy
from registry_api.tenancy.leaving import router as leaving
from registry_api.usage.endpoints import router as usage
from registry_api.webhooks.endpoints import router as webhooks

ROUTERS = (
    catalog,
    sharing,
    sessions,
    second_factor,
    identity,
    tokens,
    namespaces,
    publishing,
    tenancy,
    leaving,
    installs,
    usage,
    statistics,
    intake,
    insights,
    automation,
    notifications,
    webhooks,
    subjects,
    feeds,
    jobs,
    audit,
    system,
)

PUBLIC_ROUTES = frozenset(
    {
        "create_session",
        "report_leaked_tokens",
        "exchange_ci_token",
        "get_health",
        "get_readiness",
        "get_metrics",
        "get_document",
        "read_problem",
    }
)
"""The only routes that need no token."""

TAGS = [
    {"name": "identity", "description": "Sessions, API tokens and people."},
    {"name": "tenancy", "description": "The operator and its customers."},
    {"name": "catalog", "description": "Plugins, releases, dependencies and advisories."},
    {"name": "installs", "description": "Targets and what was observed to be installed on them."},
    {"name": "usage", "description": "Usage events, columnar, and their minute counters."},
    {"name": "statistics", "description": "Counts of outside registries, columnar."},
    {"name": "intake", "description": "What became of each batch, and every refused row with its reason."},
    {
        "name": "insights",
        "description": "What models say: recommendations, risk, anomalies, forecasts, as complete sets.",
    },
    {
        "name": "automation",
        "description": "Rules, what fired, what was planned and what became of it; kill switches; who is told.",
    },
    {"name": "webhooks", "description": "Who is told of which changes, and how each delivery went."},
    {"name": "subjects", "description": "Erasing what is known of a person."},
    {"name": "feeds", "description": "Every change in commit order, by cursor, as Arrow or NDJSON."},
    {"name": "jobs", "description": "Durable work and how it went."},
    {"name": "audit", "description": "Who did what, in a chain of hashes per tenant."},
    {"name": "system", "description": "Health, metrics and the state of the whole registry."},
]
