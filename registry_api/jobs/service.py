"""Rules of asking for jobs and calling them off."""

from typing import Any
from uuid import UUID

from pydantic import ValidationError

from patchbay.core.clock import utcnow
from registry_api.answers import field_error
from registry_api.db import UnitOfWork
from registry_api.jobs.errors import JobFinished, JobNotDead, UnknownJobKind
from registry_api.jobs.models import Job
from registry_api.jobs.queue import MAX_ATTEMPTS, JobEntry, insert_unless_open, job_row
from registry_api.jobs.registry import HANDLERS, Handler
from registry_api.jobs.repository import Jobs
from registry_api.jobs.schemas import NewJob
from registry_api.problems import Conflict, FieldError, InvalidRequest


async def request_job(work: UnitOfWork, wanted: NewJob) -> Job:
    """Enqueue a job callers may ask for, or give the open one with the same dedup key."""
    found = HANDLERS.get(wanted.kind)
    if found is None or not found.requestable:
        raise _unknown_kind(wanted.kind)
    payload = _valid_payload(found, wanted.payload)
    entry = JobEntry(wanted.kind, payload, work.principal.tenant_id, wanted.dedup_key, None, MAX_ATTEMPTS)
    row = job_row(entry, utcnow(), work.trace_id)
    jobs = work.repository(Jobs)
    if await insert_unless_open(work.session, row):
        work.audit("job.requested", f"job:{row['id']}", {"kind": wanted.kind, "payload": payload})
    job = await jobs.find(row["id"]) or await jobs.open_by_key(wanted.kind, wanted.dedup_key or "")
    if job is None:
        raise Conflict("The open job of that dedup key ended at this moment; ask again.")
    return job


def _unknown_kind(kind: str) -> UnknownJobKind:
    known = ", ".join(sorted(kind for kind, handler in HANDLERS.items() if handler.requestable))
    detail = f"There is no kind {kind!r} to ask for; there is {known or 'none'}."
    return UnknownJobKind(detail, errors=[FieldError("/kind", "unknown_job_kind", detail)])


def _valid_payload(found: Handler, payload: dict[str, Any]) -> dict[str, Any]:
    try:
        return found.payload.model_validate(payload).model_dump(mode="json")
    except ValidationError as error:
        errors = [field_error({**fault, "loc": ("body", "payload", *fault["loc"])}, NewJob) for fault in error.errors()]
        raise InvalidRequest(f"The payload does not fit {found.kind}.", errors=errors) from error


async def cancel_job(work: UnitOfWork, job_id: UUID) -> Job:
    """Call a job off; a running one cannot commit its effect any more.

    Kinds that nobody may ask for are not called off either: who erased a person was told that it will be done.
    """
    job = await work.repository(Jobs).known(job_id)
    if job.state not in ("queued", "running"):
        raise JobFinished(f"The job is {job.state}; only queued and running jobs can be cancelled.")
    known = HANDLERS.get(job.kind)
    if known is not None and not known.may_be_cancelled:
        raise Conflict(
            f"{job.kind} carries out what the registry has promised; only jobs that can be asked for can be cancelled."
        )
    before, after = {"state": job.state}, {"state": "cancelled"}
    job.state, job.finished_at, job.lease_until = "cancelled", utcnow(), None
    work.audit(
        "job.cancelled", f"job:{job.id}", {"kind": job.kind}, before=before, after=after, tenant_id=job.tenant_id
    )
    return job


async def retry_job(work: UnitOfWork, job_id: UUID) -> Job:
    """Try a dead job again from its first attempt; raises `JobNotDead`, or `Conflict` while its dedup key is taken."""
    jobs = work.repository(Jobs)
    job = await jobs.known(job_id)
    if job.state != "dead":
        raise JobNotDead(f"The job is {job.state}; only dead ones can be tried again.")
    taken = job.dedup_key is not None and await jobs.open_by_key(job.kind, job.dedup_key, job.tenant_id)
    if taken:
        raise Conflict(f"The job {taken.id} does the same already.")
    now, known = utcnow(), HANDLERS.get(job.kind)
    job.give_up_at = None if known is None or known.within is None else now + known.within
    job.state, job.run_at, job.attempts, job.finished_at = "queued", now, 0, None
    work.audit("job.retried", f"job:{job.id}", {"kind": job.kind}, tenant_id=job.tenant_id)
    return job
