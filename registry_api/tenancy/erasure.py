"""Deleting a tenant: marked at once, undone within the grace period, and after it erased by a job.

What stays is a tombstone (the id, no name) and the audit chain: see decision 0024. Everything runs bound to the tenant, so on
PostgreSQL the database itself keeps the job from any other tenant's rows.
"""

import math
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import anyio
import orjson
from sqlalchemy import and_, delete, select, update

from patchbay.core.clock import utcnow
from patchbay.core.settings import Settings
from registry_api.catalog.models import Plugin
from registry_api.catalog.sharing.models import PluginGrant
from registry_api.catalog.sharing.repository import PluginGrants
from registry_api.catalog.sharing.service import end
from registry_api.catalog.store import CatalogueStore
from registry_api.catalog.visibility import PRIVATE
from registry_api.db import Crossing, UnitOfWork, crossing
from registry_api.feeds.ending import GONE, blank
from registry_api.feeds.models import OutboxRow
from registry_api.installs.models import Observation, ReleaseBlock
from registry_api.jobs.context import JobContext
from registry_api.jobs.models import Job
from registry_api.jobs.queue import PATIENT
from registry_api.jobs.registry import handler
from registry_api.jobs.repository import Jobs
from registry_api.schemas import wire_time
from registry_api.tenancy import estate
from registry_api.tenancy.errors import TenantDeleted
from registry_api.tenancy.models import Tenant
from registry_api.tenancy.repository import Tenants
from registry_api.tenancy.service import announce

ERASE = "tenancy.erase"


async def mark(work: UnitOfWork, settings: Settings, tenant: Tenant) -> None:
    """Have a tenant erased after the grace period; of one that is marked already, again where its job died."""
    before, now, jobs = tenant.status, utcnow(), work.repository(Jobs)
    if before == "deleted" and not await jobs.any_dead(ERASE, tenant.id):
        return
    if before not in ("deleting", "deleted"):
        tenant.status, tenant.delete_after = "deleting", now + timedelta(days=settings.tenant_grace_days)
        await work.session.flush()
        announce(work, tenant)
    # The time is in the key: a job of a deletion that was undone may still wait, and comes too early for this one.
    due = tenant.delete_after or now
    key = wire_time(due)
    if await jobs.open_by_key(ERASE, key, tenant.id) is not None:
        return
    work.enqueue(ERASE, {}, tenant_id=tenant.id, dedup_key=key, run_at=due, max_attempts=PATIENT)
    said = {"status": {"before": before, "after": tenant.status}, "delete_after": tenant.delete_after}
    work.audit("tenant.deletion_asked", f"tenant:{tenant.id}", said, tenant_id=tenant.id)


def seconds_left(tenant: Tenant) -> int:
    """Until a marked tenant is erased; at least one, as the erasure takes its time."""
    due = tenant.delete_after or utcnow()
    return max(1, math.ceil((due - utcnow()).total_seconds()))


def refuse_deleted(tenant: Tenant) -> None:
    """Raises `TenantDeleted` for one that is past undoing."""
    if tenant.status == "deleted":
        raise TenantDeleted(f"The tenant {tenant.id} was deleted; make a new one.")


@handler(ERASE, while_suspended=True, owed=True)
async def erase(job: JobContext) -> dict[str, Any]:
    """Erase the job's tenant if it is still marked and its time has come. It bears to be run again from its start."""
    if not await _begin(job):
        return {"erased": False}
    await _wait_for_others(job)
    await _end_grants(job)
    await _tell_feeds(job)
    rows, stones = 0, await _leave_tombstones(job)
    for table in reversed(estate.tables()):
        if table.name not in estate.KEPT and table.name != OutboxRow.__tablename__:
            rows += await _empty(job, table, stones)
    return {"erased": True, "rows": rows, "files": await anyio.to_thread.run_sync(_delete_files, job)}


async def _begin(job: JobContext) -> bool:
    """Make the tenant a tombstone, unless it is one; whether it is one now."""
    async with job.writing() as work, crossing(work.session, Crossing.TOMBSTONE):
        tenant = await work.repository(Tenants).own(locked=True)
        if tenant.status == "deleting" and tenant.delete_after is not None and tenant.delete_after <= utcnow():
            tenant.status, tenant.slug, tenant.name = "deleted", f"deleted-{tenant.id.hex}", "Deleted tenant"
            tenant.made_from, tenant.quotas = None, {}
            work.audit("tenant.deleted", f"tenant:{tenant.id}")
        return tenant.status == "deleted"


