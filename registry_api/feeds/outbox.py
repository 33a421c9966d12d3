"""Writing to the outbox so that no reader by cursor can ever skip a row."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import insert, text
from sqlalchemy.ext.asyncio import AsyncSession

from registry_api.db.encoding import stored_json
from registry_api.feeds.models import OutboxRow

OUTBOX_LOCK = 0x7061_7463_6862
"""Key of PostgreSQL's advisory lock that makes sequence order equal commit order."""

_INSERT = insert(OutboxRow.__table__)  # type: ignore[arg-type]
_COLUMNS = ("tenant_id", "feed", "public", "audience_id", "grant_id", "line")
_INSERT_IN_TURN = text(
    """
    INSERT INTO outbox (tenant_id, feed, public, audience_id, grant_id, line, recorded_at)
    SELECT tenant_id, feed, public, audience_id, grant_id, line, CAST(:recorded_at AS timestamptz)
    FROM (SELECT pg_advisory_xact_lock(:key)) AS turn
    CROSS JOIN unnest(
        CAST(:tenant_id AS uuid[]), CAST(:feed AS text[]), CAST(:public AS boolean[]),
        CAST(:audience_id AS uuid[]), CAST(:grant_id AS uuid[]), CAST(:line AS text[])
    ) WITH ORDINALITY AS row (tenant_id, feed, public, audience_id, grant_id, line, place)
    ORDER BY place
    """
)
"""Lock and insertion in one: between the two nobody who waits for the lock waits for this process. Numbers are drawn for rows
that come out of the sorting, and so after the lock is held.
"""


@dataclass(frozen=True, slots=True)
class Audience:
    """The one tenant that a row is for, and the grant under which it reads it; no grant where it may read it for good."""

    tenant_id: UUID
    grant_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class OutboxEntry:
    """A feed row before it has a sequence number."""

    feed: str
    op: str
    entity_id: UUID
    payload: dict[str, Any]
    tenant_id: UUID
    public: bool
    event: str = ""
    """The type of event that webhooks are told; empty for none."""
    audience: Audience | None = None
    """Null for the row itself; a copy for another tenant has one."""

    @property
    def told(self) -> UUID:
        """The tenant whose webhooks are told, public rows aside."""
        return self.audience.tenant_id if self.audience else self.tenant_id


async def append_outbox(session: AsyncSession, entries: list[OutboxEntry], now: datetime, trace_id: str | None) -> None:
    """Take the feed's lock and insert; the lock is released by the commit that must follow at once.

    Without the lock a transaction could draw a lower number, commit later, and be skipped by a reader already past it.
    SQLite's single writer needs no lock.
    """
    if not entries:
        return
    rows = [_row(entry, now, trace_id) for entry in entries]
    if session.get_bind().dialect.name == "postgresql":
        columns = {name: [row[name] for row in rows] for name in _COLUMNS}
        await session.execute(_INSERT_IN_TURN, {**columns, "recorded_at": now, "key": OUTBOX_LOCK})
    else:
        await session.execute(_INSERT, rows)


def _row(entry: OutboxEntry, now: datetime, trace_id: str | None) -> dict[str, Any]:
    line = {
        "op": entry.op,
        "tenant_id": entry.tenant_id,
        "recorded_at": now,
        "trace_id": trace_id,
        "id": entry.entity_id,
        **entry.payload,
    }
    return {
        "tenant_id": entry.tenant_id,
        "feed": entry.feed,
        "public": entry.public,
        "audience_id": entry.audience.tenant_id if entry.audience else None,
        "grant_id": entry.audience.grant_id if entry.audience else None,
        "line": stored_json(line).decode(),
        "recorded_at": now,
    }
