"""The way of a columnar batch, the same for every stream.

The order makes the acknowledgement true: rows are judged outside any transaction, the file is made durable under a name of its own,
then one transaction registers key, file and counters together, then the answer leaves. A crash before the commit leaves a file that
nothing refers to; the sender repeats the batch and nothing is doubled.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Protocol
from uuid import UUID

import anyio
import polars as pl
from fastapi import Request, Response

from patchbay.core.clock import day_of, utcnow
from patchbay.core.contracts import Contract
from patchbay.core.ids import new_id
from patchbay.core.storage import Storage
from registry_api.access import Actor
from registry_api.bodies import read_body
from registry_api.db import UnitOfWork
from registry_api.intake.columnar.arrow import parse_arrow
from registry_api.intake.columnar.checks import Check, refuse
from registry_api.intake.columnar.ndjson import parse_ndjson
from registry_api.intake.columnar.parsed import RAW, Parsed
from registry_api.intake.columnar.segments import Place, WrittenSegment, register_segment, stored_table, write_segment
from registry_api.intake.compaction import COMPACT, nightly
from registry_api.intake.errors import EmptyBatch
from registry_api.intake.ledger import Batch, content_digest, register, replayed, required_key
from registry_api.intake.names import Names, NamesRepository, names_of
from registry_api.intake.rejects import GROUP_ROWS, RejectsFile, rejects_key
from registry_api.intake.repository import Intake
from registry_api.intake.schemas import BatchResult
from registry_api.intake.turns import SharedTurns, Turns
from registry_api.problems import FieldError, TruncatedBody, Unavailable, UnsupportedMedia
from registry_api.tenancy.errors import QuotaExceeded
from registry_api.tenancy.metering import Metering
from registry_api.tenancy.plans import Quota

NDJSON, ARROW = "application/x-ndjson", "application/vnd.apache.arrow.stream"
PARALLEL = Turns("columnar_intake", 3)
"""Batches worked on at once in one process; each may hold several times its body in memory."""
HELD = SharedTurns("columnar_bodies", 8, each=2, seconds=10)
"""Bodies read or waiting at once in one process, so that slow senders of one tenant keep nobody else out."""
BODY_SECONDS = 120


class Stream(Protocol):
    """What a kind of columnar batch adds to the common way."""

    name: str
    metered: Quota | None
    """What its rows are counted as beside the bytes they take."""
    wire: Contract
    stored: Contract
    time_column: str

    def checks(self, now: datetime) -> list[Check]:
        """Rules that need nothing but the row."""

    def resolve(self, frame: pl.DataFrame, names: Names) -> tuple[pl.DataFrame, list[Check]]:
        """The frame with ids beside names, and the rules about names that are not known."""

    def distinct(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The rows without repeats inside the batch."""

    async def prepare(self, actor: Actor, request: Request, frame: pl.DataFrame) -> pl.DataFrame:
        """The frame with what has to be looked up in the database, or stored there, before the file is written."""

    def shape(self, frame: pl.DataFrame, tenant_id: UUID) -> pl.DataFrame:
        """The stored contract's columns, sorted by time."""

    def tally(self, stored: pl.DataFrame, started: datetime) -> pl.DataFrame:
        """What `effect` adds up, computed before the transaction."""

    async def effect(self, work: UnitOfWork, stored: pl.DataFrame, tally: pl.DataFrame, started: datetime) -> None:
        """What else changes in the registering transaction."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A batch after all rules: good rows, refused rows, and the counts."""

    good: pl.DataFrame
    rejects: RejectsFile
    received: int
    duplicates: int

    def result(self, batch: Batch) -> BatchResult:
        """The answer when the batch takes effect."""
        return BatchResult(
            batch_id=batch.key,
            stream=batch.stream,
            received=self.received,
            accepted=self.good.height,
            duplicates=self.duplicates,
            rejected=self.rejects.rows,
            rejects=self.rejects.first,
        )


@dataclass(frozen=True, slots=True)
class Written:
    """What lies in the lake before the transaction: a segment unless all was refused, rejects if there are any."""

    stored: pl.DataFrame
    tally: pl.DataFrame
    segment: WrittenSegment | None
    rejects_path: str | None
    rejects_bytes: int = 0

    @property
    def bytes(self) -> int:
        """What both files take."""
        return self.rejects_bytes + (self.segment.bytes if self.segment else 0)

    def discard(self, storage: Storage) -> None:
        """Remove files that a lost race made garbage."""
        for path in (self.segment.path if self.segment else None, self.rejects_path):
            if path is not None:
                storage.delete(path)


async def receive(stream: Stream, request: Request, response: Response, actor: Actor, key: str | None) -> BatchResult:
    """Take one batch: 201 with its result, or 200 with the stored one when the key is known.

    Raises `Unavailable`, before the body is read, when too many others are on their way.
    """
    batch_key, kind = required_key(key), columnar_kind(request)
    async with HELD.taken(actor.principal.tenant_id):
        body = await whole_body(request)
        batch = Batch(stream.name, batch_key, await anyio.to_thread.run_sync(content_digest, body))
        async with actor.reading() as reader:
            result = await replayed(reader, batch)
        if result is None:
            async with PARALLEL.limiter:
                result = await _take(stream, request, actor, batch, partial(parse_columnar, body, kind, stream.wire))
    if not result.replayed:
        counts = {"accepted": result.accepted, "duplicates": result.duplicates, "rejected": result.rejected}
        request.app.state.metrics.count_intake(stream.name, **counts)
    response.status_code = 200 if result.replayed else 201
    return result


