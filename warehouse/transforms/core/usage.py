"""Daily facts of use. Sums go through whole numbers, so that no order of addition can change a digit."""

import ibis
from ibis.expr.types import IntegerColumn, Table

MICRO = 1000
"""Microseconds in a millisecond: durations are summed as whole microseconds."""


def fct_usage_daily(stg_registry__usage_events: Table, build_days: Table) -> Table:
    """One row per tenant, plugin, release and day being built; days without events give no rows."""
    events = _of_plugins(stg_registry__usage_events, build_days)
    used = events.type == "use"
    timed = used & events.duration_ms.notnull()
    reported = events.type == "error"
    failed = used & (events.outcome == "error")
    return events.group_by("tenant_id", "plugin_id", "release_id", "day").agg(
        uses=_total(events.quantity, used),
        errors=_total(events.quantity, reported | failed),
        failures=_total(events.quantity, reported),
        views=_total(events.quantity, events.type == "view"),
        duration_ms_sum=_total(microseconds(events), timed).cast("float64") / MICRO,
        duration_ms_count=events.count(where=timed),
        cost=ibis.coalesce(events.cost.sum(), ibis.literal(0).cast("decimal(18, 6)")),
        persons=events.subject_id.nunique(where=used),
        targets=events.target_id.nunique(where=used),
    )


def fct_usage_person_daily(stg_registry__usage_events: Table, build_days: Table) -> Table:
    """One row per tenant, plugin, person and day being built on which the person used the plugin."""
    events = _of_plugins(stg_registry__usage_events, build_days)
    uses = events.filter((events.type == "use") & events.subject_id.notnull())
    return uses.group_by("tenant_id", "plugin_id", "subject_id", "day").agg(uses=uses.quantity.sum())


def fct_usage_target_daily(stg_registry__usage_events: Table, build_days: Table) -> Table:
    """One row per tenant, plugin, target and day being built on which the plugin was used there."""
    events = _of_plugins(stg_registry__usage_events, build_days)
    uses = events.filter((events.type == "use") & events.target_id.notnull())
    return uses.group_by("tenant_id", "plugin_id", "target_id", "day").agg(uses=uses.quantity.sum())


def microseconds(events: Table) -> IntegerColumn:
    """Durations as whole microseconds."""
    return (events.duration_ms * MICRO).round().cast("int64")


def _of_plugins(events: Table, build_days: Table) -> Table:
    return events.semi_join(build_days, "day").filter(lambda t: t.plugin_id.notnull())


def _total(values: IntegerColumn, where: ibis.expr.types.BooleanColumn) -> IntegerColumn:
    return ibis.coalesce(values.sum(where=where), 0)
