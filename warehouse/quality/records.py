"""Keeping verdicts: the broken rows as Parquet, the outcome in the warehouse's notes, the tables in words."""

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from warehouse.bookkeeping import Bookkeeping
from warehouse.contracts import TABLES
from warehouse.engines.duckdb import DuckDBEngine
from warehouse.quality.gate import Verdict
from warehouse.quality.rules import identities


def keep_failed_rows(folder: Path, verdicts: Sequence[Verdict]) -> dict[str, Path]:
    """Write the broken rows of each failed rule to `<folder>/<table>/<rule>.parquet`; those of a rule that passes now go."""
    kept = {}
    for verdict in verdicts:
        path = folder / verdict.table / f"{verdict.rule}.parquet"
        if verdict.kept is None:
            path.unlink(missing_ok=True)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(verdict.kept, path)
        kept[verdict.rule] = path
    return kept


def note_verdicts(engine: DuckDBEngine, verdicts: Sequence[Verdict]) -> None:
    """Remember the last verdict of each rule, for publishing and for the snapshot's readers.

    Days of a partitioned table that passed are judged no more, but by rules that only warn: those look at all rows each
    time. A verdict on no days leaves the last one as it is.
    """
    books = Bookkeeping(engine)
    with engine.transaction():
        for table in {verdict.table for verdict in verdicts}:
            found = [verdict for verdict in verdicts if verdict.table == table]
            judged = ["warn"] if _no_days(books, table) else ["error", "warn"]
            books.forget_verdicts(table, judged)
            _note(engine, [verdict for verdict in found if verdict.severity in judged])
            if all(verdict.passed for verdict in found if verdict.severity == "error"):
                books.mark_passed(table, identities(TABLES[table]))


def _no_days(books: Bookkeeping, table: str) -> bool:
    """Whether there was no day to judge, and all days were judged by the rules of now."""
    days = not TABLES[table].partitioned or books.unpassed_days(table)
    return not days and books.passed_rules(table) == identities(TABLES[table])


def _note(engine: DuckDBEngine, found: Sequence[Verdict]) -> None:
    rows = [(v.table, v.rule, v.severity, v.passed, v.observed, v.expected, v.failed_rows, v.checked_at) for v in found]
    if rows:
        engine.connection.executemany("INSERT INTO notes.results VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)


def markdown_table(rows: pa.Table, limit: int = 10, width: int = 40) -> str:
    """The first rows as a Markdown table, long values cut; a sentence when there are none."""
    if not rows.num_rows:
        return "No rows."
    head = f"| {' | '.join(rows.column_names)} |\n|{'---|' * rows.num_columns}\n"
    return head + "\n".join(_line(row, width) for row in rows.slice(0, limit).to_pylist())


def _line(row: dict[str, object], width: int) -> str:
    return f"| {' | '.join(_cell(value, width) for value in row.values())} |"


def _cell(value: object, width: int) -> str:
    text = "" if value is None else str(value).replace("|", "\\|").replace("\n", " ")
    return text if len(text) <= width else f"{text[: width - 1]}…"
