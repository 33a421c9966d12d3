"""How long work is answered: 202 with the job, where to ask how it goes, and when."""

from typing import Any

from fastapi import Response

from registry_api.jobs.models import Job
from registry_api.jobs.schemas import JobView

RETRY_AFTER = 1
"""Seconds after which asking again may tell something new."""

ACCEPTED: dict[int | str, dict[str, Any]] = {
    202: {
        "description": "Taken; the work goes on behind this answer.",
        "headers": {
            "Location": {"description": "Where to ask how it goes.", "schema": {"type": "string"}},
            "Retry-After": {"description": "Seconds to wait before asking.", "schema": {"type": "integer"}},
        },
    }
}
"""For `responses=` of a route with `status_code=202`."""


def accepted(response: Response, job: Job) -> JobView:
    """Answer a route with its job: `status_code=202, responses=ACCEPTED` on the route, this at its end."""
    point_to(response, f"/v1/jobs/{job.id}")
    return JobView.model_validate(job)


def point_to(response: Response, path: str, seconds: int = RETRY_AFTER) -> None:
    """Say where, and after how many seconds, to ask how work goes that has a resource of its own."""
    response.headers["Location"], response.headers["Retry-After"] = path, str(seconds)
