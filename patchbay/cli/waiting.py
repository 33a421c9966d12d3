"""Waiting for the registry's long work, with a bar on a terminal."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from patchbay.cli import output
from patchbay.cli.errors import CommandError

if TYPE_CHECKING:
    from patchbay.core.client import Client
    from patchbay.core.client.documents import Export, Job

LONGEST_PAUSE = 2.0
"""Seconds between two looks; they begin at a tenth of one."""


def ended_job(client: "Client", job_id: str, timeout: float) -> "Job":
    """A job that succeeded; raises `CommandError` for another end, and for none in time."""
    job: Job = _ended(
        lambda: client.job(job_id),
        lambda job: job["state"] in ("queued", "running"),
        lambda job: (job["kind"], (job["progress"] or {}).get("done", 0), (job["progress"] or {}).get("of")),
        timeout,
    )
    if job["state"] != "succeeded":
        raise CommandError(f"job {job_id} is {job['state']}: {job['last_error'] or 'no reason given'}")
    return job


def done_export(client: "Client", tenant: str, export: "Export", timeout: float) -> "Export":
    """An export whose archive is there; raises `CommandError` where it failed, and for none in time."""
    done: Export = _ended(
        lambda: client.tenant_export(tenant, export["id"]),
        lambda export: export["state"] in ("queued", "running"),
        lambda export: ("tables", export["tables_done"], export["tables"]),
        timeout,
    )
    if done["state"] != "done":
        raise CommandError(f"export {done['id']} of {tenant} is {done['state']}")
    return done


def _ended(
    look: Callable[[], Any], goes_on: Callable[[Any], bool], so_far: Callable[[Any], Any], timeout: float
) -> Any:
    deadline, pause = time.monotonic() + timeout, 0.1
    with output.progress() as tell:
        while goes_on(found := look()):
            tell(*so_far(found))
            if time.monotonic() + pause > deadline:
                raise CommandError(f"{found['id']} is still {found['state']} after {timeout:g} seconds")
            time.sleep(pause)
            pause = min(pause * 1.5, LONGEST_PAUSE)
    return found
