"""Taking the feeds in: every row, with its cursor and the files it names, in one DuckDB transaction.

Exactly once: a crash leaves either the state before or the state after, and the cursor goes with the rows. All feeds are read
up to one head, so that what one feed mentions is in the others too.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from patchbay.core.contracts import FEEDS
from patchbay.core.storage import Storage
from warehouse.bookkeeping import Bookkeeping
from warehouse.engines.duckdb import DuckDBEngine, quoted
from warehouse.feeds import FeedSource, RegistryWentBack
from warehouse.lake import LakeLoader

PAGE = 50_000
"""Rows asked of a feed at a time, the most it gives."""


@dataclass(frozen=True, slots=True)
class Ingested:
    """What one ingest took in: the head it read up to, rows by raw table, and days whose usage changed."""

    head_seq: int
    rows: dict[str, int] = field(default_factory=dict)
    days_changed: int = 0


def ingest(engine: DuckDBEngine, source: FeedSource, storage: Storage) -> Ingested:
    """Take in everything up to the registry's head; nothing new gives zeros.

    Raises `SegmentMissing` or `SegmentDamaged` when the lake does not hold what the feed names, `RegistryWentBack` when the head
    is before the last one; then nothing is changed.
    """
    head = source.head_seq()
    books = Bookkeeping(engine)
    if head < books.head():
        raise RegistryWentBack(head, books.head())
    loader = LakeLoader(engine, storage)
    with engine.transaction():
        rows = {
            f"raw_{feed}": _append(engine, books, feed, read_pages(source, feed, books.cursor(feed), head))
            for feed in FEEDS
        }
        loaded = loader.load(new_segments=rows["raw_segments"] > 0, new_batches=rows["raw_intake_batches"] > 0)
        books.mark_changed(loaded.days)
        books.set_head(head)
    return Ingested(head, rows | loaded.rows, len(loaded.days))


def read_pages(source: FeedSource, feed: str, after: int, head: int) -> Iterator[pa.Table]:
    """Pages of a feed with `after` < seq ≤ head, in order; none when there is nothing new."""
    more = after < head
    while more:
        page, after, more = source.read_feed(feed, after, PAGE)
        within = page.filter(pc.less_equal(page["seq"], head))
        more = more and within.num_rows == page.num_rows
        if within.num_rows:
            yield within.select(FEEDS[feed].column_names).cast(FEEDS[feed].arrow_schema())


def _append(engine: DuckDBEngine, books: Bookkeeping, feed: str, pages: Iterator[pa.Table]) -> int:
    """Append the pages as they come, so that a backlog of any length takes the memory of one."""
    rows = 0
    for page in pages:
        engine.connection.register("feed_page", page)
        engine.connection.execute(f"INSERT INTO {quoted(f'raw_{feed}')} BY NAME SELECT * FROM feed_page")  # noqa: S608
        engine.connection.unregister("feed_page")
        books.set_cursor(feed, pc.max(page["seq"]).as_py())
        rows += page.num_rows
    return rows
