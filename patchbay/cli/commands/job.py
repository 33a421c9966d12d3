"""`patchbay job`."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from patchbay.cli.asking import asks, group

if TYPE_CHECKING:
    from patchbay.core.client import Client
    from patchbay.core.client.documents import Job

app = group("Jobs: the registry's long work.")
JobId = Annotated[str, typer.Argument(metavar="JOB", help="Its id.")]
COLUMNS = ("id", "kind", "state", "attempts", "recorded_at", "finished_at", "last_error")


@asks(app, "list", columns=COLUMNS)
def list_jobs(
    client: "Client",
    kind: Annotated[str | None, typer.Option(help="Only of this kind.")] = None,
    state: Annotated[str | None, typer.Option(help="queued, running, succeeded, dead or cancelled.")] = None,
) -> Iterator["Job"]:
    """List jobs, newest first.

    Example:

        patchbay job list --state dead
    """
    return client.jobs(kind=kind, state=state)


@asks(app, "show")
def show_job(client: "Client", job: JobId) -> Any:
    """Show one job.

    Example:

        patchbay job show 0197c1d2-7c1b-7d0e-9d5a-1d6f6c1f2a3b
    """
    return client.job(job)


@asks(app, "wait")
def wait(
    client: "Client",
    job: JobId,
    timeout: Annotated[float, typer.Option(help="Seconds to wait at most.", min=0)] = 3600,
) -> Any:
    """Wait until a job has ended, and show it. Ends with 1 where it did not succeed, or not in time.

    Example:

        patchbay job wait 0197c1d2-7c1b-7d0e-9d5a-1d6f6c1f2a3b --timeout 60
    """
    from patchbay.cli.waiting import ended_job

    return ended_job(client, job, timeout)


@asks(app, "cancel")
def cancel(client: "Client", job: JobId) -> Any:
    """Call off a job.

    Example:

        patchbay job cancel 0197c1d2-7c1b-7d0e-9d5a-1d6f6c1f2a3b
    """
    return client.cancel_job(job)


@asks(app, "retry")
def retry(client: "Client", job: JobId) -> Any:
    """Have a dead job tried again.

    Example:

        patchbay job retry 0197c1d2-7c1b-7d0e-9d5a-1d6f6c1f2a3b
    """
    return client.retry_job(job)
