"""Minute counters: how a batch adds to them, how they are read, and when they go."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import polars as pl
from sqlalchemy import Select, delete
from sqlalchemy.dialects import postgresql, sqlite

from registry_api.db import Repository
from registry_api.db.chunks import chunks
from registry_api.usage.models import NO_ID, MinuteCounter

WINDOW = timedelta(hours=48)
"""Only events younger than this are counted: detection looks no further back, and a bulk load of history would make a counter row
for nearly each of its events. What is older is in the segments."""

PURGE = "usage.purge_counters"

_SUMS = ("events", "quantity", "errors", "duration_ms_sum", "duration_ms_count")
_KEYS = ("tenant_id", "minute", "plugin_id", "release_id", "type")


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

    async def add(self, counts: pl.DataFrame) -> None:
        """Add to the counters, in key order so that two writers never deadlock."""
        if counts.is_empty():
            return
        dialect = postgresql if self.session.get_bind().dialect.name == "postgresql" else sqlite
        insert = dialect.insert(MinuteCounter)
        sums: dict[str, Any] = {name: getattr(MinuteCounter, name) + getattr(insert.excluded, name) for name in _SUMS}
        statement = insert.on_conflict_do_update(index_elements=list(_KEYS), set_=sums)
        for part in chunks(counts.rows(named=True)):
            await self.session.execute(statement, [_ids(row) for row in part])

    def between(
        self, plugin_id: UUID | None, since: datetime | None, until: datetime | None
    ) -> Select[tuple[MinuteCounter]]:
        """Counters from `since` until before `until`."""
        query = self.owned(MinuteCounter)
        if plugin_id is not None:
            query = query.where(MinuteCounter.plugin_id == plugin_id)
        if since is not None:
            query = query.where(MinuteCounter.minute >= since)
        return query if until is None else query.where(MinuteCounter.minute < until)

    async def purge(self, before: datetime) -> int:
        """Delete the tenant's counters of minutes before a moment; how many went."""
        old = (MinuteCounter.tenant_id == self.scope.tenant_id, MinuteCounter.minute < before)
        result = await self.session.execute(delete(MinuteCounter).where(*old))
        return int(result.rowcount)  # type: ignore[attr-defined]


def _ids(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, **{name: UUID(row[name]) for name in ("tenant_id", "plugin_id", "release_id")}}
