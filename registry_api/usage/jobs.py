"""The job of the minute counters."""

from typing import Any

from patchbay.core.clock import utcnow
from registry_api.jobs.context import JobContext
from registry_api.jobs.registry import handler
from registry_api.usage.counters import PURGE, WINDOW, Counters


@handler(PURGE, while_suspended=True)
async def purge_counters(job: JobContext) -> dict[str, Any]:
    """Delete the tenant's counters that are older than the window."""
    async with job.writing() as work:
        return {"purged": await work.repository(Counters).purge(utcnow() - WINDOW)}
