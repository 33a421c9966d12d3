"""Adoption: the installed level and the use of each day on which something happened."""

import ibis
from ibis.expr.types import Table

KEY = ["tenant_id", "plugin_id", "day"]
MEASURES = ("delta", "uses", "active_persons", "active_targets")


def mart_adoption(
    fct_usage_daily: Table,
    fct_usage_person_daily: Table,
    fct_usage_target_daily: Table,
    fct_installation_interval: Table,
) -> Table:
    """One row per tenant, plugin and day with use or with a change of what is installed."""
    uses = fct_usage_daily.group_by(KEY).agg(amount=fct_usage_daily.uses.sum())
    persons = fct_usage_person_daily.group_by(KEY).agg(amount=fct_usage_person_daily.subject_id.nunique())
    targets = fct_usage_target_daily.group_by(KEY).agg(amount=fct_usage_target_daily.target_id.nunique())
    moves = (
        _measured(uses, "uses")
        .union(_measured(persons, "active_persons"))
        .union(_measured(targets, "active_targets"))
        .union(_changes(fct_installation_interval))
    )
    days = moves.group_by(KEY).agg(**{name: moves[name].sum() for name in MEASURES})
    so_far = ibis.cumulative_window(group_by=["tenant_id", "plugin_id"], order_by="day")
    return days.mutate(installed_targets=days.delta.sum().over(so_far))


def _changes(intervals: Table) -> Table:
    begun = intervals.select("tenant_id", "plugin_id", day=intervals.from_at.date(), amount=ibis.literal(1))
    ended = intervals.filter(intervals.to_at.notnull())
    ended = ended.select("tenant_id", "plugin_id", day=ended.to_at.date(), amount=ibis.literal(-1))
    return _measured(begun.union(ended), "delta")


def _measured(rows: Table, measure: str) -> Table:
    """The rows with their amount under one measure and zero under the others."""
    zero = ibis.literal(0).cast("int64")
    amounts = {name: rows.amount.cast("int64") if name == measure else zero for name in MEASURES}
    return rows.select(*KEY, **amounts)
