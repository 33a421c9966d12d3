"""The statistics stream: counts that outside registries publish, by plugin, release and period."""

from datetime import datetime
from uuid import UUID

import polars as pl
from fastapi import Request

from patchbay.core.clock import EARLIEST
from patchbay.core.contracts.intake import METRICS, PERIOD_GRAINS, STATISTIC, STATISTIC_SEGMENT
from registry_api.access import Actor
from registry_api.db import UnitOfWork
from registry_api.intake.columnar.checks import Check, at_most, not_negative, one_of, quoted, required
from registry_api.intake.names import Names
from registry_api.tenancy.plans import Quota

LONGEST_NAME, LONGEST_REF = 200, 401
KEY = ["plugin_id", "version", "period", "grain", "metric", "source"]


class StatisticsStream:
    """Outside counts; see the contract STATISTIC for the columns."""

    name = "statistics"
    metered: Quota | None = None
    wire = STATISTIC
    stored = STATISTIC_SEGMENT
    time_column = "period"

    def checks(self, now: datetime) -> list[Check]:
        """Rules that need nothing but the row."""
        period = pl.col("period")
        return [
            required("plugin"),
            at_most("plugin", LONGEST_REF),
            Check("period", "missing_field", "period is required.", period.is_null()),
            Check("period", "future_time", f"period begins after today, {now:%Y-%m-%d}.", period > now.date()),
            Check("period", "impossible_time", f"period lies before {EARLIEST:%Y-%m-%d}.", period < EARLIEST.date()),
            *(required(column) for column in ("grain", "metric", "source")),
            one_of("grain", PERIOD_GRAINS),
            one_of("metric", METRICS),
            Check("period", "not_first_day", "A month is named by its first day.", _not_first_day()),
            Check("count", "missing_field", "count is required.", pl.col("count").is_null()),
            not_negative("count"),
            at_most("version", LONGEST_NAME),
            at_most("source", LONGEST_NAME),
        ]

    def resolve(self, frame: pl.DataFrame, names: Names) -> tuple[pl.DataFrame, list[Check]]:
        """Adds plugin_id."""
        found = frame.join(names.plugins, on="plugin", how="left", maintain_order="left")
        reason = pl.format(
            "There is no plugin {}; publish it first, or name it by id or namespace:name.", quoted("plugin")
        )
        return found, [Check("plugin", "unknown_plugin", reason, pl.col("plugin_id").is_null())]

    def distinct(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The last row of each key, as a later count replaces an earlier one."""
        return frame.unique(KEY, keep="last", maintain_order=True)

    async def prepare(self, actor: Actor, request: Request, frame: pl.DataFrame) -> pl.DataFrame:
        """Nothing to look up."""
        return frame

    def shape(self, frame: pl.DataFrame, tenant_id: UUID) -> pl.DataFrame:
        """STATISTIC_SEGMENT, sorted by period."""
        shaped = frame.with_columns(tenant_id=pl.lit(str(tenant_id))).select(STATISTIC_SEGMENT.column_names)
        return shaped.sort("period", maintain_order=True)

    def tally(self, stored: pl.DataFrame, started: datetime) -> pl.DataFrame:
        """Nothing to add up."""
        return stored.clear()

    async def effect(self, work: UnitOfWork, stored: pl.DataFrame, tally: pl.DataFrame, started: datetime) -> None:
        """Nothing but the segment."""


def _not_first_day() -> pl.Expr:
    return (pl.col("grain") == "month") & (pl.col("period").dt.day() != 1)


STATISTICS = StatisticsStream()