async def whole_body(request: Request) -> bytes:
    """The whole body; raises `TruncatedBody` for one that is too slow in coming, as it keeps others waiting."""
    try:
        with anyio.fail_after(BODY_SECONDS):
            body = await read_body(request, request.app.state.settings.max_body_bytes)
    except TimeoutError as error:
        raise TruncatedBody(f"The body did not come within {BODY_SECONDS} s. Send it in smaller batches.") from error
    if not body.strip():
        raise EmptyBatch("The body is empty; send at least one row.")
    return body


def columnar_kind(request: Request) -> str:
    """NDJSON or ARROW; raises `UnsupportedMedia` for anything else."""
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind not in (NDJSON, ARROW):
        detail = f"Send {NDJSON} or {ARROW}, not {kind or 'nothing'}."
        raise UnsupportedMedia(detail, errors=[FieldError("Content-Type", "unsupported_media", detail)])
    return kind


def parse_columnar(body: bytes, kind: str, contract: Contract, limit: int) -> Iterator[Parsed]:
    """The pieces of a body of either form."""
    return parse_ndjson(body, contract) if kind == NDJSON else parse_arrow(body, contract, limit)


async def _take(
    stream: Stream, request: Request, actor: Actor, batch: Batch, parse: Callable[[int], Iterator[Parsed]]
) -> BatchResult:
    started, tenant_id = utcnow(), actor.principal.tenant_id
    storage: Storage = request.app.state.storage
    async with actor.reading() as reader:
        await reader.repository(Metering).require(Quota.STORAGE, *([stream.metered] if stream.metered else []))
        names = await names_of(reader, actor.database)
    limit = request.app.state.settings.max_body_bytes
    judged = await anyio.to_thread.run_sync(lambda: _judge(stream, parse(limit), names, started))
    good = await stream.prepare(actor, request, judged.good)
    written = await anyio.to_thread.run_sync(
        lambda: _write(stream, storage, batch, tenant_id, good, judged.rejects, started)
    )
    try:
        async with actor.writing() as work:
            await work.repository(Intake).take_turn(stream.name)
            result = await replayed(work, batch)
            if result is None:
                result = judged.result(batch)
                await _register(stream, work, batch, result, written, started)
    except QuotaExceeded:
        await anyio.to_thread.run_sync(written.discard, storage)
        raise
    if result.replayed:
        await anyio.to_thread.run_sync(written.discard, storage)
    return result


def _judge(stream: Stream, batch: Iterator[Parsed], names: Names, now: datetime) -> Judged:
    received, good, rejects = 0, list[pl.DataFrame](), RejectsFile()
    for piece in batch:
        received += piece.received
        good.append(_judge_piece(stream, piece, names, now, rejects))
    if received == 0:
        raise EmptyBatch("The batch has no row; send at least one.")
    frame = pl.concat(good)
    distinct = stream.distinct(frame)
    return Judged(distinct, rejects, received, frame.height - distinct.height)


def _judge_piece(stream: Stream, piece: Parsed, names: Names, now: datetime, rejects: RejectsFile) -> pl.DataFrame:
    """The good rows; the others go to `rejects`, what was received written out for a group at a time."""
    frame, faults = refuse(piece.frame, [*piece.checks, *stream.checks(now)])
    frame, unknown = refuse(*stream.resolve(frame, names))
    found = pl.concat([piece.faults, faults, unknown]).sort("row_index")
    for group in found.iter_slices(GROUP_ROWS):
        rejects.add(group.with_columns(row=piece.shown(group["row_index"])))
    return frame.drop([name for name in frame.columns if name.startswith(RAW)])


def _write(
    stream: Stream,
    storage: Storage,
    batch: Batch,
    tenant_id: UUID,
    good: pl.DataFrame,
    rejects: RejectsFile,
    started: datetime,
) -> Written:
    segment, path, rejects_bytes = None, None, 0
    stored = stream.shape(good, tenant_id)
    if stored.height:
        place = Place(new_id(), stream.name, tenant_id, day_of(utcnow()))
        segment = write_segment(storage, stored_table(stored, stream.stored), place, stream.time_column)
    if rejects.rows:
        path = rejects_key(tenant_id, batch.id)
        rejects_bytes = rejects.store(storage, path)
    return Written(stored, stream.tally(stored, started), segment, path, rejects_bytes)


async def _register(
    stream: Stream, work: UnitOfWork, batch: Batch, result: BatchResult, written: Written, started: datetime
) -> None:
    plugins = written.stored["plugin_id"].drop_nulls().unique()
    if not await work.repository(NamesRepository).hold([UUID(id) for id in plugins]):
        raise Unavailable(
            "A plugin that the batch names was deleted while it was judged. Send it again to be told which rows."
        )
    await register(work, batch, result, written.rejects_path)
    nightly(work, COMPACT, started)
    amounts = {Quota.STORAGE: written.bytes, **({stream.metered: result.accepted} if stream.metered else {})}
    await work.repository(Metering).add(amounts)
    if written.segment is not None:
        await register_segment(work, written.segment, work.principal.tenant_id, batch.id, "added")
        await stream.effect(work, written.stored, written.tally, started)
