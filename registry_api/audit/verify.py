"""Verifying a chain where it is kept: every link and checkpoint, every readable column against the bytes that were
hashed, the end against the head, and that what is sealed can be opened or was erased.
"""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import anyio
import orjson
from sqlalchemy import Row

from patchbay.core.audit.merkle import Frontier
from patchbay.core.audit.records import GENESIS, Walker, stamp
from patchbay.core.audit.verify import AnchoredWalk, Verdict
from registry_api.audit.repository import AuditLog, Head
from registry_api.audit.sealed import SealedValues


@dataclass(frozen=True, slots=True)
class Kept:
    """The checkpoints that are kept outside of the database, and how many records it remembers that they cover.

    Read in this order, and both before the chain: then the notes cover what is remembered, and none is newer than the head.
    """

    remembered: int
    notes: Sequence[str]


async def verify_chain(log: AuditLog, kept: Kept, public_key: bytes) -> Verdict:
    """Walk the chain of the log's tenant from its beginning to its head, streaming, past each of its checkpoints.

    The chain of a tenant is never empty. The log's session has read nothing yet: chain and keys must be of one moment, else
    an erasure meanwhile would have taken keys of which no record read here tells.
    """
    await log.at_one_moment()
    head = await log.head()
    walk = await anyio.to_thread.run_sync(AnchoredWalk, Walker(log.scope.tenant_id), kept.notes, public_key)
    fault, sealed = walk.fault, SealedValues(log)
    async for rows in log.stream(2**62 if head is None else head.position):
        if fault is None:
            fault = await anyio.to_thread.run_sync(_fault, walk, sealed, rows)
        if fault is not None:
            break
        await sealed.try_noted()
    fault = fault or _end_fault(walk, head, kept.remembered) or _beyond_fault(await log.beyond_head())
    if fault is None and (wiped := sealed.wiped()) is not None:
        fault, walk.broken_at = (
            f"what it says of {wiped.subject} cannot be opened, and no record tells of an erasure",
            wiped.at,
        )
    return _verdict(walk, head, fault)


def _verdict(walk: AnchoredWalk, head: Head | None, fault: str | None) -> Verdict:
    position, digest = (head.position, head.hash) if head else (0, GENESIS)
    broken_at = None if fault is None else walk.broken_at or walk.walker.position + 1
    count = walk.walker.position
    return Verdict(fault is None, count, position, digest.hex(), broken_at, fault, walk.checkpoints, walk.anchored)


def _fault(walk: AnchoredWalk, sealed: SealedValues, rows: Sequence[Row[Any]]) -> str | None:
    """What is wrong with the first of these records that does not fit; None when all do, and their sealed values are noted."""
    for row in rows:
        fault = _link_fault(walk, row)
        if fault is not None:
            return fault
        document, fault = _read(row)
        if fault is not None:
            walk.broken_at = row.position
            return fault
        sealed.note(row.position, document)
    return None


def _link_fault(walk: AnchoredWalk, row: Row[Any]) -> str | None:
    walker = walk.walker
    if row.position != walker.position + 1:
        return f"record {walker.position + 1} is missing; the next one is {row.position}"
    if row.previous_hash != walker.hash:
        return "it does not follow the record before it"
    return None if walk.walk([(row.canonical, row.hash)]) else walk.fault


def _read(row: Row[Any]) -> tuple[dict[str, Any], str | None]:
    """A record as a document, and what is wrong with its bytes or with a column beside them."""
    try:
        stored: dict[str, Any] = orjson.loads(row.canonical)
    except orjson.JSONDecodeError:
        return {}, "its bytes were hashed, but are no record"
    columns = {
        "id": str(row.id),
        "at": row.recorded_at and stamp(row.recorded_at),
        "actor": row.actor,
        "action": row.action,
        "subject": row.subject,
    }
    differing = next((name for name, value in columns.items() if value is None or stored.get(name) != value), None)
    return stored, None if differing is None else f"its column {differing} differs from what was hashed"


def _end_fault(walk: AnchoredWalk, head: Head | None, remembered: int) -> str | None:
    """Whether the chain ends where its head says, and is as long as its checkpoints say."""
    walker = walk.walker
    if head is None:
        none = "it is empty, but a tenant's creation is always recorded"
        return "there are records but no head" if walker.position else none
    if head.position != walker.position:
        return f"the chain ends at {walker.position}, its head says {head.position}"
    if not hmac.compare_digest(head.hash, walker.hash):
        return "the head's hash is not the last record's"
    if head.frontier != Frontier(walker.position, walker.tree.peaks).stored:
        return "the head's tree is not that of the records"
    return None if walk.end(remembered) else walk.fault


def _beyond_fault(position: int | None) -> str | None:
    return None if position is None else f"there is a record {position} that the head does not know of"
