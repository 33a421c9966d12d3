"""Which tables a session has changed: what the unit of work of a request holds against its audit records."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import event, inspect
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import ORMExecuteState, Session

from registry_api.db.binding import BoundSession

CHANGED = "changed"

NO_CHANGES = frozenset(
    {
        # Written with a change, and by what records it.
        *("audit_heads", "audit_person_keys", "audit_records", "idempotent_answers", "jobs", "outbox", "quota_uses"),
        # Data that is sent in: a batch is one record, a set of insights one when it is begun and one when it is published.
        *("intake_batches", "segments", "subjects", "usage_minute_counters", "insight_rows", "insight_sets"),
        # What is counted and remembered on the way, and what a supervisor reports.
        *("login_attempts", "exchanged_tokens"),
        *("automation_episodes", "automation_processes", "automation_states", "automation_suppressions"),
        "automation_ticks",
    }
)
"""Tables whose rows are no changes that somebody makes; a request that changes any other leaves an audit record."""


def changed_tables(session: AsyncSession) -> frozenset[str]:
    """The tables that were changed since the session's last commit or rollback, those of `NO_CHANGES` aside."""
    return frozenset(session.info.get(CHANGED, ())) - NO_CHANGES


@event.listens_for(BoundSession, "after_flush")
def _flushed(session: Session, _context: Any) -> None:
    _note(session, *(inspect(one).mapper.local_table.name for one in _written(session)))


def _written(session: Session) -> Iterator[Any]:
    yield from session.new
    yield from session.deleted
    yield from (one for one in session.dirty if session.is_modified(one))


@event.listens_for(BoundSession, "do_orm_execute")
def _executed(state: ORMExecuteState) -> Any:
    """A statement that found no row to change has changed nothing."""
    if not (state.is_insert or state.is_update or state.is_delete) or state.statement.table.name in NO_CHANGES:  # type: ignore[attr-defined]
        return None
    result: Any = state.invoke_statement()
    if getattr(result, "rowcount", -1) != 0:
        _note(state.session, state.statement.table.name)  # type: ignore[attr-defined]
    return result


@event.listens_for(BoundSession, "after_transaction_end")
def _ended(session: Session, transaction: Any) -> None:
    if transaction.parent is None:
        session.info.pop(CHANGED, None)


def _note(session: Session, *tables: str) -> None:
    session.info.setdefault(CHANGED, set()).update(tables)
