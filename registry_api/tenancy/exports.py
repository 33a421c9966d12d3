"""The job that exports a tenant: everything it owns as it stood at one moment, as one archive to download."""

import tempfile
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import anyio
from sqlalchemy import Row, Select, Table, literal, select, tuple_, update

from patchbay.core.clock import utcnow
from patchbay.core.ids import new_id
from registry_api.db import Repository, Scope, UnitOfWork
from registry_api.db.binding import Binding
from registry_api.db.turns import take_turn
from registry_api.intake.models import IntakeBatch, Segment
from registry_api.jobs.context import JobContext
from registry_api.jobs.errors import PermanentFailure
from registry_api.jobs.queue import PATIENT
from registry_api.jobs.registry import handler
from registry_api.jobs.repository import Jobs
from registry_api.problems import NotFound
from registry_api.schemas import Input, wire_time
from registry_api.tenancy import estate
from registry_api.tenancy.archive import Archive, digest_of
from registry_api.tenancy.models import Tenant, TenantExport

EXPORT, EXPIRE = "tenancy.export", "tenancy.expire_export"
KEPT_FOR = timedelta(days=7)
AT_ONCE = 2_000
FORMAT = 1
"""The archive's form; it grows when a reader of the last form could not read the new one."""


class ExportPayload(Input):
    """Which export."""

    export_id: UUID


class Exports(Repository):
    """Exports of the scope's tenant."""

    def all(self) -> Select[tuple[TenantExport]]:
        """All that were asked for."""
        return select(TenantExport).where(TenantExport.tenant_id == self.scope.tenant_id)

    async def get(self, export_id: UUID, *, locked: bool = False) -> TenantExport:
        """One of them; raises `NotFound`."""
        query = self.all().where(TenantExport.id == export_id).execution_options(populate_existing=True)
        found = (await self.session.execute(query.with_for_update() if locked else query)).scalar_one_or_none()
        if found is None:
            raise NotFound(f"There is no export {export_id} of this tenant.")
        return found

    async def give_up_former(self, export_id: UUID) -> list[UUID]:
        """Let the tenant's other archives go; whose they were."""
        former = (TenantExport.tenant_id == self.scope.tenant_id, TenantExport.id != export_id)
        gone = update(TenantExport).where(*former, TenantExport.state == "done").values(state="expired", path=None)
        return list((await self.session.execute(gone.returning(TenantExport.id))).scalars())

    async def file_keys(self) -> list[str]:
        """Storage keys of the segments that count and of kept rejects."""
        segments = select(Segment.path).where(
            Segment.tenant_id == self.scope.tenant_id, Segment.retired_at.is_(None), Segment.deleted_at.is_(None)
        )
        rejects = select(IntakeBatch.rejects_path).where(
            IntakeBatch.tenant_id == self.scope.tenant_id, IntakeBatch.rejects_path.is_not(None)
        )
        found = [*(await self.session.execute(segments)).scalars(), *(await self.session.execute(rejects)).scalars()]
        return sorted(key for key in found if key)

    async def pages(self, table: Table) -> AsyncIterator[Sequence[Row[Any]]]:
        """The tenant's rows of a table and those that say what it was given, without secrets, in order of the key."""
        key, mine = list(table.primary_key.columns), self.scope.tenant_id
        query = select(*estate.told(table, mine)).where(estate.exported(table, mine)).order_by(*key)
        last: tuple[Any, ...] | None = None
        while True:
            after = query if last is None else query.where(tuple_(*key) > tuple_(*_bound(key, last)))
            rows = (await self.session.execute(after.limit(AT_ONCE))).all()
            if rows:
                yield rows
            if len(rows) < AT_ONCE:
                return
            last = tuple(rows[-1]._mapping[column] for column in key)


def _bound(key: Sequence[Any], values: Sequence[Any]) -> list[Any]:
    return [literal(value, column.type) for column, value in zip(key, values, strict=True)]


async def ask_export(work: UnitOfWork, tenant: Tenant) -> TenantExport:
    """Have a tenant exported; the export that is on its way where there is one.

    That its archive is deleted is seen to from the beginning, whatever becomes of the job that writes it.
    """
    scope = Scope(tenant.id, work.principal.scope.operator_id)
    await _take_turn(work, tenant.id)
    waiting = Exports(work.session, scope).all().where(TenantExport.state.in_(("queued", "running")))
    for known in (await work.session.execute(waiting.with_for_update())).scalars().all():
        if await Jobs(work.session, scope).open_by_key(EXPORT, str(known.id)) is not None:
            return known
        known.state = "failed"  # its worker died on every attempt, and could not say so
    made = TenantExport(
        id=new_id(),
        tenant_id=tenant.id,
        recorded_at=utcnow(),
        state="queued",
        tables=len(estate.tables()),
        tables_done=0,
        rows=0,
        expires_at=utcnow() + KEPT_FOR,
    )
    work.session.add(made)
    await work.session.flush()
    payload = {"export_id": str(made.id)}
    work.enqueue(EXPORT, payload, tenant_id=tenant.id, dedup_key=str(made.id))
    work.enqueue(EXPIRE, payload, tenant_id=tenant.id, run_at=made.expires_at, max_attempts=PATIENT)
    work.audit("tenant.export_asked", f"export:{made.id}", tenant_id=tenant.id)
    return made


