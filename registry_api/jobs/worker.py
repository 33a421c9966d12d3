"""The worker: claims due jobs, runs their handlers under a lease, retries with growing pauses, and gives up in the
open.
"""

import asyncio
import logging
import os
import random
import socket
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from patchbay.core.clock import utcnow
from patchbay.core.settings import Settings
from patchbay.core.storage import Storage
from patchbay.core.telemetry import TraceContext, bound, new_trace, redact
from registry_api.db import Database, UnitOfWork, system_principal
from registry_api.jobs.context import Claim, JobContext
from registry_api.jobs.errors import LeaseLost, PermanentFailure
from registry_api.jobs.registry import HANDLERS, Handler
from registry_api.jobs.repository import any_due, bury_exhausted, claim_next, give_back

LONGEST_PAUSE = timedelta(hours=1)
LONGEST_ERROR = 2000
NOBODY = system_principal(UUID(int=0), UUID(int=0))
log = logging.getLogger("registry_api.jobs")


@dataclass
class Worker:
    """One worker; several may run, in one process or many.

    `lease` is how long a dead worker's job waits for the next one.
    """

    database: Database
    storage: Storage
    settings: Settings
    handlers: dict[str, Handler] = field(default_factory=lambda: HANDLERS)
    poll: float = 0.5
    lease: timedelta = timedelta(seconds=30)
    first_pause: timedelta = timedelta(seconds=5)
    name: str = field(default_factory=lambda: f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:6]}")

    async def run(self) -> None:
        """Work until cancelled; a database that is away for a while is waited for."""
        while True:
            try:
                if not await self.step():
                    await asyncio.sleep(self.poll)
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
        trace = TraceContext(claim.trace_id, new_trace().span_id) if claim.trace_id else new_trace()
        with bound(trace):
            await self._attempt(claim)
        return True

    async def _claim(self) -> Claim | None:
        kinds, now = sorted(self.handlers), utcnow()
        async with self.database.reading() as session:
            if not await any_due(session, kinds, now):
                return None
        async with self.database.writing() as session:
            await bury_exhausted(session, now)
            claim = await claim_next(session, kinds, self.name, now, self.lease)
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
        reason = redact(f"{type(error).__name__}: {error}")[:LONGEST_ERROR]
        now = utcnow()
        if isinstance(error, PermanentFailure) or claim.attempt >= claim.max_attempts:
            await self._return(claim, {"state": "dead", "finished_at": now, "last_error": reason})
        else:
            await self._return(claim, {"state": "queued", "run_at": now + self._pause(claim), "last_error": reason})

    def _pause(self, claim: Claim) -> timedelta:
        """Doubling with each attempt, at most an hour, half of it random so that failed jobs do not return as one
        herd.
        """
        pause = min(self.first_pause * 2 ** (claim.attempt - 1), LONGEST_PAUSE)
        return timedelta(seconds=pause.total_seconds() * random.uniform(0.5, 1))

    async def _return(self, claim: Claim, changes: dict[str, Any]) -> None:
        async with self.database.writing() as session:
            await give_back(session, claim, changes)
            await UnitOfWork(session, NOBODY).commit()


def _fields(claim: Claim) -> dict[str, Any]:
    return {"job": str(claim.id), "kind": claim.kind, "attempt": claim.attempt}
