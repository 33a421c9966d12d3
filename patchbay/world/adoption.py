"""Adoption: which plugins each tenant takes up, in which order, and where it puts them."""

from dataclasses import dataclass

import numpy as np

from patchbay.world.catalogue import Catalogue
from patchbay.world.config import WorldConfig
from patchbay.world.dependencies import Dependencies
from patchbay.world.taste import Affinity
from patchbay.world.tenants import Targets, Tenants
from patchbay.world.times import DAY, Flags, Floats, Ints

OPEN = 1 << 60
"""Stop of an interval that still runs."""

_PLACED = np.array([0.90, 0.72, 0.68])
_LAG_DAYS = np.array([0.3, 3.0, 8.0])
_FIRST_WAVE = 0.35


@dataclass(frozen=True, slots=True)
class Adoptions:
    """One row per tenant and plugin it takes up.

    `dependency` ones came along with another plugin; `needed` ones are required by another one the tenant has.
    """

    tenant: Ints
    plugin: Ints
    at: Ints
    dependency: Flags
    needed: Flags

    def __len__(self) -> int:
        return len(self.tenant)


@dataclass(frozen=True, slots=True)
class Intervals:
    """One row per uninterrupted stay of a plugin on a target; `stop` is OPEN while it is there."""

    target: Ints
    plugin: Ints
    start: Ints
    stop: Ints
    dependency: Flags

    def __len__(self) -> int:
        return len(self.target)


def build_adoptions(
    config: WorldConfig, catalogue: Catalogue, dependencies: Dependencies, tenants: Tenants, affinity: Affinity
) -> Adoptions:
    """First choices follow popularity, later ones the latent taste; a known vendor draws more of its plugins."""
    rng = config.rng("adoption")
    steps = _adoption_counts(rng, tenants, len(catalogue))
    times = _adoption_times(config, rng, steps)
    closure = dependencies.required_closure(len(catalogue))
    taken = np.zeros((len(tenants), len(catalogue)), dtype=np.bool_)
    familiar = np.zeros((len(tenants), int(catalogue.vendor.max()) + 1))
    rows: list[tuple[int, int, int, bool]] = []
    for step in range(times.shape[1]):
        known = np.minimum(familiar, 3.0)[:, catalogue.vendor]
        logits = _logits(np.minimum(step / steps, 1.0), catalogue, affinity) + 0.5 * known
        logits[taken | (catalogue.created > times[:, step, None])] = -np.inf
        choice = np.argmax(logits + rng.gumbel(size=logits.shape), axis=1)
        for tenant in np.flatnonzero((times[:, step] < config.end_us) & np.isfinite(logits.max(axis=1))).tolist():
            rows += _take(tenant, int(choice[tenant]), int(times[tenant, step]), taken, closure)
            familiar[tenant, catalogue.vendor[choice[tenant]]] += 1.0
    required = {(tenant, needs) for tenant, plugin, *_ in rows for needs in closure[plugin]}
    needed = np.array([(tenant, plugin) in required for tenant, plugin, *_ in rows])
    table = np.array(rows, dtype=np.int64)
    return Adoptions(table[:, 0], table[:, 1], table[:, 2], table[:, 3].astype(np.bool_), needed)


