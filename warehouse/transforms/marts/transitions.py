"""How installations came, went and changed, by month."""

import ibis
from ibis.expr.types import StringValue, Table

KEY = ["tenant_id", "plugin_id", "month", "transition", "from_version", "to_version"]
TARGET = ["tenant_id", "target_id", "plugin_id"]


def mart_install_transitions(fct_installation_interval: Table, dim_release: Table) -> Table:
    """One row per tenant, plugin, month, transition and pair of versions."""
    moves = _openings(fct_installation_interval, dim_release).union(_closings(fct_installation_interval))
    return moves.group_by(KEY).agg(targets=moves.target_id.nunique())


def _openings(intervals: Table, releases: Table) -> Table:
    order = ibis.window(group_by=TARGET, order_by="interval_number")
    known = _with_sort_key(intervals, releases)
    rows = known.mutate(version_before=known.version.lag().over(order), key_before=known.sort_key.lag().over(order))
    changed = rows.opening == "changed"
    return rows.select(
        "tenant_id",
        "plugin_id",
        "target_id",
        month=rows.from_at.date().truncate("M"),
        transition=_transition(rows),
        from_version=ibis.ifelse(changed, rows.version_before, ibis.null("string")),
        to_version=rows.version,
    )


def _transition(rows: Table) -> StringValue:
    backwards = ibis.coalesce(rows.sort_key < rows.key_before, False)
    return ibis.cases(
        (rows.opening != "changed", rows.opening), (backwards, "downgraded"), else_=ibis.literal("upgraded")
    )


def _closings(intervals: Table) -> Table:
    gone = intervals.filter(intervals.closing == "removed")
    return gone.select(
        "tenant_id",
        "plugin_id",
        "target_id",
        month=gone.to_at.date().truncate("M"),
        transition=ibis.literal("removed"),
        from_version=gone.version,
        to_version=ibis.null("string"),
    )


def _with_sort_key(intervals: Table, releases: Table) -> Table:
    keys = releases.group_by("plugin_id", "version").agg(sort_key=releases.sort_key.max())
    return intervals.left_join(keys, ["plugin_id", "version"]).select(*intervals.columns, "sort_key")
