"""The unit of work: the only place that commits, and where a change, its audit record and its feed rows become one."""

from collections.abc import Iterable, Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import groupby, product
from operator import itemgetter
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from patchbay.core.clock import utcnow
from patchbay.core.contracts import FEEDS
from patchbay.core.contracts.feeds import ENVELOPE
from registry_api.audit.chain import AuditEntry, append_entries, keys_shredded
from registry_api.audit.patches import difference
from registry_api.audit.personal import KEYS_SHREDDED, Owner, shred_keys
from registry_api.catalog.sharing.copies import copies_for_grantees, part_of
from registry_api.db.binding import BOUND, Binding, Crossing, bind, crossing, of_principal
from registry_api.db.changes import changed_tables
from registry_api.db.repository import Repository
from registry_api.db.scope import Principal, Scope
from registry_api.feeds.outbox import Audience, OutboxEntry, commit_with_outbox
from registry_api.jobs.lanes import WORK
from registry_api.jobs.queue import MAX_ATTEMPTS, JobEntry, append_jobs
from registry_api.webhooks.events import event_of, event_of_name
from registry_api.webhooks.fanout import fan_out

R = TypeVar("R", bound=Repository)
PAYLOAD_COLUMNS = {name: frozenset(feed.column_names[len(ENVELOPE) :]) for name, feed in FEEDS.items()}
"""What a change says of its entity: the feed's columns without the envelope."""


class Reader:
    """A read-only session together with who reads, and bound to what they may reach.

    Raises RuntimeError for a session that is bound to something else already.
    """

    def __init__(self, session: AsyncSession, principal: Principal, reach: Binding | None = None) -> None:
        bind(session, reach or of_principal(principal))
        self.session = session
        self.principal = principal

    def repository(self, kind: type[R]) -> R:
        """A repository bound to the reader's tenant."""
        return kind(self.session, self.principal.scope)


