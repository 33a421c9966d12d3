"""Looking around: views, impressions and searches by people of a tenant, and the views that come before an adoption."""

from dataclasses import dataclass

import numpy as np

from patchbay.world.events import IMPRESSION, SEARCH, VIEW, Events, concat, make
from patchbay.world.people import session_of
from patchbay.world.rates import IMPRESSIONS, SEARCHES, VIEWS, weekday
from patchbay.world.rhythm import profile_of, rhythm
from patchbay.world.society import Society
from patchbay.world.times import DAY, Ints

_CELLS = 2048
_VIEWS_BEFORE_ADOPTION = 4


@dataclass(frozen=True, slots=True)
class Interest:
    """`plugins` is a table of plugins per tenant, each as often as the tenant looks at it.

    The other arrays are views in the week before a tenant's own choice of a plugin, ordered by time.
    """

    plugins: Ints
    intent_tenant: Ints
    intent_plugin: Ints
    intent_at: Ints


def build_interest(society: Society) -> Interest:
    """What tenants look at follows their taste and popularity, installed or not."""
    rng = society.config.rng("interest")
    weight = np.exp(0.9 * society.affinity.tenants + 0.4 * society.catalogue.popularity)
    share = np.cumsum(weight, axis=1)
    middle = (np.arange(_CELLS) + 0.5) / _CELLS
    cells = np.stack([np.searchsorted(row, middle * row[-1], side="right") for row in share])
    chosen = np.flatnonzero(~society.adoptions.dependency)
    rows = np.repeat(chosen, rng.poisson(_VIEWS_BEFORE_ADOPTION, len(chosen)))
    at = society.adoptions.at[rows] - (rng.random(len(rows)) * 7 * DAY).astype(np.int64)
    rows, at = _existing(society, rows, at)
    return Interest(cells, society.adoptions.tenant[rows], society.adoptions.plugin[rows], at)


def _existing(society: Society, rows: Ints, at: Ints) -> tuple[Ints, Ints]:
    """Only views of plugins that were out already, ordered by time."""
    there = at >= society.catalogue.created[society.adoptions.plugin[rows]]
    rows, at = rows[there], at[there]
    order = np.argsort(at, kind="stable")
    return rows[order], at[order]


def discovery_of_day(society: Society, interest: Interest, day: int) -> Events:
    """Views, impressions and searches of one day; only a search has no plugin."""
    rng = society.config.rng("discovery", day)
    kinds = ((VIEW, VIEWS), (IMPRESSION, IMPRESSIONS), (SEARCH, SEARCHES))
    return concat(
        [
            *(_browse(society, interest, rng, day, kind, share) for kind, share in kinds),
            _intent(society, interest, rng, day),
        ]
    )


def _browse(
    society: Society, interest: Interest, rng: np.random.Generator, day: int, kind: int, share: float
) -> Events:
    config = society.config
    profile = profile_of(society.tenants.zone, np.zeros(len(society.tenants), dtype=np.int64))
    today = weekday(config.start_us, day)
    mean = config.event_target / config.days * share * society.tenants.share * rhythm().day_factor(profile, today)
    tenant = np.repeat(np.arange(len(mean)), rng.poisson(mean * society.rates.tenant_noise[:, day]))
    at = config.start_us + day * DAY + rhythm().draw(rng, profile[tenant], today)
    if kind == SEARCH:
        return _looks(society, rng, day, kind, tenant, np.full(len(tenant), -1), at)
    plugin = interest.plugins.ravel()[tenant * _CELLS + rng.integers(0, _CELLS, len(tenant))]
    out = society.catalogue.created[plugin] <= at
    return _looks(society, rng, day, kind, tenant[out], plugin[out], at[out])


def _intent(society: Society, interest: Interest, rng: np.random.Generator, day: int) -> Events:
    since = society.config.start_us + day * DAY
    low, high = np.searchsorted(interest.intent_at, (since, since + DAY))
    part = slice(int(low), int(high))
    return _looks(
        society, rng, day, VIEW, interest.intent_tenant[part], interest.intent_plugin[part], interest.intent_at[part]
    )


def _looks(
    society: Society, rng: np.random.Generator, day: int, kind: int, tenant: Ints, plugin: Ints, at: Ints
) -> Events:
    who = society.crowd.of_tenants(rng, day, tenant)
    session = session_of(at, who, len(society.persons))
    return make(len(at), tenant=tenant, at=at, type=kind, plugin=plugin, person=who, session=session)
