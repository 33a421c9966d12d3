"""All SQL about subjects."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from patchbay.core.ids import new_id
from registry_api.db import Repository
from registry_api.db.chunks import chunks
from registry_api.subjects.models import Subject, SubjectErasure


class Subjects(Repository):
    """The persons of one tenant."""

    async def found(self, key_id: str, digests: Sequence[bytes]) -> dict[bytes, UUID]:
        """Subject ids by digest, for those that are known under the key."""
        known: dict[bytes, UUID] = {}
        for part in chunks(digests):
            query = select(Subject.digest, Subject.id).where(
                Subject.tenant_id == self.scope.tenant_id, Subject.key_id == key_id, Subject.digest.in_(part)
            )
            known.update((row[0], row[1]) for row in await self.session.execute(query))
        return known

    async def add(self, key_id: str, digests: Sequence[bytes], now: datetime) -> None:
        """Give each digest a subject of a random id, unless another writer just did."""
        dialect = postgresql if self.session.get_bind().dialect.name == "postgresql" else sqlite
        rows = [
            {"id": new_id(), "tenant_id": self.scope.tenant_id, "recorded_at": now, "key_id": key_id, "digest": digest}
            for digest in digests
        ]
        await self.session.execute(dialect.insert(Subject).on_conflict_do_nothing(), rows)

    async def rekey(self, key_id: str, digests: dict[UUID, bytes]) -> None:
        """Move subjects to another key; their ids stay."""
        table = Subject.__table__
        statement = (
            update(table)
            .where(table.c.id == bindparam("subject"))
            .values(  # type: ignore[arg-type]
                key_id=key_id, digest=bindparam("fresh")
            )
        )
        rows = [{"subject": id, "fresh": digest} for id, digest in digests.items()]
        connection = await self.session.connection()
        await connection.execute(statement, rows)

    async def erase(self, digests: Sequence[tuple[str, bytes]], now: datetime) -> list[UUID]:
        """Delete the subjects with these (key id, digest) pairs and remember only their ids; the ids that were there."""
        erased: list[UUID] = []
        for key_id, digest in digests:
            erased += (await self.found(key_id, [digest])).values()
        await self.session.execute(
            delete(Subject).where(Subject.tenant_id == self.scope.tenant_id, Subject.id.in_(erased))
        )
        self.session.add_all(
            SubjectErasure(tenant_id=self.scope.tenant_id, subject_id=id, recorded_at=now) for id in erased
        )
        return erased

    async def erased_since(self, moment: datetime) -> set[UUID]:
        """Ids erased at or after a moment."""
        query = select(SubjectErasure.subject_id).where(
            SubjectErasure.tenant_id == self.scope.tenant_id, SubjectErasure.recorded_at >= moment
        )
        return set((await self.session.execute(query)).scalars())


def erasure_payload(subject_ids: Sequence[UUID]) -> dict[str, Any]:
    """What the erasing job is told."""
    return {"subject_ids": [str(id) for id in subject_ids]}
