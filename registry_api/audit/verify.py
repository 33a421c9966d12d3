"""Verifying a chain: every link against its stored bytes, every readable column against those bytes, the end against
the head.
"""

import hmac
from collections.abc import AsyncIterator
from dataclasses import dataclass

import orjson

from registry_api.audit.chain import GENESIS, link
from registry_api.audit.models import AuditHead, AuditRecord
from registry_api.audit.repository import AuditLog
from registry_api.schemas import wire_time


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a chain is whole; where and how it breaks first when it is not."""

    valid: bool
    records: int
    head_position: int
    head_hash: str
    broken_at: int | None = None
    reason: str | None = None


async def verify_chain(log: AuditLog) -> Verdict:
    """Walk the chain of the log's tenant from its beginning to its head, streaming.

    The chain of a tenant is never empty.
    """
    head = await log.head()
    position, digest = (head.position, head.hash) if head else (0, GENESIS)
    checker = _Checker()
    fault = await _walk(checker, log.stream(through=2**62 if head is None else position))
    if fault is None:
        fault = checker.end_fault(head) or _beyond_fault(await log.beyond_head())
    broken_at = None if fault is None else checker.count + 1
    return Verdict(fault is None, checker.count, position, digest.hex(), broken_at, fault)


def _beyond_fault(position: int | None) -> str | None:
    return None if position is None else f"there is a record {position} that the head does not know of"


async def _walk(checker: "_Checker", records: AsyncIterator[AuditRecord]) -> str | None:
    async for record in records:
        fault = checker.fault(record)
        if fault is not None:
            return fault
    return None


class _Checker:
    def __init__(self) -> None:
        self.previous = GENESIS
        self.count = 0

    def fault(self, record: AuditRecord) -> str | None:
        """What is wrong with the next record; None when it fits."""
        if record.position != self.count + 1:
            return f"record {self.count + 1} is missing; the next one is {record.position}"
        if not hmac.compare_digest(record.previous_hash, self.previous):
            return "it does not follow the record before it"
        if not hmac.compare_digest(link(record.previous_hash, record.canonical), record.hash):
            return "its content is not what was hashed"
        differing = _differing_column(record)
        if differing is not None:
            return f"its column {differing} differs from what was hashed"
        self.previous, self.count = record.hash, record.position
        return None

    def end_fault(self, head: AuditHead | None) -> str | None:
        """Whether the chain ends where its head says."""
        if head is None:
            return (
                "there are records but no head"
                if self.count
                else "it is empty, but a tenant's creation is always recorded"
            )
        if head.position != self.count:
            return f"the chain ends at {self.count}, its head says {head.position}"
        return None if hmac.compare_digest(head.hash, self.previous) else "the head's hash is not the last record's"


def _differing_column(record: AuditRecord) -> str | None:
    stored = orjson.loads(record.canonical)
    columns = {
        "tenant": str(record.tenant_id),
        "position": record.position,
        "at": wire_time(record.recorded_at),
        "actor": record.actor,
        "action": record.action,
        "subject": record.subject,
    }
    return next((name for name, value in columns.items() if stored.get(name) != value), None)
