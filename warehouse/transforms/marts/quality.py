"""What became of what was sent: accepted, duplicate, refused and why."""

import ibis
from ibis.expr.types import Table

from warehouse.transforms.core.installations import with_presence

KEY = ["tenant_id", "stream", "day", "code"]


def mart_data_quality(
    stg_registry__intake_batches: Table,
    stg_registry__rejects: Table,
    stg_registry__usage_events: Table,
    stg_registry__observations: Table,
    raw_usage_events: Table,
) -> Table:
    """One row per tenant, stream, day and code with at least one row of input."""
    listed = _listed(stg_registry__rejects)
    parts = (
        _answered(stg_registry__intake_batches, "accepted", "accepted"),
        _answered(stg_registry__intake_batches, "duplicates", "duplicate"),
        _unlisted(stg_registry__intake_batches, listed),
        listed.select(*KEY, rows=ibis.literal(1).cast("int64")),
        _repeated(raw_usage_events, stg_registry__usage_events),
        _baseless(stg_registry__observations),
    )
    rows = parts[0]
    for part in parts[1:]:
        rows = rows.union(part)
    return rows.group_by(KEY).agg(rows=rows["rows"].sum()).filter(lambda t: t["rows"] > 0)


def _answered(batches: Table, column: str, code: str) -> Table:
    return batches.select(
        "tenant_id", "stream", day=batches.recorded_at.date(), code=ibis.literal(code), rows=batches[column]
    )


def _listed(rejects: Table) -> Table:
    """Each refused row once, under the first of its codes."""
    row = ["tenant_id", "intake_batch_id", "stream", "day", "row_index"]
    return rejects.group_by(row).agg(code=rejects.code.min())


def _unlisted(batches: Table, listed: Table) -> Table:
    """Refused rows whose reasons were not kept."""
    known = listed.group_by("intake_batch_id").agg(known=lambda t: t.count())
    rows = batches.left_join(known, "intake_batch_id")
    return rows.select(
        "tenant_id",
        "stream",
        day=rows.recorded_at.date(),
        code=ibis.literal("unlisted"),
        rows=rows.rejected - ibis.coalesce(rows.known, 0),
    )


def _repeated(raw: Table, staged: Table) -> Table:
    """Events that staging dropped because an earlier segment had their id."""
    arrived = raw.select("tenant_id", "day", rows=ibis.literal(1).cast("int64"))
    kept = staged.select("tenant_id", "day", rows=ibis.literal(-1).cast("int64"))
    both = arrived.union(kept)
    dropped = both.group_by("tenant_id", "day").agg(rows=both["rows"].sum())
    return dropped.select(
        "tenant_id", "day", "rows", stream=ibis.literal("usage"), code=ibis.literal("repeated_event")
    ).select(*KEY, "rows")


def _baseless(observations: Table) -> Table:
    """Removals of what was not there."""
    events = with_presence(observations)
    removals = events.filter(~events.there & ~events.was_there)
    return removals.select(
        "tenant_id",
        stream=ibis.literal("observations"),
        day=removals.occurred_at.date(),
        code=ibis.literal("removed_without_add"),
        rows=ibis.literal(1).cast("int64"),
    )
