"""Putting jobs into the table, inside the transaction of the change that needs them."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from patchbay.core.ids import new_id
from registry_api.db.chunks import chunks
from registry_api.db.statements import insert_into
from registry_api.jobs.lanes import WORK
from registry_api.jobs.models import OPEN, Job

MAX_ATTEMPTS = 5

PATIENT = 30
"""Attempts of a job that has been promised: with pauses that grow to an hour, about a day."""


@dataclass(frozen=True, slots=True)
class JobEntry:
    """A job before it is stored."""

    kind: str
    payload: dict[str, Any]
    tenant_id: UUID
    dedup_key: str | None
    run_at: datetime | None
    max_attempts: int
    trace_id: str | None = None
    """Of what caused it, where that is not the change's own."""
    lane: str = WORK
    queue: str | None = None
    """What takes turns with the tenant's other queues; None for the tenant's own."""
    within: timedelta | None = None
    """How long after `run_at` failures are tried again; None where attempts are counted."""


async def append_jobs(session: AsyncSession, entries: list[JobEntry], now: datetime, trace_id: str | None) -> None:
    """Insert jobs, in key order so that two writers never deadlock; one whose dedup key an open job has is left out."""
    keyed = [entry for entry in entries if entry.dedup_key is not None]
    for entry in sorted(keyed, key=lambda entry: (str(entry.tenant_id), entry.kind, entry.dedup_key or "")):
        await insert_unless_open(session, job_row(entry, now, trace_id))
    await insert_all(session, [job_row(entry, now, trace_id) for entry in entries if entry.dedup_key is None])


async def insert_all(session: AsyncSession, rows: list[dict[str, Any]]) -> None:
    """Insert jobs whose dedup keys, where they have any, no open job can have."""
    for part in chunks(rows):
        await session.execute(insert_into(Job), list(part))


async def insert_unless_open(session: AsyncSession, row: dict[str, Any]) -> bool:
    """Insert one job; false when an open one of its kind has its dedup key, be it from a writer that was just ahead.

    An open job is looked for first, as inserting would wait for whoever has locked its row: a running job's own step does, and may in turn
    wait for what this transaction holds.
    """
    if row["dedup_key"] is not None and await _is_open(session, row):
        return False
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    result = await session.execute(dialect.insert(Job).values(**row).on_conflict_do_nothing())
    return int(result.rowcount) == 1  # type: ignore[attr-defined]


async def _is_open(session: AsyncSession, row: dict[str, Any]) -> bool:
    same = (getattr(Job, name) == row[name] for name in ("tenant_id", "kind", "dedup_key"))
    return (await session.execute(select(Job.id).where(*same, OPEN).limit(1))).first() is not None


def job_row(entry: JobEntry, now: datetime, trace_id: str | None) -> dict[str, Any]:
    """The columns of a fresh job."""
    run_at = entry.run_at or now
    return {
        "id": new_id(),
        "tenant_id": entry.tenant_id,
        "recorded_at": now,
        "kind": entry.kind,
        "payload": entry.payload,
        "state": "queued",
        "lane": entry.lane,
        "queue": entry.queue or str(entry.tenant_id),
        "dedup_key": entry.dedup_key,
        "run_at": run_at,
        "attempts": 0,
        "max_attempts": entry.max_attempts,
        "give_up_at": None if entry.within is None else run_at + entry.within,
        "fence": 0,
        "trace_id": entry.trace_id or trace_id,
    }
