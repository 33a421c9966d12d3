"""A tenant's chain as one file, streamed. A hash that is none any more is written as zeros, so that its line is read and refused."""

from collections.abc import AsyncIterator

from patchbay.core.audit.export import Header, checkpoint_line, record_line
from patchbay.core.audit.records import GENESIS
from registry_api.access import Actor
from registry_api.audit.repository import LINK, AuditLog
from registry_api.audit.verify import Kept


async def exported(actor: Actor, kept: Kept) -> AsyncIterator[bytes]:
    """Header, checkpoints, records up to the present head; what is appended meanwhile is left out."""
    async with actor.reading() as reader:
        log = reader.repository(AuditLog)
        head = await log.head()
        position, digest = (head.position, head.hash) if head else (0, GENESIS)
        yield Header(str(log.scope.tenant_id), position, digest.hex(), len(kept.notes), kept.remembered).line()
        yield b"".join(map(checkpoint_line, kept.notes))
        async for rows in log.stream(position, columns=LINK):
            yield b"".join([record_line(row.hash or GENESIS, row.canonical) for row in rows])
