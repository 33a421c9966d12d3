"""What the owner of the isolation tests has, every name of it marked."""

from uuid import UUID

from sqlalchemy import select

from patchbay.core.clock import utcnow
from registry_api.db import Crossing
from registry_api.tenancy import estate

YAML = {"Content-Type": "application/yaml"}
MARK = "zebra"
"""Stands in every name the owner chooses; it must not be found in any answer to anybody else."""

NOW = utcnow().isoformat()
PLUGIN = {"namespace": MARK, "name": "own", "visibility": "shared", "releases": [{"version": "1.0.0"}]}
TARGET = {"name": f"{MARK}-target", "environment": "dev", "kind": "test"}
OBSERVATION = {
    "target": f"{MARK}-target",
    "plugin": f"{MARK}:own",
    "event": "added",
    "version": "1.0.0",
    "source": MARK,
    "occurred_at": NOW,
}
ADVISORY = {
    "external_id": f"{MARK}-1",
    "subject_kind": "plugin",
    "subject_ref": f"{MARK}:own",
    "summary": MARK,
    "ranges": [{"last_version": "1.0.0"}],
}
USE = {
    "id": f"{MARK}-event",
    "type": "use",
    "at": NOW,
    "plugin": f"{MARK}:own",
    "target": f"{MARK}-target",
    "person": MARK,
}
STATISTIC = {
    "plugin": f"{MARK}:own",
    "period": "2026-01-01",
    "grain": "month",
    "metric": "installs",
    "count": 1,
    "source": MARK,
}
RULES = f"""automation_rules:
  - name: {MARK}
    trigger: {{metric: load, threshold: 1}}
    action: {{type: mail, to: [{MARK}@acme.example]}}
    mode: approve
"""


PUBLISHER = {"place": MARK, "provider": "github", "repository_id": "1", "owner_id": "2", "workflow": "release.yml"}

OWNED = {
    *(
        "api_tokens",
        "automation_plans",
        "automation_rules",
        "automation_switches",
        "contacts",
        "intake_batches",
        "jobs",
    ),
    *(
        "namespace_grants",
        "observations",
        "plugin_grants",
        "plugins",
        "segments",
        "signing_keys",
        "subjects",
        "targets",
    ),
    *("teams", "tenant_exports", "trusted_publishers", "users", "webhooks"),
}
"""Tables that hold something of the owner's which routes name."""


async def rows_of(api, tenant):
    """Everything that a tenant has, by table."""
    async with api.app.state.database.reading(Crossing.SETUP) as session:
        queries = {
            table.name: select(table).where(estate.owned(table, UUID(tenant))).order_by(*table.primary_key.columns)
            for table in estate.tables()
        }
        return {name: (await session.execute(query)).all() for name, query in queries.items()}
