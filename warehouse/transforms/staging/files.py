"""Staging of the lake's files: usage, outside statistics, refused rows."""

import ibis
from ibis.expr.types import Table

EVENT = ["tenant_id", "event_id"]


def stg_registry__usage_events(raw_usage_events: Table, build_days: Table) -> Table:
    """One row per event of the days being built; the first to arrive wins, in whatever segment and day the others are.

    Only ids that occur twice are put in order, and only those that occur in the days being built are looked for elsewhere.
    """
    arrived = raw_usage_events.semi_join(build_days, "day")
    somewhere = raw_usage_events.semi_join(arrived.select(*EVENT), EVENT)
    repeated = somewhere.group_by(EVENT).agg(times=somewhere.count()).filter(lambda t: t.times > 1)
    first = ibis.window(group_by=EVENT, order_by=["segment_seq", "row_index", "segment_id", "at"])
    contested = raw_usage_events.semi_join(repeated, EVENT)
    winners = contested.mutate(place=ibis.row_number().over(first)).filter(lambda t: t.place == 0).drop("place")
    return arrived.anti_join(repeated, EVENT).union(winners.semi_join(build_days, "day"))


def stg_registry__statistics(raw_statistics: Table) -> Table:
    """One row per plugin, version, period, grain, metric and source; the last to arrive wins."""
    key = ["tenant_id", "plugin_id", "version", "period", "grain", "metric", "source"]
    order = [ibis.desc("segment_seq"), ibis.desc("row_index"), ibis.desc("segment_id")]
    last = ibis.window(group_by=key, order_by=order)
    return raw_statistics.mutate(age=ibis.row_number().over(last)).filter(lambda t: t.age == 0)


def stg_registry__rejects(raw_rejects: Table, stg_registry__intake_batches: Table) -> Table:
    """One row per complaint about a refused row, dated by its batch's acknowledgement."""
    batches = stg_registry__intake_batches.select(
        "intake_batch_id", day=stg_registry__intake_batches.recorded_at.date()
    )
    complaint = ibis.window(group_by=["intake_batch_id", "row_index", "field", "code"], order_by=["reason", "row"])
    once = raw_rejects.mutate(place=ibis.row_number().over(complaint)).filter(lambda t: t.place == 0)
    return once.inner_join(batches, "intake_batch_id")