async def _end_grants(job: JobContext) -> None:
    """End what the tenant shared and what was shared with it."""
    async with job.writing() as work:
        await work.repository(CatalogueStore).take_turn()
        for grant in await work.repository(PluginGrants).of_either_side():
            await end(work, grant, "tenant_deleted")


async def _leave_tombstones(job: JobContext) -> list[UUID]:
    """Blank those plugins that others had and observed; ids without a word, which go on holding what others recorded.

    What others decided about their releases goes with these.
    """
    async with job.writing() as work, crossing(work.session, Crossing.REMOVAL):
        own = select(Plugin.id).where(Plugin.tenant_id == job.tenant_id)
        others = (Observation.plugin_id.in_(own), Observation.tenant_id != job.tenant_id)
        found = list((await work.session.execute(select(Observation.plugin_id).where(*others).distinct())).scalars())
        for id in found:
            nothing = dict.fromkeys(("summary", "homepage_url", "repository_url", "licence", "occurred_at"))
            nothing |= {"namespace": "deleted", "name": id.hex, "ref": f"deleted:{id.hex}", "title": "Deleted plugin"}
            nothing |= {"search_text": "", "visibility": PRIVATE, "lifecycle": "withdrawn"}
            await work.session.execute(update(Plugin).where(Plugin.id == id).values(nothing))
            named = update(PluginGrant).where(PluginGrant.plugin_id == id)
            await work.session.execute(named.values(ref=nothing["ref"], given_by=""))
        await work.session.execute(delete(ReleaseBlock).where(ReleaseBlock.plugin_id.in_(own)))
        return found


async def _wait_for_others(job: JobContext) -> None:
    """Raises RuntimeError, for another attempt, while other jobs of the tenant run: they may still write files."""
    others = (Job.tenant_id == job.tenant_id, Job.id != job.claim.id)
    running = select(Job.id).where(*others, Job.state == "running", Job.lease_until > utcnow())
    async with job.reading() as reader:
        found = (await reader.session.execute(running.limit(1))).first()
    if found is not None:
        raise RuntimeError("other jobs of the tenant are running; it is erased once they have ended")


async def _tell_feeds(job: JobContext) -> None:
    """End every entity of the tenant in its feed, with no word of what it was, and take the rows that told of it away.

    One transaction: a reader sees the rows before, or the ends.
    """
    async with job.writing() as work:
        own = and_(OutboxRow.tenant_id == job.tenant_id, OutboxRow.audience_id.is_(None))
        rows = (
            await work.session.execute(
                select(OutboxRow.seq, OutboxRow.feed, OutboxRow.public, OutboxRow.line).where(own)
            )
        ).all()
        last: dict[tuple[str, str], tuple[bool, str]] = {}
        for _, feed, public, line in rows:
            known = orjson.loads(line)
            was_public = public or last.get((feed, known["id"]), (False, ""))[0]
            last[feed, known["id"]] = (was_public, line)
        for (feed, entity), (public, line) in last.items():
            end = blank(feed, orjson.loads(line))
            work.publish(feed, GONE.get(feed, "delete"), UUID(entity), end, tenant_id=job.tenant_id, public=public)
        through = max((row.seq for row in rows), default=0)
        await work.session.execute(delete(OutboxRow).where(own, OutboxRow.seq <= through))
        work.audit("tenant.erased_from_feeds", f"tenant:{job.tenant_id}", {"entities": len(last)})


async def _empty(job: JobContext, table: Any, stones: Sequence[UUID]) -> int:
    async with job.writing() as work:
        query = delete(table).where(estate.owned(table, job.tenant_id))
        if table.name in (Plugin.__tablename__, PluginGrant.__tablename__):
            query = query.where(
                (table.c.id if table.name == Plugin.__tablename__ else table.c.plugin_id).not_in(stones)
            )
        if table.name == Job.__tablename__:
            query = query.where(table.c.id != job.claim.id)
        result = await work.session.execute(query)
        return int(result.rowcount)  # type: ignore[attr-defined]


def _delete_files(job: JobContext) -> int:
    found = [key for folder in estate.folders(job.tenant_id) for key in job.storage.list(folder)]
    for key in found:
        job.storage.delete(key)
    return len(found)
