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

PUBLISH_TRIES, PUBLISH_WAIT = 3, 20
"""How often, and how many seconds apart, insights are offered to a registry that does not answer. It may be restarting; a set is
put whole or not at all, so a repeat costs nothing."""

HOURLY = "7 * * * *"
"""Entities change without usage: an hourly ingest keeps the raw rows near. Off the full hour, when everyone else runs."""

DAILY = "23 2 * * *"
"""A build a day even when nothing calls for one, so that dimensions and the publication's age stay honest."""

LEARN_DAILY = "53 2 * * *"
"""Half an hour after the nightly build, from what it published. What people install, and which releases are risky, does not change
by the hour; the tick keeps up with the minutes in between."""

TICK_SECONDS = 30
"""Between looks at the minute counters. An effect is wanted 45 s after the event that calls for it; a tick costs less than one."""

CLOSED_AFTER = 30
"""Seconds after its end until a minute is taken as complete: senders post every few seconds. Scored earlier, it would look like a drop;
what comes later still is in the warehouse, where the night's learning sees it."""

PAUSE_MINUTES = 15
"""A tick that has not looked for longer starts anew at the first minute in which anything came: that nobody sent anything while the whole
of Patchbay was switched off is no outage."""

CATCH_UP_MINUTES = 180
"""The most that is caught up with after a pause, so that one tick stays within Dagster's minute."""

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