async def _take_turn(work: UnitOfWork, tenant_id: UUID) -> None:
    """Whoever goes on to lock more than one export of a tenant waits here, so that two never wait for each other."""
    await take_turn(work.session, f"{EXPORT}:{tenant_id}")


async def expire_archives(work: UnitOfWork) -> None:
    """Have every archive of the tenant deleted that holds, or may come to hold, rows as they were until now; one that nobody
    has begun to write is made of what is there then.
    """
    await _take_turn(work, work.principal.tenant_id)
    stale = work.repository(Exports).all().where(TenantExport.state.in_(("queued", "running", "done")))
    query = stale.order_by(TenantExport.id).with_for_update().execution_options(populate_existing=True)
    for found in (await work.session.execute(query)).scalars().all():
        if found.state != "queued":
            found.state, found.path = "expired", None
            work.enqueue(EXPIRE, {"export_id": str(found.id)}, max_attempts=PATIENT)
            work.audit("tenant.export_expired", f"export:{found.id}")


@handler(EXPORT, payload=ExportPayload, while_suspended=True)
async def export(job: JobContext) -> dict[str, Any]:
    """Write the archive and make it known; the figures are in the result."""
    export_id = ExportPayload.model_validate(job.payload).export_id
    await _note(job, export_id, state="running", tables_done=0)
    try:
        with tempfile.TemporaryDirectory(prefix="patchbay-export-") as folder:
            return await _export(job, export_id, Path(folder))
    except Exception:
        if job.claim.attempt >= job.claim.max_attempts:
            await _note(job, export_id, state="failed")
        raise


async def _export(job: JobContext, export_id: UUID, folder: Path) -> dict[str, Any]:
    archive, packed, at = Archive(folder), folder / "export.tar.zst", utcnow()
    async with job.database.reading(Binding.to(job.principal.scope)) as session:
        if not job.database.is_sqlite:  # there every transaction reads one moment
            await session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        exports = Exports(session, Scope(job.tenant_id, job.claim.operator_id))
        for place, table in enumerate(estate.tables(), 1):
            await _fill(archive, exports, table)
            await _note(job, export_id, tables_done=place, rows=archive.rows)
        keys = await exports.file_keys()
    facts = {"format": FORMAT, "tenant": str(job.tenant_id), "export": str(export_id), "at": wire_time(at)}
    await anyio.to_thread.run_sync(archive.pack, facts, job.storage, keys, packed)
    done = {"rows": archive.rows, "bytes": packed.stat().st_size, "digest": f"sha256:{digest_of(packed)}"}
    await _put(job, export_id, packed, done)
    return {**done, "files": len(keys)}


def _key(job: JobContext, export_id: UUID) -> str:
    return f"exports/{job.tenant_id}/{export_id}.tar.zst"


async def _put(job: JobContext, export_id: UUID, packed: Path, done: dict[str, Any]) -> None:
    """Keep the archive in the former one's place, unless by now it is nobody's: the tenant may have been erased meanwhile."""
    key = _key(job, export_id)
    await anyio.to_thread.run_sync(job.storage.put_file, key, packed)
    try:
        former = await _finish(job, export_id, {**done, "state": "done", "path": key})
    except Exception:
        await anyio.to_thread.run_sync(job.storage.delete, key)
        raise
    for other in former:  # should this not come to pass, the job that was to delete it in its time does
        await anyio.to_thread.run_sync(job.storage.delete, _key(job, other))


async def _fill(archive: Archive, exports: Exports, table: Table) -> None:
    left_out = {column.name for column in table.columns} - {column.name for column in estate.shown(table)}
    archive.begin(table.name, left_out)
    async for rows in exports.pages(table):
        await anyio.to_thread.run_sync(archive.add, table.name, [dict(row._mapping) for row in rows])


async def _note(job: JobContext, export_id: UUID, **changes: Any) -> None:
    async with job.writing() as work:
        await _change(work, export_id, changes)


async def _change(work: UnitOfWork, export_id: UUID, changes: dict[str, Any]) -> None:
    row = await work.repository(Exports).get(export_id, locked=True)
    if row.state == "expired":
        raise PermanentFailure(f"The export {export_id} had its time before it was done; ask for another one.")
    for name, value in changes.items():
        setattr(row, name, value)


async def _finish(job: JobContext, export_id: UUID, changes: dict[str, Any]) -> list[UUID]:
    """Note that it is done; the exports whose archives went with that."""
    async with job.writing() as work:
        await _take_turn(work, job.tenant_id)
        await _change(work, export_id, changes)
        former = await work.repository(Exports).give_up_former(export_id)
        facts = {"digest": changes["digest"], "rows": changes["rows"], "replaces": [str(other) for other in former]}
        work.audit("tenant.exported", f"export:{export_id}", facts)
    return former


@handler(EXPIRE, payload=ExportPayload, while_suspended=True, owed=True)
async def expire(job: JobContext) -> None:
    """Delete an archive that had its time, also one that was kept without anybody's learning of it."""
    export_id = ExportPayload.model_validate(job.payload).export_id
    async with job.writing() as work:
        row = await work.repository(Exports).get(export_id)
        row.state, row.path = "expired", None
    await anyio.to_thread.run_sync(job.storage.delete, _key(job, export_id))
