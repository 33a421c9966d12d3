"""Reading the lake: rows of the segments that count, and reasons of refused rows, into raw tables."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

from patchbay.core.storage import ObjectMissing, Storage
from warehouse.contracts.raw import REJECTED, STATISTICS, USAGE
from warehouse.engines.duckdb import DuckDBEngine
from warehouse.feeds import SegmentDamaged, SegmentMissing
from warehouse.segments import Segment, live_segments

_TABLES = {"usage": USAGE.name, "statistics": STATISTICS.name}
_SELECT = {
    "usage": 'SELECT r.* EXCLUDE (filename), CAST(r."at" AS DATE) AS day',
    "statistics": "SELECT r.* EXCLUDE (filename)",
}


@dataclass(frozen=True, slots=True)
class Loaded:
    """Rows put into raw tables, and the days whose usage changed."""

    rows: dict[str, int] = field(default_factory=dict)
    days: list[date] = field(default_factory=list)


class LakeLoader:
    """Brings raw tables in line with the segments that count. Call inside the transaction that appends the feed rows."""

    def __init__(self, engine: DuckDBEngine, storage: Storage) -> None:
        self._engine = engine
        self._connection = engine.connection
        self._storage = storage

    def load(self, *, new_segments: bool, new_batches: bool) -> Loaded:
        """Load what is new and drop what no longer counts."""
        loaded = self._load_segments() if new_segments else Loaded(dict.fromkeys(_TABLES.values(), 0))
        rejects = self._load_rejects() if new_batches else 0
        return Loaded(loaded.rows | {REJECTED.name: rejects}, loaded.days)

    def _load_segments(self) -> Loaded:
        live = self._live()
        have = {row[0] for row in self._connection.execute("SELECT segment_id FROM raw_live_segments").fetchall()}
        gone, fresh = have - set(live), [segment for segment_id, segment in live.items() if segment_id not in have]
        self._changed_segments(gone | {segment.segment_id for segment in fresh})
        days = set(self._touched_days())
        self._drop(gone)
        rows = {name: self._insert(stream, fresh) for stream, name in _TABLES.items()}
        self._note_live(fresh)
        days |= set(self._touched_days())
        return Loaded(rows, sorted(days))

    def _live(self) -> dict[str, Segment]:
        rows = self._connection.execute(
            "SELECT seq, op, id, stream, path, rows, digest, replaces FROM raw_segments ORDER BY seq"
        )
        names = [column[0] for column in rows.description or []]
        return live_segments(dict(zip(names, row, strict=True)) for row in rows.fetchall())

    def _changed_segments(self, ids: Iterable[str]) -> None:
        self._connection.execute(
            "CREATE OR REPLACE TEMP TABLE changed_segments AS SELECT unnest(?::VARCHAR[]) AS segment_id", [sorted(ids)]
        )

    def _touched_days(self) -> list[date]:
        """Days of the changed segments' events, and days of other events that share an id with one of them.

        The latter because the changed event may win over, or no longer win over, one that claims another day.
        """
        rows = self._connection.execute("""
            WITH changed AS (SELECT tenant_id, event_id, day FROM raw_usage_events SEMI JOIN changed_segments USING (segment_id)),
            others AS (SELECT tenant_id, event_id, day FROM raw_usage_events ANTI JOIN changed_segments USING (segment_id))
            SELECT DISTINCT day FROM changed
            UNION SELECT DISTINCT day FROM others SEMI JOIN changed USING (tenant_id, event_id)
        """)
        return [row[0] for row in rows.fetchall()]

    def _drop(self, segment_ids: Iterable[str]) -> None:
        for table in (*_TABLES.values(), "raw_live_segments"):
            self._connection.execute(
                f"DELETE FROM {table} WHERE segment_id IN (SELECT unnest(?::VARCHAR[]))",  # noqa: S608
                [sorted(segment_ids)],
            )

    def _insert(self, stream: str, fresh: Sequence[Segment]) -> int:
        segments = [segment for segment in fresh if segment.stream == stream]
        if not segments:
            return 0
        table = _TABLES[stream]
        before = self._engine.count(table)
        with self._files([segment.path for segment in segments]) as paths:
            for segment, path in zip(segments, paths, strict=True):
                _verify(segment, path)
            self._insert_files(stream, segments, paths)
        return self._engine.count(table) - before

    def _insert_files(self, stream: str, segments: Sequence[Segment], paths: Sequence[Path]) -> None:
        names = [str(path) for path in paths]
        self._connection.execute(
            f"INSERT INTO {_TABLES[stream]} BY NAME {_SELECT[stream]}, s.segment_id, s.segment_seq "
            "FROM read_parquet(?, filename = true) r JOIN (SELECT unnest(?::VARCHAR[]) AS filename, "
            "unnest(?::VARCHAR[]) AS segment_id, unnest(?::BIGINT[]) AS segment_seq) s USING (filename)",
            [names, names, [s.segment_id for s in segments], [s.origin_seq for s in segments]],
        )

    def _note_live(self, fresh: Sequence[Segment]) -> None:
        self._connection.execute(
            "INSERT INTO raw_live_segments SELECT unnest(?::VARCHAR[]), unnest(?::BIGINT[]), unnest(?::VARCHAR[])",
            [[s.segment_id for s in fresh], [s.origin_seq for s in fresh], [s.stream for s in fresh]],
        )

    def _load_rejects(self) -> int:
        """Reasons of refused rows of batches not yet looked at.

        Files that are gone are no error, and are not asked for again: the batch's own count remains.
        """
        batches = self._connection.execute("""
            SELECT tenant_id, id, stream, rejects_path FROM raw_intake_batches b
            WHERE rejects_path IS NOT NULL AND id NOT IN (SELECT intake_batch_id FROM notes.batches_seen)
            AND id NOT IN (SELECT intake_batch_id FROM raw_rejects)
            QUALIFY row_number() OVER (PARTITION BY id ORDER BY seq DESC) = 1 ORDER BY seq
        """).fetchall()
        seen = [batch[1] for batch in batches]
        self._connection.execute("INSERT INTO notes.batches_seen SELECT unnest(?::VARCHAR[])", [seen])
        kept = [batch for batch in batches if self._storage.exists(batch[3])]
        if not kept:
            return 0
        before = self._engine.count(REJECTED.name)
        with self._files([batch[3] for batch in kept]) as paths:
            names = [str(path) for path in paths]
            self._connection.execute(
                "INSERT INTO raw_rejects BY NAME SELECT b.tenant_id, b.intake_batch_id, b.stream, r.* EXCLUDE (filename) "
                "FROM read_parquet(?, filename = true) r JOIN (SELECT unnest(?::VARCHAR[]) AS filename, unnest(?::VARCHAR[]) "
                "AS tenant_id, unnest(?::VARCHAR[]) AS intake_batch_id, unnest(?::VARCHAR[]) AS stream) b USING (filename)",
                [names, names, *([batch[place] for batch in kept] for place in range(3))],
            )
        return self._engine.count(REJECTED.name) - before

    @contextmanager
    def _files(self, keys: Sequence[str]) -> Iterator[list[Path]]:
        """Local files of the keys; those of a remote store are fetched for as long as the block runs."""
        with TemporaryDirectory(prefix="patchbay-lake-") as folder:
            yield [
                self._storage.local_path(key) or self._fetch(key, Path(folder) / f"{n}.parquet")
                for n, key in enumerate(keys)
            ]

    def _fetch(self, key: str, path: Path) -> Path:
        try:
            path.write_bytes(self._storage.read_bytes(key))
        except ObjectMissing as error:
            raise SegmentMissing(key) from error
        return path


def _verify(segment: Segment, path: Path) -> None:
    if not path.is_file():
        raise SegmentMissing(segment.path)
    with path.open("rb") as file:
        found = f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"
    if found != segment.digest:
        raise SegmentDamaged(segment.path, segment.digest, found)
