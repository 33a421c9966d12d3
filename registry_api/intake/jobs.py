"""The jobs of the lake."""

from typing import Any, Literal
from uuid import UUID

from patchbay.core.clock import day_of, utcnow
from registry_api.intake.compaction import COMPACT, DELETE, compact_day, delete_files, erase_subjects, sweep_orphans
from registry_api.intake.repository import Intake
from registry_api.jobs.context import JobContext
from registry_api.jobs.registry import handler
from registry_api.schemas import Input


class CompactPayload(Input):
    """Which streams to merge, and whether today's segments too; days that are over are the rule."""

    stream: Literal["usage", "statistics"] | None = None
    include_today: bool = False


@handler(COMPACT, requestable=True, payload=CompactPayload)
async def compact(job: JobContext) -> dict[str, Any]:
    """Merge each day's segments of the tenant into one, and sweep files that nothing refers to."""
    wanted = CompactPayload.model_validate(job.payload)
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


class SegmentsPayload(Input):
    """Segments by id."""

    segments: list[UUID]


@handler(DELETE, payload=SegmentsPayload)
async def delete_superseded(job: JobContext) -> dict[str, Any]:
    """Delete the files of superseded segments whose grace is over."""
    return {"deleted": await delete_files(job, SegmentsPayload.model_validate(job.payload).segments)}


class SubjectsPayload(Input):
    """Subjects by id."""

    subject_ids: list[UUID]


@handler("subjects.erase", payload=SubjectsPayload)
async def erase(job: JobContext) -> dict[str, Any]:
    """Rewrite the segments that name erased subjects."""
    return {"segments": await erase_subjects(job, SubjectsPayload.model_validate(job.payload).subject_ids)}
