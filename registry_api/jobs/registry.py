"""Which function does which kind of job."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from registry_api.schemas import Input

if TYPE_CHECKING:
    from registry_api.jobs.context import JobContext

Run = Callable[["JobContext"], Awaitable[dict[str, Any] | None]]


class NoPayload(Input):
    """The payload of jobs that take none."""


@dataclass(frozen=True, slots=True)
class Handler:
    """The function of a kind, and whether and with what payload the API may ask for it."""

    kind: str
    run: Run
    requestable: bool
    payload: type[Input]
    cancellable: bool | None = None
    """Whether it may be called off; None for those that can be asked for, and no others."""
    while_suspended: bool = False
    """Whether it also runs in a tenant that is not active; others wait until it is."""
    within: timedelta | None = None
    """For how long a dead one that is tried again may fail; None where attempts are counted."""
    owed: bool = False
    """Whether a dead one is kept until somebody has it done: it ends or erases what was promised to be gone."""

    @property
    def may_be_cancelled(self) -> bool:
        """Whether a caller may call it off."""
        return self.requestable if self.cancellable is None else self.cancellable


HANDLERS: dict[str, Handler] = {}
"""Every kind; `registry_api.job_kinds` imports the modules that fill it."""


def handler(
    kind: str,
    *,
    requestable: bool = False,
    payload: type[Input] = NoPayload,
    cancellable: bool | None = None,
    while_suspended: bool = False,
    within: timedelta | None = None,
    owed: bool = False,
) -> Callable[[Run], Run]:
    """Registers a job function. It must bear to be run again from its start: a worker may die at any moment.

    It writes in steps of `async with job.writing() as work`, each committed by itself, and returns the job's result. A
    last step in `async with job.finishing(result) as work` commits its effect and the job's end as one.
    """

    def register(run: Run) -> Run:
        if kind in HANDLERS:
            raise ValueError(f"two handlers for {kind}")
        HANDLERS[kind] = Handler(kind, run, requestable, payload, cancellable, while_suspended, within, owed)
        return run

    return register
