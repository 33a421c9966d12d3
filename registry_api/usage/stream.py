"""The usage stream: its row rules, its names, its pseudonyms, its stored shape."""

from datetime import datetime, timedelta
from uuid import UUID

import polars as pl
from fastapi import Request

from patchbay.core.clock import EARLIEST, FUTURE_SKEW, utcnow
from patchbay.core.contracts.intake import ENVIRONMENTS, OUTCOMES, USAGE_EVENT, USAGE_SEGMENT, USAGE_TYPES
from patchbay.core.telemetry import current_trace_id
from registry_api.access import Actor
from registry_api.db import UnitOfWork
from registry_api.intake.columnar.checks import (
    Check,
    at_most,
    between,
    finite,
    not_negative,
    one_of,
    quoted,
    required,
)
from registry_api.intake.compaction import ERASE, nightly
from registry_api.intake.names import Names
from registry_api.jobs.queue import PATIENT
from registry_api.subjects.repository import Subjects
from registry_api.subjects.service import pseudonyms
from registry_api.tenancy.plans import Quota
from registry_api.usage.counters import PURGE, Counters, minute_counts

LONGEST_NAME, LONGEST_TEXT = 200, 1000
MOST_QUANTITY = 1_000_000_000
MOST_CPU_PERCENT = 100_000
LONGEST_DURATION_MS = 1e12
"""Some thirty years. Without a bound, sums of a minute could leave what a float holds."""
LONGEST_ERASING = timedelta(hours=1)
"""An erasure bears the time it began; until it commits, a batch that begins later still meets the person."""
_NAMES = ("id", "version")
_TEXTS = ("plugin", "target", "person", "session", "error_code")


class UsageStream:
    """Usage events; see the contract USAGE_EVENT for the columns."""

    name = "usage"
    metered: Quota | None = Quota.EVENTS
    wire = USAGE_EVENT
    stored = USAGE_SEGMENT
    time_column = "at"

    def checks(self, now: datetime) -> list[Check]:
        """Rules that need nothing but the row, the most telling first."""
        limit = now + FUTURE_SKEW
        at = pl.col("at")
        return [
            required("id"),
            required("type"),
            one_of("type", USAGE_TYPES),
            Check("at", "missing_field", "at is required.", at.is_null()),
            Check(
                "at", "future_time", f"at lies after {limit:%Y-%m-%dT%H:%M:%SZ}, the latest we take now.", at > limit
            ),
            Check("at", "impossible_time", f"at lies before {EARLIEST:%Y-%m-%d}.", at < EARLIEST),
            Check("plugin", "missing_field", "plugin is required unless type is search.", _plugin_missing()),
            *(at_most(column, LONGEST_NAME) for column in _NAMES),
            *(at_most(column, LONGEST_TEXT) for column in _TEXTS),
            one_of("environment", ENVIRONMENTS),
            one_of("outcome", OUTCOMES),
            *(finite(column) for column in ("duration_ms", "cpu_percent")),
            *(not_negative(column) for column in ("duration_ms", "memory_bytes", "cost")),
            between("quantity", 1, MOST_QUANTITY),
            between("duration_ms", 0, LONGEST_DURATION_MS),
            between("score", 1, 5),
            between("cpu_percent", 0, MOST_CPU_PERCENT),
        ]

    def resolve(self, frame: pl.DataFrame, names: Names) -> tuple[pl.DataFrame, list[Check]]:
        """Adds plugin_id, release_id (null for an unknown version), target_id and the target's environment."""
        found = frame.join(names.plugins, on="plugin", how="left", maintain_order="left")
        found = found.join(names.releases, on=["plugin_id", "version"], how="left", maintain_order="left")
        found = found.join(names.targets, on="target", how="left", maintain_order="left")
        plugin = pl.format(
            "There is no plugin {}; publish it first, or name it by id or namespace:name.", quoted("plugin")
        )
        target = pl.format("There is no target {}; add it first, or name it by id or name.", quoted("target"))
        return found, [
            Check("plugin", "unknown_plugin", plugin, pl.col("plugin").is_not_null() & pl.col("plugin_id").is_null()),
            Check("target", "unknown_target", target, pl.col("target").is_not_null() & pl.col("target_id").is_null()),
        ]

    def distinct(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The first row of each event id."""
        return frame.filter(pl.col("id").is_first_distinct())

    async def prepare(self, actor: Actor, request: Request, frame: pl.DataFrame) -> pl.DataFrame:
        """Adds subject_id; an empty person is no person."""
        frame = frame.with_columns(pl.when(pl.col("person") != "").then(pl.col("person")).alias("person"))
        persons = frame["person"].drop_nulls().unique().to_list()
        known = await pseudonyms(actor, request.app.state.settings, persons)
        subjects = pl.DataFrame(
            {"person": list(known), "subject_id": list(known.values())},
            schema={"person": pl.String, "subject_id": pl.String},
        )
        return frame.join(subjects, on="person", how="left", maintain_order="left")

    def shape(self, frame: pl.DataFrame, tenant_id: UUID) -> pl.DataFrame:
        """USAGE_SEGMENT, sorted by time, batch order within equal times."""
        shaped = frame.with_columns(
            event_id="id",
            tenant_id=pl.lit(str(tenant_id)),
            environment=pl.coalesce("environment", "target_environment"),
            quantity=pl.col("quantity").fill_null(1),
        ).select(USAGE_SEGMENT.column_names)
        return shaped if shaped["at"].is_sorted() else shaped.sort("at", maintain_order=True)

    def tally(self, stored: pl.DataFrame, started: datetime) -> pl.DataFrame:
        """What the batch adds to the minute counters."""
        return minute_counts(stored, started)

    async def effect(self, work: UnitOfWork, stored: pl.DataFrame, tally: pl.DataFrame, started: datetime) -> None:
        """Adds to the minute counters, and has anyone cleaned out who was erased while the batch was on its way."""
        await work.repository(Counters).add(tally, current_trace_id())
        if tally.height:
            nightly(work, PURGE, started)
        subjects = work.repository(Subjects)
        erased = await subjects.erased_since(started - LONGEST_ERASING)
        seen = erased & {UUID(id) for id in stored["subject_id"].drop_nulls().unique()} if erased else erased
        if seen:
            subjects.ask_erasures(sorted(seen), utcnow())
            work.enqueue(ERASE, {}, max_attempts=PATIENT)


def _plugin_missing() -> pl.Expr:
    plugin = pl.col("plugin")
    return (plugin.is_null() | (plugin == "")) & (pl.col("type") != "search")


USAGE = UsageStream()
