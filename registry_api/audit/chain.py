"""Appending to and verifying the per-tenant hash chains."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any
from uuid import UUID

from sqlalchemy import insert, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from patchbay.core.ids import new_id
from registry_api.audit.models import AuditHead, AuditRecord
from registry_api.db.encoding import stored_json
from registry_api.db.scope import Principal

GENESIS = bytes(32)


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """What is to be recorded, before it has a place in the chain."""

    action: str
    subject: str
    change: dict[str, Any]
    tenant_id: UUID


def link(previous: bytes, canonical: bytes) -> bytes:
    """The hash of a record that follows `previous`."""
    return hashlib.sha256(previous + canonical).digest()


async def append_entries(
    session: AsyncSession, entries: list[AuditEntry], principal: Principal, now: datetime, trace_id: str | None
) -> None:
    """Append entries to their tenants' chains inside the caller's transaction; heads are locked in tenant order."""
    ordered = sorted(entries, key=lambda entry: entry.tenant_id)
    for tenant_id, group in groupby(ordered, key=lambda entry: entry.tenant_id):
        head = await _lock_head(session, tenant_id, now)
        rows = [_next_row(head, entry, principal, now, trace_id) for entry in group]
        await session.execute(insert(AuditRecord.__table__), rows)  # type: ignore[arg-type]
        await session.flush()


def _next_row(
    head: AuditHead, entry: AuditEntry, principal: Principal, now: datetime, trace_id: str | None
) -> dict[str, Any]:
    position, previous = head.position + 1, head.hash
    canonical = _canonical(entry, position, principal, now, trace_id)
    head.position, head.hash, head.moved_at = position, link(previous, canonical), now
    return {
        "id": new_id(),
        "tenant_id": entry.tenant_id,
        "recorded_at": now,
        "position": position,
        "action": entry.action,
        "subject": entry.subject,
        "actor": principal.actor,
        "canonical": canonical,
        "previous_hash": previous,
        "hash": head.hash,
    }


def _canonical(entry: AuditEntry, position: int, principal: Principal, now: datetime, trace_id: str | None) -> bytes:
    return stored_json(
        {
            "tenant": entry.tenant_id,
            "position": position,
            "at": now,
            "actor": principal.actor,
            "token": principal.token_id,
            "acting_for": _home(principal, entry),
            "action": entry.action,
            "subject": entry.subject,
            "change": entry.change,
            "trace": trace_id,
        },
        sort_keys=True,
    )


def _home(principal: Principal, entry: AuditEntry) -> UUID | None:
    """The actor's own tenant where it is not the record's."""
    own = principal.acting_for or principal.tenant_id
    return own if own != entry.tenant_id else None


async def _lock_head(session: AsyncSession, tenant_id: UUID, now: datetime) -> AuditHead:
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    first = {"tenant_id": tenant_id, "position": 0, "hash": GENESIS, "moved_at": now}
    await session.execute(dialect.insert(AuditHead).values(first).on_conflict_do_nothing())
    locked = (
        select(AuditHead)
        .where(AuditHead.tenant_id == tenant_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return (await session.execute(locked)).scalar_one()
