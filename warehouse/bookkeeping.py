"""The warehouse's own notes, in the same file so that they commit with the rows they are about.

cursors (how far each feed is read), stale days (which days of which partitioned table must be built again), unpassed days (built,
but not found good since), the rules that all other days passed, and check results. A stale day is handed down the graph: building
it in one table makes it stale in the tables made from that one.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime

from patchbay.core.contracts import FEEDS
from warehouse.contracts import TABLES
from warehouse.engines.duckdb import DuckDBEngine
from warehouse.transforms import inputs_of

_DDL = """
CREATE SCHEMA IF NOT EXISTS notes;
CREATE TABLE IF NOT EXISTS notes.cursors (feed VARCHAR PRIMARY KEY, seq BIGINT NOT NULL);
CREATE TABLE IF NOT EXISTS notes.stale_days (table_name VARCHAR, day DATE);
CREATE TABLE IF NOT EXISTS notes.unpassed_days (table_name VARCHAR, day DATE);
CREATE TABLE IF NOT EXISTS notes.passed_rules (table_name VARCHAR, rule VARCHAR);
CREATE TABLE IF NOT EXISTS notes.batches_seen (intake_batch_id VARCHAR);
CREATE TABLE IF NOT EXISTS notes.results (
    table_name VARCHAR, check_name VARCHAR, severity VARCHAR, passed BOOLEAN, observed VARCHAR, expected VARCHAR,
    failed_rows BIGINT, checked_at TIMESTAMPTZ
);
"""
_HEAD = "*head"
PARTITIONED = tuple(name for name, contract in TABLES.items() if contract.partitioned)
"""Tables that are replaced by days."""


class Bookkeeping:
    """Reads and writes the notes of one open warehouse."""

    def __init__(self, engine: DuckDBEngine) -> None:
        self._connection = engine.connection
        self._connection.execute(_DDL)

    def cursor(self, feed: str) -> int:
        """The last sequence number taken in; 0 before the first."""
        row = self._connection.execute("SELECT seq FROM notes.cursors WHERE feed = ?", [feed]).fetchone()
        return int(row[0]) if row else 0

    def set_cursor(self, feed: str, seq: int) -> None:
        """Note how far a feed is taken in."""
        self._connection.execute("INSERT OR REPLACE INTO notes.cursors VALUES (?, ?)", [feed, seq])

    def head(self) -> int:
        """The registry head the warehouse stands at."""
        return self.cursor(_HEAD)

    def set_head(self, seq: int) -> None:
        """Note the head that all feeds were read up to."""
        self.set_cursor(_HEAD, seq)

    def mark_changed(self, days: Iterable[date]) -> None:
        """Usage of these days changed: the tables made straight from raw rows are stale there."""
        roots = [name for name in PARTITIONED if not any(parent in PARTITIONED for parent in inputs_of(name))]
        self._mark(roots, list(days))

    def stale_days(self, table: str | None = None) -> list[date]:
        """Days that must be built again, of one table or of any, in order."""
        rows = self._connection.execute(
            "SELECT DISTINCT day FROM notes.stale_days WHERE table_name = coalesce(?, table_name) ORDER BY day", [table]
        )
        return [row[0] for row in rows.fetchall()]

    def mark_built(self, table: str, days: Sequence[date]) -> None:
        """A table's days are built: they are stale now only in the tables made from it, and have yet to pass its rules."""
        self._connection.execute(
            "DELETE FROM notes.stale_days WHERE table_name = ? AND day IN (SELECT unnest(?::DATE[]))",
            [table, list(days)],
        )
        self._mark([name for name in PARTITIONED if table in inputs_of(name)], days)
        self._connection.execute("INSERT INTO notes.unpassed_days SELECT ?, unnest(?::DATE[])", [table, list(days)])

    def unpassed_days(self, table: str | None = None) -> list[date]:
        """Days that were built and have not passed all blocking rules since, of one table or of any, in order.

        However often a build ends before its verdict, or the verdict is bad, the days stay: the next verdict is about them too.
        """
        rows = self._connection.execute(
            "SELECT DISTINCT day FROM notes.unpassed_days WHERE table_name = coalesce(?, table_name) ORDER BY day",
            [table],
        )
        return [row[0] for row in rows.fetchall()]

    def mark_passed(self, table: str, rules: Iterable[str]) -> None:
        """All days of a table passed its blocking rules; `rules` are all it was judged by."""
        for notes in ("unpassed_days", "passed_rules"):
            self._connection.execute(f"DELETE FROM notes.{notes} WHERE table_name = ?", [table])  # noqa: S608
        self._connection.execute(
            "INSERT INTO notes.passed_rules SELECT ?, unnest(?::VARCHAR[])", [table, sorted(rules)]
        )

    def passed_rules(self, table: str) -> set[str]:
        """The rules by which the days that are not unpassed were judged; none before the first time."""
        rows = self._connection.execute("SELECT rule FROM notes.passed_rules WHERE table_name = ?", [table])
        return {row[0] for row in rows.fetchall()}

    def _mark(self, tables: Sequence[str], days: Sequence[date]) -> None:
        self._connection.execute(
            "INSERT INTO notes.stale_days SELECT t.name, d.day FROM (SELECT unnest(?::VARCHAR[]) AS name) t, "
            "(SELECT unnest(?::DATE[]) AS day) d "
            "WHERE (t.name, d.day) NOT IN (SELECT (table_name, day) FROM notes.stale_days)",
            [list(tables), list(days)],
        )

    def forget_verdicts(self, table: str, severities: Sequence[str] = ("error", "warn")) -> None:
        """What was found in the table no longer holds: it was built or judged again. Unjudged it may not be published."""
        self._connection.execute(
            "DELETE FROM notes.results WHERE table_name = ? AND severity IN (SELECT unnest(?::VARCHAR[]))",
            [table, list(severities)],
        )

    def data_until(self) -> datetime | None:
        """The newest `recorded_at` taken in; None for an empty registry."""
        newest = " UNION ALL ".join(f"SELECT max(recorded_at) AS at_time FROM raw_{feed}" for feed in FEEDS)  # noqa: S608
        row = self._connection.execute(f"SELECT max(at_time) FROM ({newest})").fetchone()  # noqa: S608
        return row[0].astimezone(UTC) if row and row[0] else None
