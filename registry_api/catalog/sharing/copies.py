"""Feed rows about a shared plugin, once more for each tenant it is shared with: made at every commit, so that no change forgets it."""

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from sqlalchemy import bindparam, select
from sqlalchemy.ext.asyncio import AsyncSession

from patchbay.core.clock import utcnow
from registry_api.catalog.sharing.models import PluginGrant
from registry_api.catalog.visibility import in_force
from registry_api.db.chunks import chunks
from registry_api.db.lists import any_of
from registry_api.db.statements import table_of
from registry_api.feeds.outbox import Audience, OutboxEntry
from registry_api.schemas import as_id

PARTS = frozenset({"plugins", "releases", "dependencies", "advisories"})
"""Feeds of a plugin and of what it consists of."""
_GRANT = table_of(PluginGrant).c
_GRANTS = (
    select(_GRANT.plugin_id, _GRANT.tenant_id, _GRANT.grantee_id, _GRANT.id)
    .where(any_of(_GRANT.plugin_id, "plugins"), in_force(bindparam("now"), _GRANT), _GRANT.ended_at.is_(None))
    .order_by(_GRANT.id)
)
"""Those that live have not ended: it is said for the index of those that stand."""


def part_of(entry: OutboxEntry) -> UUID | None:
    """The plugin that a row is about; None for rows of other feeds, and for advisories that wait for theirs."""
    if entry.feed not in PARTS:
        return None
    return entry.entity_id if entry.feed == "plugins" else as_id(str(entry.payload["plugin_id"]))


async def copies_for_grantees(session: AsyncSession, entries: Sequence[OutboxEntry]) -> list[OutboxEntry]:
    """A copy of each row for each grant in force by whose row it is; public rows and copies themselves have none."""
    about = [(entry, part_of(entry)) for entry in entries if entry.audience is None and not entry.public]
    audiences = await _audiences(session, sorted({plugin_id for _, plugin_id in about if plugin_id is not None}))
    return [
        replace(entry, audience=audience)
        for entry, plugin_id in about
        for audience in audiences.get((plugin_id, entry.tenant_id), ())
    ]


async def _audiences(
    session: AsyncSession, plugin_ids: Sequence[UUID]
) -> dict[tuple[UUID | None, UUID], list[Audience]]:
    """By plugin and owner."""
    found: dict[tuple[UUID | None, UUID], list[Audience]] = {}
    for part in chunks(plugin_ids):
        grants = await session.execute(_GRANTS, {"plugins": part, "now": utcnow()})
        for plugin_id, owner, grantee, grant_id in grants.tuples():
            found.setdefault((plugin_id, owner), []).append(Audience(grantee, grant_id))
    return found
