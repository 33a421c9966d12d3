"""Routes of jobs."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Response

from registry_api.access import reading, writing
from registry_api.db import Reader, UnitOfWork
from registry_api.filtering import Asked
from registry_api.http import api_router, problems
from registry_api.jobs import service
from registry_api.jobs.accepted import ACCEPTED, accepted
from registry_api.jobs.filters import JOBS
from registry_api.jobs.models import Job
from registry_api.jobs.repository import Jobs
from registry_api.jobs.schemas import JobView, NewJob
from registry_api.pagination import Page, PagingQuery
from registry_api.problems import NotFound

router = api_router("jobs")


@router.get("/jobs", summary="List jobs")
async def list_jobs(
    paging: PagingQuery,
    asked: Annotated[Asked, Depends(JOBS)],
    reader: Reader = reading("jobs:read"),
) -> Page[JobView]:
    """The tenant's jobs, newest first; every tenant's for platform roles. `?state=dead` are those that were given up."""
    query = asked.where(reader.repository(Jobs).all())
    rows = await paging.rows(reader.session, query, [Job.recorded_at, Job.id], descending=True)
    return rows.page(JobView.model_validate)


@router.get("/jobs/{job_id}", summary="Read a job")
async def get_job(job_id: UUID, reader: Reader = reading("jobs:read")) -> JobView:
    """One job, with how far it is and its last error or its result."""
    job = await reader.repository(Jobs).find(job_id)
    if job is None:
        raise NotFound(f"There is no job {job_id} in this tenant.")
    return JobView.model_validate(job)


@router.post(
    "/jobs", status_code=202, summary="Ask for a job", responses=ACCEPTED | problems(unprocessable="No such kind.")
)
async def create_job(body: NewJob, response: Response, work: UnitOfWork = writing("jobs:write")) -> JobView:
    """Enqueue a job; with a dedup key, the open job of that key is answered instead of a second one."""
    return accepted(response, await service.request_job(work, body))


@router.post("/jobs/{job_id}/cancel", summary="Cancel a job", responses=problems(conflict="It has ended."))
async def cancel_job(job_id: UUID, work: UnitOfWork = writing("jobs:write")) -> JobView:
    """Call off a queued or running job; a running one cannot commit its effect any more."""
    return JobView.model_validate(await service.cancel_job(work, job_id))


@router.post(
    "/jobs/{job_id}/retry",
    status_code=202,
    summary="Try a dead job again",
    responses=ACCEPTED | problems(conflict="It is not dead, or another does the same."),
)
async def retry_job(job_id: UUID, response: Response, work: UnitOfWork = writing("jobs:write")) -> JobView:
    """Queue a job that was given up once more, with as many attempts as it had at first."""
    return accepted(response, await service.retry_job(work, job_id))