class UnitOfWork(Reader):
    """Collects changes, then commits them with their audit and feed rows, or not at all.

    Locks are taken in one order: domain rows, jobs, persons' keys, audit heads (sorted by tenant), the outbox, commit. What webhooks are
    told follows from the audit and feed rows, and its deliveries and their jobs are inserted before either. Nothing does
    I/O elsewhere after the first of the last four, and the last two are one message to the database.
    """

    def __init__(
        self, session: AsyncSession, principal: Principal, trace_id: str | None = None, reach: Binding | None = None
    ) -> None:
        super().__init__(session, principal, reach)
        self.trace_id = trace_id
        self._audit: list[AuditEntry] = []
        self._outbox: list[OutboxEntry] = []
        self._jobs: list[JobEntry] = []
        self._shredded: set[Owner] = set()

    def publish(
        self,
        feed: str,
        op: str,
        entity_id: UUID,
        payload: dict[str, Any],
        *,
        tenant_id: UUID,
        public: bool = False,
        event: str | None = None,
        audience: Audience | None = None,
    ) -> None:
        """Queue one feed row; `payload` holds the feed contract's own columns, the envelope is added at commit.

        A row with an `audience` is read by that tenant only. `event` is what webhooks are told: a type of event, QUIET for
        nothing, None for what such a row means otherwise.
        Raises ValueError when the keys are not exactly those columns, and for an unknown type.
        """
        if payload.keys() != PAYLOAD_COLUMNS[feed]:
            raise ValueError(f"feed {feed} needs {sorted(PAYLOAD_COLUMNS[feed])}, not {sorted(payload)}")
        told = event_of(feed, op) if event is None else event_of_name(event)
        self._outbox.append(OutboxEntry(feed, op, entity_id, payload, tenant_id, public, told, audience))

    def audit(
        self,
        action: str,
        subject: str,
        change: dict[str, Any] | None = None,
        *,
        before: Mapping[str, Any] | None = None,
        after: Mapping[str, Any] | None = None,
        tenant_id: UUID | None = None,
        trace_id: str | None = None,
        public: bool = False,
    ) -> None:
        """Queue one audit record: what was done to which subject; `change` holds facts of the deed itself.

        `before` and `after` are the fields that it could change, None for what was or is not there; their difference is
        recorded as a JSON Patch. What tells something of a person goes in as `Personal`. What a `public` one tells
        webhooks, every tenant's hear.
        """
        owner = tenant_id or self.principal.tenant_id
        patch = difference(before, after)
        self._audit.append(AuditEntry(action, subject, change or {}, owner, trace_id, patch, public))

    def enqueue(
        self,
        kind: str,
        payload: dict[str, Any],
        *,
        tenant_id: UUID | None = None,
        dedup_key: str | None = None,
        run_at: datetime | None = None,
        max_attempts: int = MAX_ATTEMPTS,
        trace_id: str | None = None,
        lane: str = WORK,
        queue: str | None = None,
        within: timedelta | None = None,
    ) -> None:
        """Queue a durable job that exists only if this change commits; left out while an open job of its kind has
        the same dedup key.
        """
        owner = tenant_id or self.principal.tenant_id
        entry = JobEntry(kind, payload, owner, dedup_key, run_at, max_attempts, trace_id, lane, queue, within)
        self._jobs.append(entry)

    def shred(self, persons: Iterable[str], tenants: Iterable[UUID]) -> None:
        """Queue the keys of persons in tenants to be shredded, and the record that tells whose: their values are then gone from
        all records, this change's and later ones included. Each other tenant in which there was one of the keys is told of those.
        """
        named = sorted(persons)
        self._shredded.update(product(tenants, named))
        self._audit.append(keys_shredded(self.principal.tenant_id, *named))

    def acting_in(self, tenant_id: UUID) -> "UnitOfWork":
        """The same unit of work for what a platform caller does inside another tenant; committing this one commits both."""
        principal = replace(
            self.principal,
            scope=Scope(tenant_id, self.principal.scope.operator_id),
            acting_for=self.principal.acting_for or self.principal.tenant_id,
        )
        other = UnitOfWork(self.session, principal, self.trace_id, self.session.info[BOUND])
        other._audit, other._outbox, other._jobs = self._audit, self._outbox, self._jobs
        other._shredded = self._shredded
        return other

    async def commit_request(self) -> None:
        """The same for what a caller asked for: raises RuntimeError, and commits nothing, where a table was changed
        and no record says so. Tables that are no changes are in `registry_api.db.changes`.
        """
        await self.session.flush()
        changed = changed_tables(self.session)
        if changed and not self._audit:
            raise RuntimeError(f"a request changed {', '.join(sorted(changed))} without an audit record")
        await self.commit()

    async def commit(self) -> None:
        """Write everything; feed rows without any audit record are a programming error and are refused."""
        await self.session.flush()
        if self._outbox and not self._audit:
            raise RuntimeError("a change reached the feed without an audit record")
        async with self._reach():
            await self._tell_grantees()
        async with self._reach():
            await self._append()
            await self.session.commit()
        self._audit.clear()
        self._outbox.clear()
        self._jobs.clear()
        self._shredded.clear()

    def _reach(self) -> AbstractAsyncContextManager[None]:
        return crossing(self.session, Crossing.LEDGER) if self._reaches_others() else nullcontext()

    async def _tell_grantees(self) -> None:
        """Queue copies of rows about shared plugins, and note in each grantee's chain that it sees something else from now on."""
        copies = await copies_for_grantees(self.session, self._outbox)
        self._outbox += copies
        for tenant_id, plugin_id in sorted({(copy.told, part_of(copy)) for copy in copies}):
            self.audit("grant.plugin_changed", f"plugin:{plugin_id}", tenant_id=tenant_id)

    def _reaches_others(self) -> bool:
        """Whether rows of another tenant are written, other tenants' webhooks told, or persons' keys shredded in every one."""
        bound: Binding = self.session.info[BOUND]
        if bound.crossing is not None or self._shredded:
            return bound.crossing is None
        told: list[AuditEntry | OutboxEntry] = [*self._audit, *self._outbox]
        owners = {entry.tenant_id for entry in (*told, *self._jobs)} | {entry.told for entry in self._outbox}
        return owners - {bound.tenant_id} != set() or any(entry.public for entry in told)

    async def _append(self) -> None:
        now = utcnow()
        await append_jobs(self.session, self._jobs, now, self.trace_id)
        await fan_out(self.session, self._outbox, self._audit, now, self.trace_id)
        await self._shred(now)
        await append_entries(self.session, self._audit, self.principal, now, self.trace_id)
        await commit_with_outbox(self.session, self._outbox, now, self.trace_id)

    async def _shred(self, now: datetime) -> None:
        records = [entry for entry in self._audit if entry.action == KEYS_SHREDDED]
        told = {(entry.tenant_id, person) for entry in records for person in entry.change["persons"]}
        there = await shred_keys(self.session, self._shredded, told, now)
        for tenant_id, group in groupby((owner for owner in there if owner not in told), key=itemgetter(0)):
            self._audit.append(keys_shredded(tenant_id, *(person for _, person in group)))