def _adoption_counts(rng: np.random.Generator, tenants: Tenants, plugins: int) -> Ints:
    """How many plugins each tenant will choose: some two dozen, more where more is used, at most a sixth of all."""
    steps = rng.lognormal(np.log(26.0), 0.45, len(tenants)) * (tenants.share * len(tenants)) ** 0.25
    counts: Ints = np.clip(steps, 5, max(6, plugins // 6)).astype(np.int64)
    return counts


def _adoption_times(config: WorldConfig, rng: np.random.Generator, steps: Ints) -> Ints:
    """Tenants × steps, ascending; steps after the world's end do not happen. A third comes in the first fortnight."""
    span = config.end_us - config.adoption_start_us
    founded = rng.uniform(0.0, 0.45, len(steps)) * np.linspace(0.2, 1.0, len(steps))
    order = np.arange(steps.max())
    share = rng.random((len(steps), len(order)))
    first = order < _FIRST_WAVE * steps[:, None]
    moment = np.where(
        first, founded[:, None] + 0.04 * share, founded[:, None] + 0.04 + (0.96 - founded[:, None]) * share
    )
    moment = np.where(order < steps[:, None], moment, 2.0)
    return config.adoption_start_us + (np.sort(moment, axis=1) * span).astype(np.int64)


def _logits(progress: Floats, catalogue: Catalogue, affinity: Affinity) -> Floats:
    """Popularity fades and taste grows with a tenant's progress; libraries are rarely chosen for themselves."""
    late = progress[:, None]
    appeal = (1.0 - 0.6 * late) * catalogue.popularity - 1.5 * catalogue.library
    return np.asarray(appeal + (1.5 + 1.5 * late) * affinity.tenants)


def _take(
    tenant: int, plugin: int, at: int, taken: Flags, closure: list[tuple[int, ...]]
) -> list[tuple[int, int, int, bool]]:
    brought = [needs for needs in closure[plugin] if not taken[tenant, needs]]
    taken[tenant, [*brought, plugin]] = True
    return [*((tenant, needs, at, True) for needs in brought), (tenant, plugin, at, False)]


def build_intervals(config: WorldConfig, adoptions: Adoptions, targets: Targets, affinity: Affinity) -> Intervals:
    """Rolled out from dev over staging to production where the target likes it; what is needed goes everywhere."""
    rng = config.rng("placement")
    row, target = _pairs(adoptions, targets)
    needed, plugin = adoptions.needed[row], adoptions.plugin[row]
    first_target = np.searchsorted(targets.tenant, adoptions.tenant)[row]
    liking, stage = affinity.targets[target, plugin], targets.environment[target]
    odds = np.log(_PLACED / (1.0 - _PLACED))[stage] + 0.8 * liking
    placed = needed | (rng.random(len(row)) < 1.0 / (1.0 + np.exp(-odds))) | (target == first_target)
    lag = rng.lognormal(np.log(_LAG_DAYS[stage]), 0.6) * DAY * ~needed
    start = adoptions.at[row] + lag.astype(np.int64)
    stay = rng.exponential(800.0 * np.exp(0.5 * liking)) * DAY
    stop = np.where(needed, OPEN, start + stay.astype(np.int64) + DAY)
    keep = placed & (start < config.end_us)
    first = Intervals(*(column[keep] for column in (target, plugin, start, stop, adoptions.dependency[row])))
    return _with_returns(config, rng, first)


def _pairs(adoptions: Adoptions, targets: Targets) -> tuple[Ints, Ints]:
    """Every adoption with every target of its tenant; targets of a tenant stand side by side."""
    first = np.searchsorted(targets.tenant, adoptions.tenant, side="left")
    counts = np.searchsorted(targets.tenant, adoptions.tenant, side="right") - first
    row = np.repeat(np.arange(len(adoptions)), counts)
    within = np.arange(len(row)) - np.repeat(np.cumsum(counts) - counts, counts)
    return row, first[row] + within


def _with_returns(config: WorldConfig, rng: np.random.Generator, stays: Intervals) -> Intervals:
    """A quarter of what was removed comes back after five to sixty days and then stays."""
    stop = np.where(stays.stop < config.end_us, stays.stop, OPEN)
    again = stop + (rng.uniform(5, 60, len(stays)) * DAY).astype(np.int64)
    back = (rng.random(len(stays)) < 0.25) & (stop != OPEN) & (again < config.end_us)
    return Intervals(
        target=np.concatenate([stays.target, stays.target[back]]),
        plugin=np.concatenate([stays.plugin, stays.plugin[back]]),
        start=np.concatenate([stays.start, again[back]]),
        stop=np.concatenate([stop, np.full(int(back.sum()), OPEN)]),
        dependency=np.concatenate([stays.dependency, stays.dependency[back]]),
    )
