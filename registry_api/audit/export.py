"""A tenant's chain as one file, streamed. A hash that is none any more is written as zeros, so that its line is read and refused."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

from sqlalchemy import Row

from patchbay.core.audit.export import Header, checkpoint_line, record_line
from patchbay.core.audit.records import GENESIS
from registry_api.access import Actor
from registry_api.audit.repository import LINK, AuditLog
from registry_api.audit.verify import Kept


async def exported(actor: Actor, kept: Kept) -> AsyncIterator[bytes]:
    """Header, checkpoints, records up to the present head; what is appended meanwhile is left out.

    Each stretch is read in a session of its own: who takes the file slowly holds none.
    """
    async with actor.reading() as reader:
        head = await reader.repository(AuditLog).head()
    position, digest = (head.position, head.hash) if head else (0, GENESIS)
    tenant = str(actor.principal.tenant_id)
    yield Header(tenant, position, digest.hex(), len(kept.notes), kept.remembered).line()
    yield b"".join(map(checkpoint_line, kept.notes))
    after = 0
    while rows := await _stretch(actor, position, after):
        yield b"".join([record_line(row.hash or GENESIS, row.canonical) for row in rows])
        after = rows[-1].position


async def _stretch(actor: Actor, through: int, after: int) -> Sequence[Row[Any]]:
    async with actor.reading() as reader:
        return await reader.repository(AuditLog).stretch(through, after=after, columns=LINK)
