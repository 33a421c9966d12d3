"""Writing to the outbox so that no reader by cursor can ever skip a row."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.ext.asyncio import AsyncSession

from registry_api.db.chunks import chunks
from registry_api.db.encoding import stored_json
from registry_api.db.statements import insert_into
from registry_api.feeds.models import OutboxRow


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


async def commit_with_outbox(
    session: AsyncSession, entries: list[OutboxEntry], now: datetime, trace_id: str | None
) -> None:
    """Insert the rows, last of all that a transaction does; on PostgreSQL, commit it too.

    There the feed's lock is taken, the rows are inserted and the transaction is committed by one message, or by the last of the few
    that very many rows take (`feed_rows_in_turn` is in the migrations). Without the lock a
    transaction could draw a lower number, commit later, and be skipped by a reader already past it; and nobody who waits for it waits
    for this process, which answers others too. The session's own commit then has nothing left to send. SQLite's single
    writer needs no lock.

    Raises DBAPIError when PostgreSQL refuses or goes away, OperationalError when the connection was gone before.
    """
    if not entries:
        return
    rows = [_row(entry, now, trace_id) for entry in entries]
    if session.get_bind().dialect.name == "postgresql":
        await _commit_in_turn(session, rows)
    else:
        await session.execute(insert_into(OutboxRow), rows)


async def _commit_in_turn(session: AsyncSession, rows: Sequence[dict[str, Any]]) -> None:
    connection = await (await session.connection()).get_raw_connection()
    driver: Any = connection.driver_connection
    parts = list(chunks(rows))
    try:
        for part in parts:
            end = "; COMMIT" if part is parts[-1] else ""
            # Hexadecimal digits need no quoting.
            await driver.execute(f"SELECT feed_rows_in_turn('{stored_json(part).hex()}'){end}")
    except asyncpg.PostgresError as error:
        raise DBAPIError("COMMIT", None, error) from error
    except (asyncpg.InterfaceError, OSError) as error:
        raise OperationalError("COMMIT", None, error) from error
    driver.committed = True


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
