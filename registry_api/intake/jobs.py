"""The jobs of the lake."""

from typing import Any, Literal
from uuid import UUID

from patchbay.core.clock import day_of, utcnow
from registry_api.db import UnitOfWork
from registry_api.db.chunks import chunks
from registry_api.intake.compaction import (
    COMPACT,
    DELETE,
    ERASE,
    MOST_SEGMENTS,
    ask_deletion,
    compact_day,
    delete_files,
    erase_subjects,
    nightly,
    sweep_orphans,
)
from registry_api.intake.repository import Intake
from registry_api.jobs.context import JobContext
from registry_api.jobs.queue import PATIENT
from registry_api.jobs.registry import handler
from registry_api.schemas import Input
from registry_api.subjects.repository import Subjects


class CompactPayload(Input):
    """Which streams to merge, and whether today's segments too; days that are over are the rule."""

    stream: Literal["usage", "statistics"] | None = None
    include_today: bool = False


@handler(COMPACT, requestable=True, payload=CompactPayload, while_suspended=True)
async def compact(job: JobContext) -> dict[str, Any]:
    """Merge each day's segments of the tenant into one, and sweep files that nothing refers to.

    First what was promised and is not done is asked for again, and the next night's job as long as there is such.
    """
    wanted = CompactPayload.model_validate(job.payload)
    async with job.writing() as work:
        await _ask_again(work)
    streams = [wanted.stream] if wanted.stream else ["usage", "statistics"]
    result = {"merged": 0, "made": 0, "swept": 0}
    async with job.reading() as reader:
        days = await reader.repository(Intake).scattered_days(None if wanted.include_today else day_of(utcnow()))
    for stream, day in days:
        if stream in streams:
            merged, made = await compact_day(job, stream, day)
            result["merged"], result["made"] = result["merged"] + merged, result["made"] + made
    for folder in (*streams, "rejects"):
        result["swept"] += await sweep_orphans(job, folder)
    return result


async def _ask_again(work: UnitOfWork) -> None:
    """Jobs for erasures that are not done and for files past their time: those enqueued with the change may have died in an outage."""
    now = utcnow()
    waiting = await work.repository(Intake).undeleted()
    due = [segment.id for segment in waiting if segment.delete_at is None or segment.delete_at <= now]
    for part in chunks(due, MOST_SEGMENTS):
        ask_deletion(work, part, now, dedup_key=f"overdue from {part[0]}")
    erasures = await work.repository(Subjects).open_erasures()
    if erasures:
        work.enqueue(ERASE, {}, dedup_key="overdue", max_attempts=PATIENT)
    if waiting or erasures:
        nightly(work, COMPACT, now)


class SegmentsPayload(Input):
    """Segments by id."""

    segments: list[UUID]


@handler(DELETE, payload=SegmentsPayload, while_suspended=True, owed=True)
async def delete_superseded(job: JobContext) -> dict[str, Any]:
    """Delete the files of superseded segments whose grace is over."""
    return {"deleted": await delete_files(job, SegmentsPayload.model_validate(job.payload).segments)}


@handler(ERASE, while_suspended=True, owed=True)
async def erase(job: JobContext) -> None:
    """Rewrite the segments that name erased subjects, for every erasure that is not done."""
    async with job.reading() as reader:
        # Before the segments are listed: whatever is to be cleaned of these is then among them.
        asked = await reader.repository(Subjects).open_erasures()
    found = await erase_subjects(job, [erasure.subject_id for erasure in asked]) if asked else 0
    async with job.finishing({"segments": found}) as work:
        await work.repository(Subjects).close_erasures(asked, utcnow())
