"""Observed installation events to intervals.

Events of one plugin on one target are ordered by time, those of one instant as the registry received them, which is how it
tells itself what is there. Any event but a removal means "it is there": an addition or a sighting of what is there already opens
nothing. Another version means a change. A version first learnt from a sighting or a repeated addition is taken to have been there
from the start. A stay that begins with a sighting began nobody knows when: it opens as `seen`, not as installed.
"""

import ibis
from ibis.expr.types import BooleanValue, Table

KEY = ["tenant_id", "target_id", "plugin_id"]


def with_presence(observations: Table) -> Table:
    """The events with `place` (0-based order), `there` (after it) and `was_there` (before it)."""
    told = observations.mutate(there=observations.event != "removed")
    order = ibis.window(group_by=KEY, order_by=["occurred_at", "seq", "observation_id"])
    return told.mutate(
        place=ibis.row_number().over(order), was_there=ibis.coalesce(told.there.lag().over(order), False)
    )


def fct_installation_interval(stg_registry__observations: Table) -> Table:
    """One row per stretch of time in which a target had one version of a plugin; removals of what is not there are left out."""
    events = _with_version(_with_stay(with_presence(stg_registry__observations)))
    bounds = _bounds(events)
    order = ibis.window(group_by=KEY, order_by="place")
    spans = bounds.mutate(
        to_at=bounds.occurred_at.lead().over(order),
        closing=ibis.ifelse(bounds.there.lead().over(order), "changed", "removed"),
        number=ibis.row_number().over(ibis.window(group_by=[*KEY, "there"], order_by="place")) + 1,
    ).filter(lambda t: t.there)
    return spans.select(
        *KEY,
        "origin",
        "source",
        "to_at",
        interval_number=spans.number,
        version=spans.known_version,
        from_at=spans.occurred_at,
        opening=_opening(spans),
        closing=ibis.ifelse(spans.to_at.isnull(), ibis.null("string"), spans.closing),
    )


def _with_stay(events: Table) -> Table:
    """Number the stays: from an arrival until the next removal."""
    so_far = ibis.cumulative_window(group_by=KEY, order_by="place")
    arrives = (events.there & ~events.was_there).cast("int64")
    return events.mutate(arrives=arrives, stay=arrives.sum().over(so_far))


def _with_version(events: Table) -> Table:
    """Carry the last stated version forward within a stay, and the first one back unless it came with a change."""
    stay = [*KEY, "stay", "there"]
    so_far = ibis.cumulative_window(group_by=stay, order_by="place")
    stated = events.version.notnull().cast("int64")
    told = events.mutate(stated_before=stated.sum().over(so_far))
    carried = told.mutate(carried=told.version.max().over(ibis.window(group_by=[*stay, "stated_before"])))
    first = (carried.stated_before == 1) & (carried.event != "updated") & carried.version.notnull()
    learnt = ibis.ifelse(first, carried.version, ibis.null("string")).max().over(ibis.window(group_by=stay))
    return carried.mutate(
        known_version=ibis.ifelse(carried.stated_before == 0, learnt, carried.carried),
    )


def _bounds(events: Table) -> Table:
    """The rows at which something begins or ends: arrivals, changes of version, effective removals."""
    order = ibis.window(group_by=[*KEY, "stay", "there"], order_by="place")
    before = events.mutate(version_before=events.known_version.lag().over(order))
    changed = before.there & before.was_there & ~before.known_version.identical_to(before.version_before)
    leaves = ~before.there & before.was_there
    return before.filter((before.arrives == 1) | changed | leaves)


def _opening(spans: Table) -> BooleanValue:
    arrives = spans.arrives == 1
    return ibis.cases(
        (arrives & (spans.event != "added"), "seen"),
        (arrives & (spans.stay == 1), "installed"),
        (arrives, "reinstalled"),
        else_="changed",
    )
