"""The worker: claims due jobs, runs their handlers under a lease, retries with growing pauses, and gives up in the
open.
"""

import asyncio
import logging
import os
import random
import socket
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from patchbay.core.clock import utcnow
from patchbay.core.settings import Settings
from patchbay.core.storage import Storage
from patchbay.core.telemetry import TraceContext, bound, new_trace
from registry_api.db import Crossing, Database, UnitOfWork, system_principal
from registry_api.jobs.claims import any_due, claim_next
from registry_api.jobs.context import Claim, JobContext
from registry_api.jobs.errors import LeaseLost, PermanentFailure, reason_of
from registry_api.jobs.lanes import LANES
from registry_api.jobs.registry import HANDLERS, Handler
from registry_api.jobs.repository import bury_exhausted, give_back
from registry_api.jobs.waiting import Kinds

LONGEST_PAUSE = timedelta(hours=1)
LONGEST_PAUSE_OF_DAYS = timedelta(hours=4)
"""Between attempts of a job that is tried for days."""
MOST_DOUBLINGS = 20
LONGEST_ERROR = 2000
NOBODY = system_principal(UUID(int=0), UUID(int=0))
log = logging.getLogger("registry_api.jobs")


@dataclass
class Worker:
    """One worker; several may run, in one process or many.

    `lease` is how long a dead worker's job waits for the next one; `slots` is how many jobs run at a time, which is for work
    that mostly waits for others.
    """

    database: Database
    storage: Storage
    settings: Settings
    handlers: dict[str, Handler] = field(default_factory=lambda: HANDLERS)
    lanes: Sequence[str] = tuple(LANES)
    slots: int = 1
    poll: float = 0.5
    lease: timedelta = timedelta(seconds=30)
    first_pause: timedelta = timedelta(seconds=5)
    name: str = field(default_factory=lambda: f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:6]}")

    async def run(self) -> None:
        """Work until cancelled; a database that is away for a while is waited for."""
        running: set[asyncio.Task[None]] = set()
        try:
            while True:
                await self._fill(running)
                await self._rest(running)
                running = {task for task in running if not task.done()}
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    async def _fill(self, running: "set[asyncio.Task[None]]") -> None:
        """Begin what is due, as long as there is a slot."""
        try:
            while len(running) < self.slots and (claim := await self._claim()) is not None:
                running.add(asyncio.create_task(self._guarded(claim)))
        except Exception:
            log.exception("worker step failed", extra={"worker": self.name})
            await asyncio.sleep(self.poll * 4)

    async def _rest(self, running: "set[asyncio.Task[None]]") -> None:
        """Until a slot is free, or it is time to look again."""
        if not running:
            await asyncio.sleep(self.poll)
            return
        patience = self.poll if len(running) < self.slots else None
        await asyncio.wait(running, timeout=patience, return_when=asyncio.FIRST_COMPLETED)

    async def _guarded(self, claim: Claim) -> None:
        try:
            await self._carry_out(claim)
        except Exception:
            log.exception("worker step failed", extra={"worker": self.name})
            await asyncio.sleep(self.poll * 4)

    async def drain(self) -> int:
        """Work until nothing is due; how many attempts were made."""
        attempts = 0
        while await self.step():
            attempts += 1
        return attempts

    async def step(self) -> bool:
        """Run one due job, if any."""
        claim = await self._claim()
        if claim is None:
            return False
        await self._carry_out(claim)
        return True

    async def _carry_out(self, claim: Claim) -> None:
        trace = TraceContext(claim.trace_id, new_trace().span_id) if claim.trace_id else new_trace()
        with bound(trace):
            await self._attempt(claim)

    async def _claim(self) -> Claim | None:
        served, now = Kinds.of(self.handlers), utcnow()
        async with self.database.reading(Crossing.JOBS) as session:
            if not await any_due(session, self.lanes, served, now):
                return None
        async with self.database.writing(Crossing.JOBS) as session:
            await bury_exhausted(session, now)
            for lane in self.lanes:
                claim = await claim_next(session, lane, served, self.name, now, self.lease)
                if claim is not None:
                    break
            await UnitOfWork(session, NOBODY).commit()
            return claim

    async def _attempt(self, claim: Claim) -> None:
        job = JobContext(claim, self.database, self.storage, self.settings, self.lease)
        work = asyncio.create_task(self._work(job))
        beating = asyncio.create_task(self._beat(job, work))
        try:
            await work
            log.info("job succeeded", extra=_fields(claim))
        except LeaseLost:
            log.warning("job lost", extra=_fields(claim))
        except asyncio.CancelledError:
            await self._cancelled(claim, work)
        except Exception as error:
            log.exception("job failed", extra=_fields(claim))
            await self._failed(claim, error)
        finally:
            beating.cancel()
            with suppress(asyncio.CancelledError):
                await beating

    async def _work(self, job: JobContext) -> None:
        result = await self.handlers[job.claim.kind].run(job)
        if not job.finished:
            async with job.finishing(result):
                pass

    async def _beat(self, job: JobContext, work: "asyncio.Task[None]") -> None:
        while not work.done():
            await asyncio.sleep(self.lease.total_seconds() / 3)
            try:
                await job.heartbeat()
            except LeaseLost:
                if not job.finished:
                    work.cancel()
                return
            except Exception:
                log.exception("heartbeat failed; the lease stands until it expires", extra=_fields(job.claim))

    async def _cancelled(self, claim: Claim, work: "asyncio.Task[None]") -> None:
        """Told apart: the job was taken from us, or this worker is being stopped and gives the job back unharmed."""
        stopping = asyncio.current_task()
        if stopping is None or not stopping.cancelling():
            log.warning("job taken away", extra=_fields(claim))
            return
        work.cancel()
        await asyncio.wait([work])
        await self._return(claim, {"state": "queued", "run_at": utcnow(), "attempts": claim.attempt - 1})
        raise asyncio.CancelledError

    async def _failed(self, claim: Claim, error: Exception) -> None:
        reason = reason_of(error)[:LONGEST_ERROR]
        now = utcnow()
        if isinstance(error, PermanentFailure) or claim.is_last:
            await self._return(claim, {"state": "dead", "finished_at": now, "last_error": reason})
        else:
            await self._return(claim, {"state": "queued", "run_at": self._next(claim, now), "last_error": reason})

    def _next(self, claim: Claim, now: datetime) -> datetime:
        """When to try again, and once more when it is time to give up."""
        later = now + self._pause(claim)
        return later if claim.give_up_at is None else max(now, min(later, claim.give_up_at))

    def _pause(self, claim: Claim) -> timedelta:
        """Doubling with each attempt, at most an hour, or four for what is tried for days, half of it random so that
        failed jobs do not return as one herd.
        """
        longest = LONGEST_PAUSE if claim.give_up_at is None else LONGEST_PAUSE_OF_DAYS
        doublings = min(claim.attempt - 1, MOST_DOUBLINGS)
        pause = min(self.first_pause * 2**doublings, longest)
        return timedelta(seconds=pause.total_seconds() * random.uniform(0.5, 1))

    async def _return(self, claim: Claim, changes: dict[str, Any]) -> None:
        async with self.database.writing(Crossing.JOBS) as session:
            await give_back(session, claim, changes)
            await UnitOfWork(session, NOBODY).commit()


def _fields(claim: Claim) -> dict[str, Any]:
    return {"job": str(claim.id), "kind": claim.kind, "attempt": claim.attempt}
