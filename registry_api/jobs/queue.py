"""Putting jobs into the table, inside the transaction of the change that needs them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from patchbay.core.ids import new_id
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


async def append_jobs(session: AsyncSession, entries: list[JobEntry], now: datetime, trace_id: str | None) -> None:
    """Insert jobs, in key order so that two writers never deadlock; one whose dedup key an open job has is left out."""
    for entry in sorted(entries, key=lambda entry: (str(entry.tenant_id), entry.kind, entry.dedup_key or "")):
        await insert_unless_open(session, job_row(entry, now, trace_id))


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
    return {
        "id": new_id(),
        "tenant_id": entry.tenant_id,
        "recorded_at": now,
        "kind": entry.kind,
        "payload": entry.payload,
        "state": "queued",
        "dedup_key": entry.dedup_key,
        "run_at": entry.run_at or now,
        "attempts": 0,
        "max_attempts": entry.max_attempts,
        "fence": 0,
        "trace_id": trace_id,
    }
