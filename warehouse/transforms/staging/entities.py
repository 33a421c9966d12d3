"""Staging of the feeds: the last row of each entity is its state."""

import ibis
from ibis.expr.types import Table


def current(feed: Table, entity: str) -> Table:
    """The last row of each id in feed order, deleted ones left out; `id` becomes `<entity>_id`, lists become text."""
    newest = ibis.window(group_by="id", order_by=ibis.desc("seq"))
    rows = feed.mutate(age=ibis.row_number().over(newest)).filter(lambda t: (t.age == 0) & (t["op"] != "delete"))
    return joined_lists(rows.rename({f"{entity}_id": "id"}))


def joined_lists(rows: Table) -> Table:
    """Every list column as one sorted, comma-joined text, since not every engine compares lists."""
    lists = [name for name, kind in rows.schema().items() if kind.is_array()]
    return rows.mutate(**{name: rows[name].sort().join(",") for name in lists}) if lists else rows


def stg_registry__tenants(raw_tenants: Table) -> Table:
    """One row per tenant."""
    return current(raw_tenants.drop("tenant_id"), "tenant")


def stg_registry__plugins(raw_plugins: Table) -> Table:
    """One row per plugin that is not deleted."""
    return current(raw_plugins, "plugin")


def stg_registry__releases(raw_releases: Table) -> Table:
    """One row per release that is not deleted."""
    return current(raw_releases, "release")


def stg_registry__dependencies(raw_dependencies: Table) -> Table:
    """One row per dependency that is not deleted."""
    return current(raw_dependencies, "dependency")


def stg_registry__advisories(raw_advisories: Table) -> Table:
    """One row per advisory that is not deleted."""
    return current(raw_advisories, "advisory")


def stg_registry__plugin_grants(raw_plugin_grants: Table) -> Table:
    """One row per grant that nobody has ended; whether it has expired is for whoever shows something to ask."""
    return current(raw_plugin_grants, "plugin_grant")


def stg_registry__targets(raw_targets: Table) -> Table:
    """One row per target that is not deleted."""
    return current(raw_targets, "target")


def stg_registry__observations(raw_observations: Table) -> Table:
    """One row per observed installation event; kinds of event this version does not know fail the contract's check."""
    return current(raw_observations, "observation")


def stg_registry__intake_batches(raw_intake_batches: Table) -> Table:
    """One row per acknowledged batch."""
    return current(raw_intake_batches, "intake_batch")


def stg_registry__segments(raw_segments: Table, raw_live_segments: Table) -> Table:
    """One row per segment ever announced, marked live while its rows count."""
    rows = current(raw_segments, "segment")
    live = raw_live_segments.select("segment_id", live=ibis.literal(True))
    marked = rows.left_join(live, "segment_id").drop("segment_id_right")
    return marked.mutate(live=ibis.coalesce(marked.live, False))
