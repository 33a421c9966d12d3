"""All SQL about subjects."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from patchbay.core.ids import new_id
from registry_api.db import Repository
from registry_api.db.chunks import chunks
from registry_api.subjects.models import Subject, SubjectErasure

_FIND_SQLITE = "SELECT digest, id FROM subjects WHERE tenant_id = ? AND key_id = ? AND digest IN ({})"
_FIND_POSTGRES = "SELECT digest, id FROM subjects WHERE tenant_id = $1 AND key_id = $2 AND digest = ANY($3::bytea[])"


class Subjects(Repository):
    """The persons of one tenant."""

    async def found(self, key_id: str, digests: Sequence[bytes]) -> dict[bytes, str]:
        """Subject ids by digest, for those that are known under the key.

        Asked of the driver directly: a batch can name tens of thousands of people, and types cost more than the lookup.
        """
        connection = await self.session.connection()
        if connection.dialect.name == "postgresql":
            found = await connection.exec_driver_sql(_FIND_POSTGRES, (self.scope.tenant_id, key_id, list(digests)))
            return {row[0]: str(row[1]) for row in found}
        known: dict[bytes, str] = {}
        for part in chunks(digests):
            query = _FIND_SQLITE.format(", ".join("?" * len(part)))
            for digest, id in await connection.exec_driver_sql(query, (self.scope.tenant_id.hex, key_id, *part)):
                known[digest] = f"{id[:8]}-{id[8:12]}-{id[12:16]}-{id[16:20]}-{id[20:]}"
        return known

    async def add(self, key_id: str, digests: Sequence[bytes], now: datetime) -> None:
        """Give each digest a subject of a random id, unless another writer just did."""
        dialect = postgresql if self.session.get_bind().dialect.name == "postgresql" else sqlite
        rows = [
            {"id": new_id(), "tenant_id": self.scope.tenant_id, "recorded_at": now, "key_id": key_id, "digest": digest}
            for digest in digests
        ]
        # The table, not the mapped class: the mapper would take several times as long over a batch of strangers.
        connection = await self.session.connection()
        await connection.execute(dialect.insert(Subject.__table__).on_conflict_do_nothing(), rows)

    async def rekey(self, key_id: str, digests: dict[str, bytes]) -> None:
        """Move subjects to another key; their ids stay. In the order of ids, so that two writers never deadlock."""
        rows = [{"id": UUID(id), "key_id": key_id, "digest": digest} for id, digest in sorted(digests.items())]
        await self.session.execute(update(Subject), rows)

    async def erase(self, digests: Sequence[tuple[str, bytes]], now: datetime) -> list[UUID]:
        """Delete the subjects with these (key id, digest) pairs and remember only their ids.

        The ids that were there.
        """
        erased: list[UUID] = []
        for key_id, digest in digests:
            erased += [UUID(id) for id in (await self.found(key_id, [digest])).values()]
        await self.session.execute(
            delete(Subject).where(Subject.tenant_id == self.scope.tenant_id, Subject.id.in_(erased))
        )
        self.ask_erasures(erased, now)
        return erased

    def ask_erasures(self, subject_ids: Sequence[UUID], now: datetime) -> None:
        """Note that the files written until now are to be cleaned of the subjects."""
        self.session.add_all(
            SubjectErasure(tenant_id=self.scope.tenant_id, subject_id=id, recorded_at=now) for id in subject_ids
        )

    async def open_erasures(self) -> Sequence[SubjectErasure]:
        """Those of the tenant that are not done."""
        undone = (SubjectErasure.tenant_id == self.scope.tenant_id, SubjectErasure.done_at.is_(None))
        return (await self.session.execute(select(SubjectErasure).where(*undone))).scalars().all()

    async def close_erasures(self, erasures: Sequence[SubjectErasure], now: datetime) -> None:
        """Note that they are done."""
        for part in chunks([erasure.id for erasure in erasures]):
            await self.session.execute(update(SubjectErasure).where(SubjectErasure.id.in_(part)).values(done_at=now))

    async def erased_since(self, moment: datetime) -> set[UUID]:
        """Ids erased at or after a moment."""
        query = select(SubjectErasure.subject_id).where(
            SubjectErasure.tenant_id == self.scope.tenant_id, SubjectErasure.recorded_at >= moment
        )
        return set((await self.session.execute(query)).scalars())
