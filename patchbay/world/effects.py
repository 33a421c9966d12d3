"""What planted truths do to a day's events: surges and misuse add some, outages take them away."""

import numpy as np

from patchbay.world.events import Events, concat
from patchbay.world.society import Society
from patchbay.world.tenants import PRODUCTION
from patchbay.world.times import DAY, MINUTE, Flags, Floats, Ints
from patchbay.world.truths import Truth
from patchbay.world.usage import describe_uses


def added_on(society: Society, truths: tuple[Truth, ...], day: int) -> Events:
    """Events that surges and misuse add on one day of the window."""
    since = society.config.start_us + day * DAY
    adding = (truth for truth in truths if truth.kind in ("surge", "credential_misuse"))
    touching = (truth for truth in adding if truth.starts_at < since + DAY and truth.ends_at > since)
    events = concat([_added(society, truth, day) for truth in touching])
    return events.take((events["at"] >= since) & (events["at"] < since + DAY))


def _added(society: Society, truth: Truth, day: int) -> Events:
    """Poisson many uses at even times, on spans in proportion to their usual use; none where nothing runs."""
    misuse = truth.kind == "credential_misuse"
    rows, share = _places(society, truth)
    rng = society.config.rng("planted", int(truth.starts_at // MINUTE), truth.tenant or 0)
    per_minute = truth.expected["uses_per_minute" if misuse else "added_uses_per_minute"]
    count = int(rng.poisson(per_minute * truth.minutes)) if len(rows) else 0
    if not count:
        return concat([])
    at = rng.integers(truth.starts_at, truth.ends_at, count)
    return describe_uses(society, rng, day, rng.choice(rows, count, p=share), at, truth.person)


def _places(society: Society, truth: Truth) -> tuple[Ints, Floats]:
    """Spans that run throughout the truth, with their shares: misuse touches all alike, a surge follows usual use."""
    installs = society.installs
    fits = (installs.start <= truth.starts_at) & (installs.stop >= truth.ends_at) & (society.tenant == truth.tenant)
    if truth.kind == "surge":
        fits &= society.targets.environment[society.target] == PRODUCTION
    if truth.plugin is not None:
        fits &= society.plugin == truth.plugin
    rows = np.flatnonzero(fits)
    weight = np.ones(len(rows)) if truth.kind == "credential_misuse" else society.rates.uses[rows]
    return rows, weight / weight.sum()


def without_outages(truths: tuple[Truth, ...], events: Events) -> Events:
    """The events that outages leave; installs, upgrades and removals go too, as nothing reports during an outage."""
    gone: Flags = np.zeros(len(events), dtype=np.bool_)
    for truth in truths:
        if truth.kind == "outage":
            hit = (events["at"] >= truth.starts_at) & (events["at"] < truth.ends_at)
            if truth.tenant is not None:
                hit &= events["tenant"] == truth.tenant
            if truth.plugin is not None:
                hit &= events["plugin"] == truth.plugin
            gone |= hit
    return events.take(~gone) if gone.any() else events
