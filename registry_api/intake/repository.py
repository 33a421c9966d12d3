"""All SQL of the intake: the ledger, the register of segments, and the turn writers of one stream take."""

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

import orjson
from sqlalchemy import Select, func, or_, select, update

from registry_api.db import Repository
from registry_api.db.chunks import chunks
from registry_api.db.turns import take_turn
from registry_api.feeds.models import OutboxRow
from registry_api.intake.models import IntakeBatch, Segment

PAGE = 5_000
"""Feed rows read at a time."""
LAST_SEQ = 2**63 - 1


class Intake(Repository):
    """The batches and segments a scope may see."""

    async def take_turn(self, stream: str) -> None:
        """Wait until no other transaction writes this tenant's stream; SQLite has one writer anyway.

        What is decided on reads that follow (is this batch known, which names exist) then still holds at the commit.
        """
        await take_turn(self.session, f"{stream}:{self.scope.tenant_id}")

    async def find(self, stream: str, batch_id: str) -> IntakeBatch | None:
        """The tenant's own batch of that key, if it was acknowledged."""
        query = select(IntakeBatch).where(
            IntakeBatch.tenant_id == self.scope.tenant_id,
            IntakeBatch.stream == stream,
            IntakeBatch.batch_id == batch_id,
        )
        return (await self.session.execute(query)).scalar_one_or_none()

    async def named(self, batch: str, stream: str | None) -> Sequence[IntakeBatch]:
        """Visible batches with that id or idempotency key, the tenant's own if there are any; several when several streams used one key."""
        query = self.owned(IntakeBatch)
        try:
            query = query.where(or_(IntakeBatch.batch_id == batch, IntakeBatch.id == UUID(batch)))
        except ValueError:
            query = query.where(IntakeBatch.batch_id == batch)
        if stream is not None:
            query = query.where(IntakeBatch.stream == stream)
        others = (IntakeBatch.tenant_id != self.scope.tenant_id).asc()
        found = (await self.session.execute(query.order_by(others, IntakeBatch.id).limit(10))).scalars().all()
        return [batch for batch in found if batch.tenant_id == self.scope.tenant_id] or found

    def batches(self) -> Select[tuple[IntakeBatch]]:
        """Visible batches."""
        return self.owned(IntakeBatch)

    async def live_segments(self, stream: str, received_on: date | None = None) -> Sequence[Segment]:
        """The tenant's segments that count, oldest first."""
        query = select(Segment).where(
            Segment.tenant_id == self.scope.tenant_id, Segment.stream == stream, Segment.retired_at.is_(None)
        )
        if received_on is not None:
            query = query.where(Segment.received_on == received_on)
        return (await self.session.execute(query.order_by(Segment.id))).scalars().all()

    async def in_feed_order(self, segments: Sequence[Segment]) -> Sequence[Segment]:
        """The tenant's segments by the feed position of the oldest one that each descends from.

        Readers count equal events in that order. Ids say when a file was begun: of two batches at once the second may commit first.
        """
        youngest = {str(segment.id): segment.id for segment in segments}
        oldest: dict[UUID, int] = {}
        below = LAST_SEQ
        while youngest:
            page = await self._announced(below)
            for seq, line in page:
                row = orjson.loads(line)
                if row["op"] == "added" and row["id"] in youngest:
                    descendant = youngest.pop(row["id"])
                    oldest[descendant] = seq
                    youngest |= dict.fromkeys(row["replaces"], descendant)
            below = page[-1][0]
        return sorted(segments, key=lambda segment: oldest[segment.id])

    async def _announced(self, below: int) -> Sequence[tuple[int, str]]:
        """Rows of the tenant's segments feed below a position, newest first, as many as a page; LookupError for none."""
        own = (OutboxRow.feed == "segments", OutboxRow.tenant_id == self.scope.tenant_id, OutboxRow.seq < below)
        query = select(OutboxRow.seq, OutboxRow.line).where(*own).order_by(OutboxRow.seq.desc()).limit(PAGE)
        rows = [(row.seq, row.line) for row in await self.session.execute(query)]
        if not rows:
            raise LookupError(f"the feed announces no segments below {below}, yet the register has some")
        return rows

    async def segment(self, segment_id: UUID) -> Segment | None:
        """A visible segment."""
        return (await self.session.execute(self.owned(Segment).where(Segment.id == segment_id))).scalar_one_or_none()

    async def kept_segments(self, stream: str) -> Sequence[Segment]:
        """The tenant's segments whose files are there, superseded ones too, oldest first."""
        query = select(Segment).where(
            Segment.tenant_id == self.scope.tenant_id, Segment.stream == stream, Segment.deleted_at.is_(None)
        )
        return (await self.session.execute(query.order_by(Segment.id))).scalars().all()

    async def scattered_days(self, before: date | None) -> Sequence[tuple[str, date]]:
        """Stream and day of reception wherever a day, before `before` if given, lies in more than one segment."""
        query = select(Segment.stream, Segment.received_on).where(
            Segment.tenant_id == self.scope.tenant_id, Segment.retired_at.is_(None)
        )
        if before is not None:
            query = query.where(Segment.received_on < before)
        grouped = query.group_by(Segment.stream, Segment.received_on).having(func.count() > 1)
        ordered = grouped.order_by(Segment.received_on, Segment.stream)
        return [(row[0], row[1]) for row in await self.session.execute(ordered)]

    async def retire(self, segments: Sequence[UUID], now: datetime, delete_at: datetime) -> bool:
        """Mark segments as superseded if all of them still count, else none."""
        live = select(func.count()).where(Segment.id.in_(segments), Segment.retired_at.is_(None))
        if (await self.session.execute(live)).scalar() != len(segments):
            return False
        await self.session.execute(
            update(Segment).where(Segment.id.in_(segments)).values(retired_at=now, delete_at=delete_at)
        )
        return True

    async def hasten(self, segment_id: UUID, delete_at: datetime) -> None:
        """Let a superseded segment's file go sooner."""
        later = (Segment.id == segment_id, Segment.delete_at > delete_at)
        await self.session.execute(update(Segment).where(*later).values(delete_at=delete_at))

    async def undeleted(self) -> Sequence[Segment]:
        """The tenant's superseded segments whose files are there, oldest first."""
        own = (Segment.tenant_id == self.scope.tenant_id, Segment.retired_at.is_not(None), Segment.deleted_at.is_(None))
        return (await self.session.execute(select(Segment).where(*own).order_by(Segment.id))).scalars().all()

    async def deletable(self, segments: Sequence[UUID]) -> Sequence[Segment]:
        """Those of the segments that are superseded and whose file is there."""
        query = self.owned(Segment).where(
            Segment.id.in_(segments), Segment.retired_at.is_not(None), Segment.deleted_at.is_(None)
        )
        return (await self.session.execute(query)).scalars().all()

    async def mark_deleted(self, segments: Sequence[UUID], now: datetime) -> None:
        """Note that the files are gone."""
        await self.session.execute(update(Segment).where(Segment.id.in_(segments)).values(deleted_at=now))

    async def known_paths(self, paths: Sequence[str]) -> set[str]:
        """Which of the paths are registered, as a segment's or as a batch's rejects."""
        known: set[str] = set()
        own = IntakeBatch.tenant_id == self.scope.tenant_id
        for part in chunks(paths):
            segments = select(Segment.path).where(Segment.path.in_(part))
            rejects = select(IntakeBatch.rejects_path).where(own, IntakeBatch.rejects_path.in_(part))
            known.update((await self.session.execute(segments.union(rejects))).scalars())
        return known
