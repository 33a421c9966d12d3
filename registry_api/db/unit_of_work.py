"""The unit of work: the only place that commits, and where a change, its audit record and its feed rows become one."""

from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from patchbay.core.clock import utcnow
from patchbay.core.contracts import FEEDS
from patchbay.core.contracts.feeds import ENVELOPE
from registry_api.audit.chain import AuditEntry, append_entries
from registry_api.db.repository import Repository
from registry_api.db.scope import Principal
from registry_api.feeds.outbox import OutboxEntry, append_outbox
from registry_api.jobs.queue import MAX_ATTEMPTS, JobEntry, append_jobs

R = TypeVar("R", bound=Repository)
PAYLOAD_COLUMNS = {name: frozenset(feed.column_names[len(ENVELOPE) :]) for name, feed in FEEDS.items()}
"""What a change says of its entity: the feed's columns without the envelope."""


class Reader:
    """A read-only session together with who reads."""

    def __init__(self, session: AsyncSession, principal: Principal) -> None:
        self.session = session
        self.principal = principal

    def repository(self, kind: type[R]) -> R:
        """A repository bound to the reader's tenant."""
        return kind(self.session, self.principal.scope)


class UnitOfWork(Reader):
    """Collects changes, then commits them with their audit and feed rows, or not at all.

    Locks are taken in one order: domain rows, jobs, audit heads (sorted by tenant), the outbox, commit. Nothing does
    I/O elsewhere after the first of the last three, so the feed's lock is held only for two inserts and a commit.
    """

    def __init__(self, session: AsyncSession, principal: Principal, trace_id: str | None = None) -> None:
        super().__init__(session, principal)
        self.trace_id = trace_id
        self._audit: list[AuditEntry] = []
        self._outbox: list[OutboxEntry] = []
        self._jobs: list[JobEntry] = []

    def publish(
        self, feed: str, op: str, entity_id: UUID, payload: dict[str, Any], *, tenant_id: UUID, public: bool = False
    ) -> None:
        """Queue one feed row; `payload` holds the feed contract's own columns, the envelope is added at commit.

        Raises ValueError when its keys are not exactly those columns.
        """
        if payload.keys() != PAYLOAD_COLUMNS[feed]:
            raise ValueError(f"feed {feed} needs {sorted(PAYLOAD_COLUMNS[feed])}, not {sorted(payload)}")
        self._outbox.append(OutboxEntry(feed, op, entity_id, payload, tenant_id, public))

    def audit(
        self, action: str, subject: str, change: dict[str, Any] | None = None, *, tenant_id: UUID | None = None
    ) -> None:
        """Queue one audit record: what was done to which subject, with field-level before and after where there is
        any.
        """
        self._audit.append(AuditEntry(action, subject, change or {}, tenant_id or self.principal.tenant_id))

    def enqueue(
        self,
        kind: str,
        payload: dict[str, Any],
        *,
        tenant_id: UUID | None = None,
        dedup_key: str | None = None,
        run_at: datetime | None = None,
        max_attempts: int = MAX_ATTEMPTS,
    ) -> None:
        """Queue a durable job that exists only if this change commits; left out while an open job of its kind has
        the same dedup key.
        """
        entry = JobEntry(kind, payload, tenant_id or self.principal.tenant_id, dedup_key, run_at, max_attempts)
        self._jobs.append(entry)

    async def commit(self) -> None:
        """Write everything; feed rows without any audit record are a programming error and are refused."""
        await self.session.flush()
        if self._outbox and not self._audit:
            raise RuntimeError("a change reached the feed without an audit record")
        now = utcnow()
        await append_jobs(self.session, self._jobs, now, self.trace_id)
        await append_entries(self.session, self._audit, self.principal, now, self.trace_id)
        await append_outbox(self.session, self._outbox, now, self.trace_id)
        await self.session.commit()
        self._audit.clear()
        self._outbox.clear()
        self._jobs.clear()
