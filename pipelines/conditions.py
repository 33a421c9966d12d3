"""When things run, how often they are tried, and how old they may get. The one place to read or change it."""

from datetime import timedelta

import dagster as dg

WRITER_POOL = "warehouse_writer"
"""DuckDB has one writer. Every step that writes waits in this pool of one, and a run holds the file's lock until it ends, so a
second run waits instead of failing on the lock (the commonest complaint about DuckDB under Dagster)."""

SINGLE_RUN = dg.BackfillPolicy.single_run()
"""Days are replaced as one range: a run a day would cost seconds of start-up for each."""

INGEST_RETRY = dg.RetryPolicy(max_retries=3, delay=10, backoff=dg.Backoff.EXPONENTIAL)
"""The registry may be restarting. Taking in is exactly once, so a repeat costs nothing. More tries would only delay the alarm."""

HOURLY = "7 * * * *"
"""Entities change without usage: an hourly ingest keeps the raw rows near. Off the full hour, when everyone else runs."""

DAILY = "23 2 * * *"
"""A build a day even when nothing calls for one, so that dimensions and the publication's age stay honest."""

SENSOR_SECONDS = 60
"""Between looks for new segments. A run costs seconds; usage a minute old is fresh enough for people."""

SENSOR_RETRY_SECONDS = (120, 3600)
"""After a build that published nothing: the first wait before the same segments are tried again, doubled each time, and the longest.
A bad row does not go away by itself, yet a lake that was restored should not wait for the nightly build."""

CHANGED_ONLY = "patchbay/changed_days_only"
"""Run tag: build only days whose input changed, not all of the range. A backfill by hand carries no such tag and so replaces
every day asked for. Without it one late event from a month ago would cost a month."""


def fresh_within(hours: int) -> dg.FreshnessPolicy:
    """A table older than this warns at three quarters of it and fails after. Judged for the table, not for single days."""
    limit = timedelta(hours=hours)
    return dg.FreshnessPolicy.time_window(fail_window=limit, warn_window=limit * 0.75)
