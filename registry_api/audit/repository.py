"""All SQL that reads the audit log, and what keeps its checkpoints and persons' keys."""

from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, Select, func, select, update

from patchbay.core.audit.merkle import Frontier
from registry_api.audit.models import AuditHead, AuditRecord
from registry_api.audit.personal import SHREDDED, find_keys
from registry_api.audit.unsure import bytes_in, number_in, told_in
from registry_api.db.repository import Repository

BATCH = 1000
"""Records in a stretch. Making rows of what was read holds up the event loop, some 15 µs for each whole record."""

LINK = (AuditRecord.position, bytes_in(AuditRecord.canonical), bytes_in(AuditRecord.hash))
TOLD = (AuditRecord.id, AuditRecord.recorded_at, AuditRecord.actor, AuditRecord.action, AuditRecord.subject)
WHOLE = (*LINK, bytes_in(AuditRecord.previous_hash), *map(told_in, TOLD))


@dataclass(frozen=True, slots=True)
class Head:
    """The newest link of a chain as the head row has it; a number that is none any more is -1, which no chain has."""

    position: int
    hash: bytes
    frontier: bytes
    anchored_size: int
    anchored_frontier: bytes


HEAD = (
    number_in(AuditHead.position),
    bytes_in(AuditHead.hash),
    bytes_in(AuditHead.frontier),
    number_in(AuditHead.anchored_size),
    bytes_in(AuditHead.anchored_frontier),
)


class AuditLog(Repository):
    """The chain of the tenant acted in. Chains are read tenant by tenant, also by platform readers."""

    def records(self) -> Select[Any]:
        """Rows of records, with the owner."""
        return select(*WHOLE, AuditRecord.tenant_id).where(AuditRecord.tenant_id == self.scope.tenant_id)

    async def at_one_moment(self) -> None:
        """Have all of the transaction read what was there at one moment, which on SQLite it does anyway; call it first in one."""
        if self.session.get_bind().dialect.name == "postgresql":
            await self.session.connection(execution_options={"isolation_level": "REPEATABLE READ"})

    async def head(self) -> Head | None:
        """The newest link; None for a tenant without records."""
        found = await self.session.execute(select(*HEAD).where(AuditHead.tenant_id == self.scope.tenant_id))
        row = found.one_or_none()
        return None if row is None else Head(*row)

    async def beyond_head(self) -> int | None:
        """The first position after the one the head names; None when the chain ends there. One statement, so that an
        append at the same moment is seen whole or not at all.
        """
        own = (AuditRecord.tenant_id == self.scope.tenant_id, AuditHead.tenant_id == self.scope.tenant_id)
        query = select(func.min(AuditRecord.position)).where(*own, AuditRecord.position > AuditHead.position)
        return (await self.session.execute(query)).scalar_one()

    async def stream(
        self, through: int, *, after: int = 0, columns: Sequence[Any] = WHOLE
    ) -> AsyncIterator[Sequence[Row[Any]]]:
        """Columns of every record of the chain that is in place, in order of position, in stretches; positions up to
        `after` and beyond `through` are left out.
        """
        while rows := await self.stretch(through, after=after, columns=columns):
            yield rows
            after = rows[-1].position

    async def stretch(self, through: int, *, after: int, columns: Sequence[Any]) -> Sequence[Row[Any]]:
        """The next such stretch; none after the last."""
        own = select(*columns).where(AuditRecord.tenant_id == self.scope.tenant_id, AuditRecord.position <= through)
        ordered = own.where(AuditRecord.position > after).order_by(AuditRecord.position).limit(BATCH)
        return (await self.session.execute(ordered)).all()

    async def moved(self, *, whole: bool) -> Sequence[Row[Any]]:
        """Tenants whose chain has grown since its newest checkpoint, or all that have one, with position and hash of the head
        and whether it has grown; for platform readers.
        """
        grown = AuditHead.position != AuditHead.anchored_size
        query = select(
            AuditHead.tenant_id, number_in(AuditHead.position), bytes_in(AuditHead.hash), grown.label("grown")
        )
        query = query if whole else query.where(grown)
        return (await self.session.execute(query.order_by(AuditHead.tenant_id))).all()

    async def note_anchored(self, tree: Frontier) -> None:
        """Remember the tree of the newest checkpoint, unless there is a newer one."""
        mine = (AuditHead.tenant_id == self.scope.tenant_id, AuditHead.anchored_size < tree.size)
        kept = {"anchored_size": tree.size, "anchored_frontier": tree.stored}
        await self.session.execute(update(AuditHead).where(*mine).values(**kept))

    async def person_keys(self, subjects: Iterable[str], *, whole: bool = True) -> dict[str, bytes]:
        """Keys of persons in the tenant's records; those that were shredded are missing, and unless all must be `whole` those
        that cannot be opened too.
        """
        tenant_id = self.scope.tenant_id
        found = await find_keys(self.session, [(tenant_id, subject) for subject in subjects], whole=whole)
        return {subject: key for (_, subject), key in found.items() if key != SHREDDED}
