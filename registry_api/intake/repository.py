"""All SQL of the intake: the ledger, the register of segments, and the turn writers of one stream take."""

import hashlib
from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import Select, func, or_, select, text, update

from registry_api.db import Repository
from registry_api.db.chunks import chunks
from registry_api.intake.models import IntakeBatch, Segment


class Intake(Repository):
    """The batches and segments a scope may see."""

    async def take_turn(self, stream: str) -> None:
        """Wait until no other transaction writes this tenant's stream; SQLite has one writer anyway.

        What is decided on reads that follow (is this batch known, which names exist) then still holds at the commit.
        """
        if self.session.get_bind().dialect.name == "postgresql":
            name = f"{stream}:{self.scope.tenant_id}".encode()
            key = int.from_bytes(hashlib.sha256(name).digest()[:8], "big", signed=True)
            await self.session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": key})

    async def find(self, stream: str, batch_id: str) -> IntakeBatch | None:
        """The tenant's own batch of that key, if it was acknowledged."""
        query = select(IntakeBatch).where(
            IntakeBatch.tenant_id == self.scope.tenant_id,
            IntakeBatch.stream == stream,
            IntakeBatch.batch_id == batch_id,
        )
        return (await self.session.execute(query)).scalar_one_or_none()

    async def named(self, batch: str, stream: str | None) -> Sequence[IntakeBatch]:
        """Visible batches with that id or idempotency key; several when several streams used one key."""
        query = self.owned(IntakeBatch)
        try:
            query = query.where(or_(IntakeBatch.batch_id == batch, IntakeBatch.id == UUID(batch)))
        except ValueError:
            query = query.where(IntakeBatch.batch_id == batch)
        if stream is not None:
            query = query.where(IntakeBatch.stream == stream)
        return (await self.session.execute(query.limit(10))).scalars().all()

    def batches(self, stream: str | None) -> Select[tuple[IntakeBatch]]:
        """Visible batches."""
        query = self.owned(IntakeBatch)
        return query if stream is None else query.where(IntakeBatch.stream == stream)

    async def live_segments(self, stream: str, received_on: date | None = None) -> Sequence[Segment]:
        """The tenant's segments that count, oldest first."""
        query = select(Segment).where(
            Segment.tenant_id == self.scope.tenant_id, Segment.stream == stream, Segment.retired_at.is_(None)
        )
        if received_on is not None:
            query = query.where(Segment.received_on == received_on)
        return (await self.session.execute(query.order_by(Segment.id))).scalars().all()

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

    async def retire(self, segments: Sequence[UUID], now: datetime) -> bool:
        """Mark segments as superseded if all of them still count, else none."""
        live = select(func.count()).where(Segment.id.in_(segments), Segment.retired_at.is_(None))
        if (await self.session.execute(live)).scalar() != len(segments):
            return False
        await self.session.execute(update(Segment).where(Segment.id.in_(segments)).values(retired_at=now))
        return True

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
