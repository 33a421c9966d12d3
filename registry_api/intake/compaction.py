"""Superseding segments: merging small ones, rewriting those with an erased person, deleting what is past its time.

Segments are immutable. A new generation is written beside the old ones; one transaction makes it count (`added`, naming what it
replaces) and ends the old ones (`replaced` or `erased`). Old files stay for a while, for readers that are behind.
"""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from uuid import UUID

import anyio
import polars as pl

from patchbay.core.clock import utcnow
from patchbay.core.contracts import Contract
from patchbay.core.contracts.intake import STATISTIC_SEGMENT, USAGE_SEGMENT
from patchbay.core.storage import Storage
from registry_api.db import UnitOfWork
from registry_api.intake.columnar.segments import (
    Place,
    WrittenSegment,
    read_segment,
    register_segment,
    segment_row,
    stored_table,
    superseding_id,
    write_segment,
)
from registry_api.intake.models import Segment
from registry_api.intake.repository import Intake
from registry_api.jobs.context import JobContext
from registry_api.jobs.queue import PATIENT
from registry_api.tenancy.metering import Metering
from registry_api.tenancy.plans import Quota

MOST_ROWS = 1_000_000
"""Rows of a merged file: it is sorted in memory, and the API stays below 2 GiB."""

MOST_SEGMENTS = 1_000
"""Files merged into one, named in one statement, one feed row and one job; a day of more is merged in steps, night by night."""

REPLACED_GRACE = timedelta(days=7)
ERASED_GRACE = timedelta(hours=1)
ORPHAN_AGE = timedelta(days=1)
DELETE = "segments.delete"
COMPACT = "usage.compact"
ERASE = "subjects.erase"

STREAMS: dict[str, tuple[Contract, str]] = {"usage": (USAGE_SEGMENT, "at"), "statistics": (STATISTIC_SEGMENT, "period")}
"""File contract and time column by stream."""


async def compact_day(job: JobContext, stream: str, day: date) -> tuple[int, int]:
    """Merge the tenant's segments received on a day; how many were merged into how many."""
    async with job.reading() as reader:
        intake = reader.repository(Intake)
        segments = await intake.live_segments(stream, day)
        if sum(sorted(segment.rows for segment in segments)[:2]) > MOST_ROWS:
            return 0, 0  # no two fit one file: a day of large ones need not be looked up every night
        segments = await intake.in_feed_order(segments)
    merged, made = 0, 0
    for run in _runs(segments):
        if await _merge(job, stream, run):
            merged, made = merged + len(run), made + 1
    return merged, made


def _runs(segments: Sequence[Segment]) -> Iterator[list[Segment]]:
    """Neighbours that fit one file, in the given order; a segment left alone stays as it is."""
    run: list[Segment] = []
    rows = 0
    for segment in segments:
        if run and (rows + segment.rows > MOST_ROWS or len(run) == MOST_SEGMENTS):
            yield from [run] if len(run) > 1 else []
            run, rows = [], 0
        run.append(segment)
        rows += segment.rows
    yield from [run] if len(run) > 1 else []


async def _merge(job: JobContext, stream: str, run: list[Segment]) -> bool:
    place = _place(run)
    written = await anyio.to_thread.run_sync(_write_merged, job.storage, stream, [s.path for s in run], place)
    return await supersede(job, written, run, "replaced")


def _place(old: Sequence[Segment]) -> Place:
    first = old[0]
    return Place(
        id=superseding_id(first.id),
        stream=first.stream,
        tenant_id=first.tenant_id,
        received_on=first.received_on,
        generation=max(segment.generation for segment in old) + 1,
        replaces=tuple(segment.id for segment in old),
    )


def _write_merged(storage: Storage, stream: str, paths: Sequence[str], place: Place) -> WrittenSegment:
    contract, time_column = STREAMS[stream]
    frames = [read_segment(storage, path).sort("row_index") for path in paths]
    # Numbered anew over the files in the feed's order: whoever keeps the first of equal events, or the last, keeps the same one.
    merged = pl.concat(frames).with_columns(row_index=pl.int_range(pl.len(), dtype=pl.Int64))
    return write_segment(
        storage, stored_table(merged.sort(time_column, maintain_order=True), contract), place, time_column
    )


