"""Which tables a session has changed: what the unit of work of a request holds against its audit records."""

from typing import Any

from sqlalchemy import Connection, Delete, Engine, Insert, Update, event
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session

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


def watch(engine: Engine) -> None:
    """Have every statement of an engine noted that changes a table, whoever makes it: a flush, a session, a connection."""
    event.listen(engine, "after_execute", _executed)


@event.listens_for(BoundSession, "after_begin")
def _begun(session: Session, _transaction: Any, connection: Connection) -> None:
    connection.info[CHANGED] = session.info.setdefault(CHANGED, set())


def _executed(
    connection: Connection, statement: Any, _multi: Any, _parameters: Any, _options: Any, result: Any
) -> None:
    """A statement that found no row to change has changed nothing."""
    if isinstance(statement, Insert | Update | Delete) and result.rowcount != 0:
        table: Any = statement.table
        connection.info[CHANGED].add(table.name)


@event.listens_for(BoundSession, "after_transaction_end")
def _ended(session: Session, transaction: Any) -> None:
    if transaction.parent is None:
        session.info.pop(CHANGED, None)
