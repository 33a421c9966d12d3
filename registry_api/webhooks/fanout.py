"""Deliveries of what a transaction did, and the jobs that carry them out: rows of that same transaction."""

from collections.abc import Sequence, Set
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncSession

from patchbay.core.ids import new_id
from registry_api.audit.chain import AuditEntry
from registry_api.db.chunks import chunks
from registry_api.db.lists import any_of
from registry_api.db.statements import insert_into, table_of
from registry_api.feeds.outbox import OutboxEntry
from registry_api.jobs.lanes import WEBHOOKS
from registry_api.jobs.queue import JobEntry, append_jobs, insert_all, job_row
from registry_api.notifications.webhook import cloud_event
from registry_api.webhooks.events import PREFIX, QUIET, Event, event_of_action, events_of, wants
from registry_api.webhooks.models import Delivery, Webhook

DELIVER, TIDY = "webhooks.deliver", "webhooks.tidy"
RETRIED_FOR = timedelta(days=3)
MOST_ATTEMPTS = 200
"""More than three days have room for; only a delivery that kills its worker comes to it."""

# Their keys are locked until the commit: one that is deleted at this moment would fail the change that tells it.
_HOOKS = table_of(Webhook).c
_ENABLED = (
    select(_HOOKS.id, _HOOKS.tenant_id, _HOOKS.types)
    .where(_HOOKS.enabled)
    .order_by(_HOOKS.id)
    .with_for_update(read=True, key_share=True)
)
_ENABLED_OF = _ENABLED.where(any_of(_HOOKS.tenant_id, "told"))


async def fan_out(
    session: AsyncSession,
    outbox: Sequence[OutboxEntry],
    audit: Sequence[AuditEntry],
    now: datetime,
    trace_id: str | None,
) -> None:
    """Insert a delivery and its job for each event and each enabled webhook that may see it and asked for it."""
    rows = [row for row in outbox if row.event != QUIET]
    records = [record for record in audit if event_of_action(record.action) != QUIET]
    told = {row.told for row in rows} | {record.tenant_id for record in records}
    everybody = any(row.public for row in rows) or any(record.public for record in records)
    hooks = await _enabled(session, told, everybody) if told else []
    if not hooks:
        return
    events = events_of(rows, records)
    deliveries = [delivery_row(hook, event, now) for event in events for hook in hooks if _is_for(hook, event)]
    if deliveries:
        await add(session, deliveries, now, trace_id)


async def add(session: AsyncSession, rows: list[dict[str, Any]], now: datetime, trace_id: str | None) -> None:
    """Insert fresh deliveries and their jobs, and see to it that old ones are removed some day."""
    for part in chunks(rows, 1000):
        await session.execute(insert_into(Delivery), list(part))
    entries = [deliver_entry(row["tenant_id"], row["webhook_id"], row["id"]) for row in rows]
    await insert_all(session, [job_row(entry, now, trace_id) for entry in entries])
    await append_jobs(
        session, [tidy_entry(tenant_id, now) for tenant_id in {row["tenant_id"] for row in rows}], now, None
    )


def delivery_row(hook: Row[Any] | Webhook, event: Event, now: datetime) -> dict[str, Any]:
    """The columns of a fresh delivery."""
    message_id = f"evt_{event.id.hex}"
    return {
        "id": new_id(),
        "tenant_id": hook.tenant_id,
        "recorded_at": now,
        "webhook_id": hook.id,
        "event_id": event.id,
        "type": event.type,
        "body": cloud_event(message_id, PREFIX + event.type, event.source, event.data, now),
        "state": "pending",
        "attempts": 0,
    }


def deliver_entry(tenant_id: UUID, webhook_id: UUID, delivery_id: UUID) -> JobEntry:
    """The job of a delivery: of one delivery, one is open at a time."""
    return JobEntry(
        DELIVER,
        {"delivery_id": str(delivery_id)},
        tenant_id,
        dedup_key=str(delivery_id),
        run_at=None,
        max_attempts=MOST_ATTEMPTS,
        lane=WEBHOOKS,
        queue=str(webhook_id),
        within=RETRIED_FOR,
    )


async def _enabled(session: AsyncSession, told: Set[UUID], everybody: bool) -> Sequence[Row[Any]]:
    """Webhooks of the tenants that are told, or of all."""
    query, values = (_ENABLED, {}) if everybody else (_ENABLED_OF, {"told": list(told)})
    return (await session.execute(query, values)).all()


def _is_for(hook: Row[Any], event: Event) -> bool:
    return (event.public or hook.tenant_id == event.tenant_id) and wants(hook.types, event.type)


def tidy_entry(tenant_id: UUID, now: datetime) -> JobEntry:
    """The job that tidies up a tenant's deliveries in the night that follows; it asks for the next one itself."""
    night = datetime(now.year, now.month, now.day, tzinfo=now.tzinfo) + timedelta(days=1)
    return JobEntry(TIDY, {}, tenant_id, f"night of {night:%Y-%m-%d}", night, 5)
