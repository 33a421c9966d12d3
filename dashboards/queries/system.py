"""What a snapshot says of itself."""

import polars as pl

from dashboards.kit.page import Glance
from dashboards.queries.overview import reach
from warehouse.read import Snapshot


def freshness() -> Glance:
    """When the publication was made, how far its data reaches, and how its checks went; one row."""
    return Glance(
        "freshness",
        "Data freshness",
        "When the data was published, how far it reaches, and how its checks went.",
        _freshness,
    )


def _freshness(snapshot: Snapshot) -> pl.DataFrame:
    checks = snapshot.checks()
    told = pl.DataFrame(
        {
            "snapshot_id": [snapshot.snapshot_id],
            "published_at": [snapshot.published_at],
            "data_until": [snapshot.data_until],
            "checks": [checks.height],
            "failed": [int((~checks["passed"]).sum())],
        },
        schema_overrides={"data_until": pl.Datetime("us", "UTC")},
    )
    return pl.concat([told, snapshot.query(reach().text)], how="horizontal")


def checks() -> Glance:
    """The last outcome of every check of the build, failed ones first."""
    return Glance(
        "checks",
        "Checks",
        "The checks that the build behind this data went through; failed ones first.",
        lambda snapshot: _checks(snapshot.checks()),
    )


def _checks(outcomes: pl.DataFrame) -> pl.DataFrame:
    status = pl.when("passed").then(pl.lit("passed")).otherwise(pl.lit("failed")).alias("status")
    return outcomes.sort("passed", "table_name", "check_name").select(status, pl.exclude("passed"))


def checks_by_table() -> Glance:
    """Checks counted by table, tables with failures first."""
    return Glance(
        "checks_by_table",
        "Checks by table",
        "How the checks behind this data went, table by table.",
        lambda snapshot: _by_table(snapshot.checks()),
    )


def _by_table(outcomes: pl.DataFrame) -> pl.DataFrame:
    counted = outcomes.group_by("table_name").agg(
        pl.len().cast(pl.Int64).alias("checks"),
        (~pl.col("passed")).sum().cast(pl.Int64).alias("failed"),
        pl.col("checked_at").max().alias("last_checked"),
    )
    return counted.sort(["failed", "table_name"], descending=[True, False])
