"""Minute counters: how a batch adds to them, how they are read, and when they go."""

from datetime import datetime, timedelta

import polars as pl
from sqlalchemy import Select, delete

from registry_api.db import Repository
from registry_api.usage.models import NO_ID, MinuteCounter

WINDOW = timedelta(hours=48)
"""Only events younger than this are counted: detection looks no further back, and a bulk load of history would make a counter row
for nearly each of its events. What is older is in the segments."""

PURGE = "usage.purge_counters"

_SUMS = ("events", "quantity", "errors", "duration_ms_sum", "duration_ms_count")
_KEYS = ("tenant_id", "minute", "plugin_id", "release_id", "type")
_COLUMNS = (*_KEYS, *_SUMS, "trace_id")
_TABLE = MinuteCounter.__tablename__
_ADDING = (
    f"ON CONFLICT ({', '.join(_KEYS)}) DO UPDATE SET "
    + ", ".join(f"{name} = {_TABLE}.{name} + excluded.{name}" for name in _SUMS)
    + f", trace_id = coalesce(excluded.trace_id, {_TABLE}.trace_id)"
)  # fmt: skip
# Only names of our own columns are put into these statements.
_SQLITE = f"INSERT INTO {_TABLE} ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))}) {_ADDING}"  # noqa: S608
_POSTGRES = f"""INSERT INTO {_TABLE} ({", ".join(_COLUMNS)})
SELECT * FROM unnest($1::uuid[], $2::timestamptz[], $3::uuid[], $4::uuid[], $5::text[],
    $6::bigint[], $7::bigint[], $8::bigint[], $9::float8[], $10::bigint[], $11::text[]) {_ADDING}"""  # noqa: S608


def minute_counts(stored: pl.DataFrame, now: datetime) -> pl.DataFrame:
    """One row per plugin, release, type and UTC minute of the recent rows; empty when all are history."""
    nobody = pl.lit(str(NO_ID))
    recent = stored.lazy().filter(pl.col("at") >= now - WINDOW)
    keyed = recent.group_by(
        pl.col("tenant_id"),
        pl.col("at").dt.truncate("1m").alias("minute"),
        pl.col("plugin_id").fill_null(nobody),
        pl.col("release_id").fill_null(nobody),
        pl.col("type"),
    )
    return (
        keyed.agg(
            events=pl.len().cast(pl.Int64),
            quantity=pl.col("quantity").sum(),
            errors=((pl.col("outcome") == "error") | (pl.col("type") == "error")).sum().cast(pl.Int64),
            duration_ms_sum=pl.col("duration_ms").sum(),
            duration_ms_count=pl.col("duration_ms").count().cast(pl.Int64),
        )
        .sort(_KEYS)
        .collect()
    )


class Counters(Repository):
    """SQL of the minute counters."""

    async def add(self, counts: pl.DataFrame, trace_id: str | None) -> None:
        """Add what a batch of that trace counted, in key order so that two writers never deadlock.

        Handed to the driver as it is: the mapper would take ten times as long for the tens of thousands of rows a batch can touch.
        """
        if counts.is_empty():
            return
        counts = counts.with_columns(trace_id=pl.lit(trace_id, pl.String))
        connection = await self.session.connection()
        if connection.dialect.name == "postgresql":
            columns = tuple(counts[name].to_list() for name in _COLUMNS)
            await connection.exec_driver_sql(_POSTGRES, columns)
        else:
            await connection.exec_driver_sql(_SQLITE, _as_sqlite_keeps(counts).rows())

    def all(self) -> Select[tuple[MinuteCounter]]:
        """Counters of the window."""
        return self.owned(MinuteCounter)

    async def purge(self, before: datetime) -> int:
        """Delete the tenant's counters of minutes before a moment; how many went."""
        old = (MinuteCounter.tenant_id == self.scope.tenant_id, MinuteCounter.minute < before)
        result = await self.session.execute(delete(MinuteCounter).where(*old))
        return int(result.rowcount)  # type: ignore[attr-defined]


def _as_sqlite_keeps(counts: pl.DataFrame) -> pl.DataFrame:
    """UUIDs and times as SQLAlchemy's types write them there."""
    ids = pl.col("tenant_id", "plugin_id", "release_id").str.replace_all("-", "", literal=True)
    return counts.select(_COLUMNS).with_columns(ids, pl.col("minute").dt.strftime("%Y-%m-%d %H:%M:%S.000000"))
