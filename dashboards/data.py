"""Frames for cards: opens the viewer's snapshot and asks each question once per snapshot."""

import threading
from collections import OrderedDict
from concurrent.futures import Future
from typing import Any

import polars as pl

from dashboards.queries.question import Question
from dashboards.session import Viewer
from warehouse.read import Snapshot, SnapshotReader

Key = tuple[str, str, str, tuple[tuple[str, object], ...], int]


class Data:
    """Named loads, memoised by tenant, snapshot and question; equal loads in flight are done once.

    The snapshot id is part of the key, so a new snapshot needs no expiry. One process serves the dashboards, hence a
    cache in memory; `capacity` bounds it in bytes and `most` in answers, as empty ones have no size; least recently used
    first out.
    """

    def __init__(self, reader: SnapshotReader, capacity: int = 256 * 1024 * 1024, most: int = 5_000) -> None:
        self._reader, self._capacity, self._most, self._size = reader, capacity, most, 0
        self._frames: OrderedDict[Key, Future[pl.DataFrame]] = OrderedDict()
        self._lock = threading.Lock()

    def open(self, viewer: Viewer) -> Snapshot:
        """The snapshot of the viewer's own tenant: nothing but the session decides which."""
        return self._reader.open(viewer.tenant_id)

    def ask(self, viewer: Viewer, snapshot: Snapshot, question: Question) -> pl.DataFrame:
        """The answer, at most one row more than the question shows; errors of the query are raised, not kept."""
        params = tuple(sorted(question.params.items()))
        key = (viewer.tenant_id, snapshot.snapshot_id, question.text, params, question.shown)
        with self._lock:
            future = self._frames.get(key)
            mine = future is None
            future = self._frames.setdefault(key, Future())
            self._frames.move_to_end(key)
        if mine:
            self._load(key, future, snapshot, question)
        return future.result()

    def _load(self, key: Key, future: Future[pl.DataFrame], snapshot: Snapshot, question: Question) -> None:
        try:
            frame = countable(snapshot.query(*limited(question)))
        except BaseException as error:  # noqa: BLE001  who waits for this load gets its error, whatever it is
            with self._lock:
                self._frames.pop(key, None)
            future.set_exception(error)
            return
        future.set_result(frame)
        self._keep(int(frame.estimated_size()))

    def _keep(self, added: int) -> None:
        with self._lock:
            self._size += added
            while (self._size > self._capacity and len(self._frames) > 1) or len(self._frames) > self._most:
                key, oldest = next(iter(self._frames.items()))
                if not oldest.done():
                    break
                del self._frames[key]
                self._size -= int(oldest.result().estimated_size())


def countable(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with decimals as plain numbers: DuckDB sums integers in 128 bits, and money is rounded when shown."""
    decimals = {name: dtype for name, dtype in frame.schema.items() if isinstance(dtype, pl.Decimal)}
    return frame.cast({name: pl.Float64 if dtype.scale else pl.Int64 for name, dtype in decimals.items()})


def limited(question: Question) -> tuple[str, dict[str, Any]]:
    """The question's SQL, cut one row after what a page shows, so that the page knows there are more."""
    return f"FROM (\n{question.text}\n) LIMIT $shown", {**question.params, "shown": question.shown + 1}