async def supersede(job: JobContext, written: WrittenSegment, old: Sequence[Segment], op: str) -> bool:
    """Make a written file count instead of `old`; False, and the file discarded, when some of those no longer count."""
    ids = [segment.id for segment in old]
    async with job.writing() as work:
        intake = work.repository(Intake)
        await intake.take_turn(written.stream)
        delete_at = utcnow() + (REPLACED_GRACE if op == "replaced" else ERASED_GRACE)
        current = await intake.retire(ids, utcnow(), delete_at)
        if current:
            freed = sum(segment.bytes for segment in old) - written.bytes
            await work.repository(Metering).free({Quota.STORAGE: freed})
            await register_segment(work, written, job.tenant_id, old[0].batch_id if len(old) == 1 else None, "added")
            for segment in old:
                row = segment_row(segment, segment.replaces)
                work.publish("segments", op, segment.id, row, tenant_id=job.tenant_id)
            work.audit(
                f"{written.stream}.segments_{op}", f"segment:{written.id}", {"replaces": [str(id) for id in ids]}
            )
            ask_deletion(work, ids, delete_at)
    if not current:
        await anyio.to_thread.run_sync(job.storage.delete, written.path)
    return current


async def erase_subjects(job: JobContext, subject_ids: Sequence[UUID]) -> int:
    """Rewrite every usage segment of the tenant that names one of the subjects; how many files did."""
    wanted = [str(subject_id) for subject_id in subject_ids]
    async with job.reading() as reader:
        segments = await reader.repository(Intake).kept_segments("usage")
    found = 0
    for segment in segments:
        if not await anyio.to_thread.run_sync(_names_any, job.storage, segment.path, wanted):
            continue
        found += 1
        if segment.retired_at is None:
            place = _place([segment])
            written = await anyio.to_thread.run_sync(_write_erased, job.storage, segment.path, wanted, place)
            if not await supersede(job, written, [segment], "erased"):
                raise SegmentMoved(f"segment {segment.id} was superseded meanwhile; the job starts over")
        else:
            async with job.writing() as work:
                delete_at = utcnow() + ERASED_GRACE
                await work.repository(Intake).hasten(segment.id, delete_at)
                ask_deletion(work, [segment.id], delete_at)
    return found


class SegmentMoved(Exception):
    """A segment was merged while its erasure was being written; a repeat of the job finds the new file."""


def _names_any(storage: Storage, path: str, subject_ids: list[str]) -> bool:
    return bool(read_segment(storage, path, ["subject_id"])["subject_id"].is_in(subject_ids).any())


def _write_erased(storage: Storage, path: str, subject_ids: list[str], place: Place) -> WrittenSegment:
    contract, time_column = STREAMS["usage"]
    subject = pl.col("subject_id")
    frame = read_segment(storage, path).with_columns(
        pl.when(subject.is_in(subject_ids).not_()).then(subject).alias("subject_id")
    )
    return write_segment(storage, stored_table(frame, contract), place, time_column)


async def delete_files(job: JobContext, segment_ids: Sequence[UUID]) -> int:
    """Delete the files of superseded segments; how many were still there."""
    async with job.reading() as reader:
        segments = await reader.repository(Intake).deletable(segment_ids)
    for segment in segments:
        await anyio.to_thread.run_sync(job.storage.delete, segment.path)
    async with job.writing() as work:
        await work.repository(Intake).mark_deleted([segment.id for segment in segments], utcnow())
    return len(segments)


async def sweep_orphans(job: JobContext, folder: str) -> int:
    """Delete the tenant's files in a folder of the lake that no transaction registered, a day after they were written; how many."""
    young = int((utcnow() - ORPHAN_AGE).timestamp() * 1000)
    paths = await anyio.to_thread.run_sync(lambda: list(job.storage.list(f"lake/{folder}/{job.tenant_id}")))
    old = [path for path in paths if _written_at(path) < young]
    async with job.reading() as reader:
        known = await reader.repository(Intake).known_paths(old)
    orphans = [path for path in old if path not in known]
    for path in orphans:
        await anyio.to_thread.run_sync(job.storage.delete, path)
    return len(orphans)


def ask_deletion(work: UnitOfWork, ids: Sequence[UUID], run_at: datetime, dedup_key: str | None = None) -> None:
    """Have the files of superseded segments deleted."""
    payload = {"segments": [str(id) for id in ids]}
    work.enqueue(DELETE, payload, run_at=run_at, dedup_key=dedup_key, max_attempts=PATIENT)


def nightly(work: UnitOfWork, kind: str, now: datetime) -> None:
    """Have a job done once in the night that follows, half an hour after the day's end; last night's may still be running."""
    night = now.replace(hour=0, minute=30, second=0, microsecond=0) + timedelta(days=1)
    work.enqueue(kind, {}, dedup_key=f"night of {night:%Y-%m-%d}", run_at=night)


def _written_at(path: str) -> int:
    """Unix milliseconds, which a file's id begins with."""
    return UUID(path.rsplit("/", 1)[-1].removesuffix(".parquet")).int >> 80
