"""Minute counters of the registry as frames."""

from datetime import UTC, datetime

import numpy as np
import polars as pl

from models.anomalies.many import Counts
from models.anomalies.series import LEVELS, SeriesKey, counts_per_minute
from pipelines.resources.insights import InsightsClient

SCHEMA = {
    "tenant": pl.String, "plugin": pl.String, "release": pl.String, "minute": pl.Int64, "uses": pl.Int64,
    "errors": pl.Int64, "trace_id": pl.String,
}  # fmt: skip
USED = ("use", "error")


def read(client: InsightsClient, since: int) -> pl.DataFrame:
    """Uses from the minute `since` on (minutes since the epoch) of all tenants, in the columns of `SCHEMA`.

    Rows are counted, as in the warehouse, whatever quantity they stand for.
    """
    rows = [
        (
            row["tenant_id"], row["plugin_id"], row["release_id"], minute_of(row["minute"]), row["events"], row["errors"],
            row["trace_id"],
        )
        for row in client.counters(since=moment(since).isoformat())
        if row["type"] in USED and row["plugin_id"] is not None
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def counts(frame: pl.DataFrame, keys: list[SeriesKey], start: int, minutes: int, column: str = "uses") -> Counts:
    """Counts (minutes, S) of a column from the minute `start` on; nothing is unobserved."""
    counted = frame.select("tenant", "plugin", "minute", pl.col(column).alias("uses"))
    return counts_per_minute(counted, keys, start, minutes, begun=True)


def traces(frame: pl.DataFrame) -> dict[str, str]:
    """The newest trace of everything that something came in for, by `name_of` a series or by the release's id."""
    ordered = frame.drop_nulls("trace_id").sort("minute", maintain_order=True)
    found: dict[str, str] = {}
    for level in (*LEVELS, ("release",)):
        newest = ordered.group_by(level or [pl.lit(0)]).agg(pl.col("trace_id").last()).drop_nulls()
        found |= {_name(level, row): row["trace_id"] for row in newest.to_dicts()}
    return found


def name_of(key: SeriesKey) -> str:
    """A series' name, which no id of a release is."""
    return f"{key.tenant or ''}/{key.plugin or ''}"


def by_release(frame: pl.DataFrame) -> pl.DataFrame:
    """What a stretch adds to the releases: release, plugin, uses, errors, first and last."""
    return (
        frame.drop_nulls("release")
        .group_by("release", "plugin")
        .agg(
            pl.col("uses").sum(),
            pl.col("errors").sum(),
            first=_moment(pl.col("minute").min()),
            last=_moment(pl.col("minute").max() + 1),
        )
    )


def added(releases: pl.DataFrame, more: pl.DataFrame) -> pl.DataFrame:
    """Totals of releases with a stretch added."""
    parts = pl.concat([releases, more.select(releases.columns)])
    summed = pl.col("uses", "errors").sum()
    return parts.group_by("release", "plugin").agg(summed, pl.col("first").min(), pl.col("last").max()).sort("release")


def ratio(errors: Counts, uses: Counts) -> list[float | None]:
    """Share of errors of each series; None without uses."""
    share = errors / np.maximum(uses, 1)
    return [float(value) if count else None for value, count in zip(share, uses, strict=True)]


def minute_of(text: str) -> int:
    """The minute since the epoch that an ISO text names."""
    return int(datetime.fromisoformat(text).timestamp()) // 60


def moment(minute: int) -> datetime:
    """The start of a minute since the epoch."""
    return datetime.fromtimestamp(minute * 60, UTC)


def _name(level: tuple[str, ...], row: dict[str, str]) -> str:
    return row["release"] if level == ("release",) else name_of(SeriesKey(row.get("tenant"), row.get("plugin")))


def _moment(minute: pl.Expr) -> pl.Expr:
    return pl.from_epoch(minute * 60, "s").cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
