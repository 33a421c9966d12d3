"""One writer at work on the warehouse: everything a run does to it, behind one object."""

import fcntl
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TextIO

import pyarrow as pa

from patchbay.core.settings import Settings
from patchbay.core.storage import Storage
from warehouse.bookkeeping import Bookkeeping
from warehouse.build import Built, build_table
from warehouse.engines.duckdb import DuckDBEngine, DuckDBOptions, quoted
from warehouse.engines.port import WriterBusy
from warehouse.feeds import FeedSource
from warehouse.publish import Published, publish
from warehouse.quality.gate import Verdict, judge_table
from warehouse.quality.records import keep_failed_rows, note_verdicts
from warehouse.raw import Ingested, ingest
from warehouse.snapshots import FOLDER

Progress = Callable[[str], None]
"""Told the name of each thing that is done."""


@dataclass(slots=True)
class Record:
    """What a session did, in order."""

    ingested: Ingested | None = None
    built: list[Built] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)
    published: Published | None = None


class WarehouseSession:
    """An open warehouse. Made by `open_session`, which makes sure that it is the only one."""

    def __init__(self, settings: Settings, engine: DuckDBEngine, record: Record, progress: Progress) -> None:
        self.engine = engine
        self.books = Bookkeeping(engine)
        self.record = record
        self.failed_folder = folder(settings) / "failed"
        self._published_folder = settings.root / FOLDER
        self._progress = progress

    def ingest(self, source: FeedSource, storage: Storage) -> Ingested:
        """Take in what is new in the registry."""
        self.record.ingested = ingest(self.engine, source, storage)
        self._progress("ingest")
        return self.record.ingested

    def build(self, name: str, days: Sequence[date] = ()) -> Built:
        """Build a table, a partitioned one for the days and for whatever days are stale."""
        built = build_table(self.engine, name, days)
        self.record.built.append(built)
        self._progress(name)
        return built

    def judge(self, name: str) -> list[Verdict]:
        """Judge a table by its contract, keep its broken rows, remember the outcome."""
        verdicts = judge_table(self.engine, name)
        keep_failed_rows(self.failed_folder, verdicts)
        note_verdicts(self.engine, verdicts)
        self.record.verdicts += verdicts
        self._progress(f"{name} checks")
        return verdicts

    def publish(self, run_id: str) -> Published:
        """Publish snapshots of what stands; `PublishRefused` when it is not fit."""
        self.record.published = publish(self.engine, self._published_folder, run_id)
        self._progress("snapshots")
        return self.record.published

    def sample(self, name: str, rows: int = 5) -> pa.Table:
        """The first rows of a table in the order it is kept in."""
        return self.engine.connection.execute(f"FROM {quoted(name)} LIMIT {rows}").to_arrow_table()

    def by_date(self, name: str, column: str) -> list[tuple[date, int]]:
        """Rows of a table by one of its dates, in order; rows without a date are left out."""
        rows = self.engine.connection.execute(
            f"SELECT {quoted(column)}, count(*) FROM {quoted(name)} WHERE {quoted(column)} IS NOT NULL "  # noqa: S608
            "GROUP BY 1 ORDER BY 1"
        )
        return rows.fetchall()


def folder(settings: Settings) -> Path:
    """Where the warehouse keeps its state."""
    return settings.root / "warehouse"


def warehouse_file(settings: Settings) -> Path:
    """The warehouse itself; not there before the first run, nor after somebody removed it to have it built anew."""
    return folder(settings) / "warehouse.duckdb"


@contextmanager
def open_session(
    settings: Settings,
    *,
    record: Record | None = None,
    progress: Progress = lambda _: None,
    patience: float = 900,
    options: DuckDBOptions | None = None,
) -> Iterator[WarehouseSession]:
    """The warehouse, held alone for as long as the block runs; `WriterBusy` after `patience` seconds of waiting.

    The lock is the operating system's, so it goes with the process, however that ends.
    """
    home = folder(settings)
    home.mkdir(parents=True, exist_ok=True)
    with _only_writer(home / "writer.lock", patience):
        engine = DuckDBEngine(warehouse_file(settings), options)
        try:
            yield WarehouseSession(settings, engine, record or Record(), progress)
        finally:
            engine.close()


@contextmanager
def _only_writer(path: Path, patience: float) -> Iterator[None]:
    until = time.monotonic() + patience
    with path.open("a") as lock:
        while not _locked(lock):
            if time.monotonic() > until:
                raise WriterBusy(str(path), patience)
            time.sleep(0.1)
        yield


def _locked(lock: TextIO) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
