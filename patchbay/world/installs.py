"""Installations over time: which release runs where from when to when, with upgrades that lag, and rollbacks."""

from dataclasses import dataclass, replace

import numpy as np

from patchbay.world.adoption import OPEN, Intervals
from patchbay.world.config import WorldConfig
from patchbay.world.faults import ReleaseFaults
from patchbay.world.releases import Releases
from patchbay.world.tenants import Targets
from patchbay.world.times import DAY, Flags, Floats, Ints

_UPGRADED = np.array([0.75, 0.60, 0.50])
_LAG_FACTOR = np.array([0.4, 1.0, 1.8])
ROLLBACK_SHARE = 0.75


@dataclass(frozen=True, slots=True)
class Installs:
    """One row per span in which one release runs on one target, ordered by stay, then time.

    `opens` marks the first span of a stay, `closes` the one that ends in a removal; `stop` is OPEN while it runs.
    """

    stay: Ints
    target: Ints
    plugin: Ints
    release: Ints
    start: Ints
    stop: Ints
    opens: Flags
    closes: Flags
    dependency: Flags

    def __len__(self) -> int:
        return len(self.target)

    def running(self, since: int, until: int) -> Ints:
        """Rows that run at some moment of `[since, until)`."""
        return np.flatnonzero((self.start < until) & (self.stop > since))


@dataclass(frozen=True, slots=True)
class _Changes:
    """Moments at which a stay starts or changes its release."""

    stay: Ints
    at: Ints
    release: Ints

    def take(self, rows: Ints | Flags) -> "_Changes":
        return _Changes(self.stay[rows], self.at[rows], self.release[rows])

    def ordered(self) -> "_Changes":
        return self.take(np.lexsort((self.release, self.at, self.stay)))

    def plus(self, other: "_Changes") -> "_Changes":
        pairs = ((self.stay, other.stay), (self.at, other.at), (self.release, other.release))
        return _Changes(*(np.concatenate(pair) for pair in pairs)).ordered()


def build_installs(
    config: WorldConfig, intervals: Intervals, releases: Releases, targets: Targets, faults: ReleaseFaults
) -> Installs:
    """Stays cut at each change of release; adopters of the planted bad release go back or remove it."""
    rng = config.rng("upgrades")
    bad = releases.find(faults.bad_plugin, faults.bad_at)
    initial = _Changes(
        np.arange(len(intervals)), intervals.start, releases.latest_stable(intervals.plugin, intervals.start)
    )
    changes = _only_forward(initial.plus(_upgrades(config, rng, intervals, releases, targets, faults)))
    fallback = int(releases.latest_stable(np.array([faults.bad_plugin]), np.array([faults.bad_at - 1]))[0])
    returned, kept = _rollbacks(rng, changes, intervals, bad, fallback, faults.fix_at - faults.bad_at)
    intervals = _disappointed(config, rng, intervals, changes.take(kept))
    changes = changes.plus(returned)
    return _cut(intervals, changes.take(changes.at < np.minimum(intervals.stop, config.end_us)[changes.stay]))


def _upgrades(
    config: WorldConfig,
    rng: np.random.Generator,
    intervals: Intervals,
    releases: Releases,
    targets: Targets,
    faults: ReleaseFaults,
) -> _Changes:
    """Every stable release made during a stay may be taken up, after a lag of the tenant and the environment."""
    stay, release = _releases_during(config, intervals, releases)
    stage = targets.environment[intervals.target[stay]]
    patience = rng.lognormal(np.log(6.0), 0.7, int(targets.tenant.max()) + 1)
    lag = rng.lognormal(np.log(patience[targets.tenant[intervals.target[stay]]] * _LAG_FACTOR[stage]), 0.5)
    watched = (releases.plugin[release] == faults.bad_plugin) & np.isin(
        releases.at[release], (faults.bad_at, faults.fix_at)
    )
    wanted = rng.random(len(stay)) < np.where(watched, 0.95, _UPGRADED[stage])
    eager = 0.35 * (faults.fix_at - faults.bad_at) / DAY
    days = np.where(watched, rng.uniform(0.01, 1.0, len(stay)) * eager, lag)
    at = releases.at[release] + (days * DAY).astype(np.int64)
    return _Changes(stay, at, release).take(wanted & ~releases.prerelease[release])


def _releases_during(config: WorldConfig, intervals: Intervals, releases: Releases) -> tuple[Ints, Ints]:
    """Every (stay, release) whose release was made while the stay lasted."""
    keys = releases.key(releases.plugin, releases.at)
    low = np.searchsorted(keys, releases.key(intervals.plugin, intervals.start), side="right")
    until = np.minimum(intervals.stop, config.end_us)
    counts = np.searchsorted(keys, releases.key(intervals.plugin, until)) - low
    counts = np.maximum(counts, 0)
    stay = np.repeat(np.arange(len(intervals)), counts)
    within = np.arange(len(stay)) - np.repeat(np.cumsum(counts) - counts, counts)
    return stay, low[stay] + within


def _only_forward(changes: _Changes) -> _Changes:
    """Drop upgrades to a release older than the one that already runs."""
    step = int(changes.release.max()) + 2
    level = changes.stay * step + changes.release
    before = np.concatenate([[-1], np.maximum.accumulate(level)[:-1]])
    return changes.take(level > before)


def _rollbacks(
    rng: np.random.Generator, changes: _Changes, intervals: Intervals, bad: int, fallback: int, gap: int
) -> tuple[_Changes, Ints]:
    """Returns to `fallback` within half the `gap` until the fix, unless something happens first; and who keeps it."""
    rows = np.flatnonzero(changes.release == bad)
    following = np.append(changes.at[1:], OPEN)
    last = np.append(changes.stay[1:] != changes.stay[:-1], True)
    limit = np.where(last, intervals.stop[changes.stay], following)[rows]
    back = changes.at[rows] + (rng.uniform(0.1, 0.5, len(rows)) * gap).astype(np.int64)
    goes = (rng.random(len(rows)) < ROLLBACK_SHARE) & (back < limit)
    returned = rows[goes]
    return _Changes(changes.stay[returned], back[goes], np.full(len(returned), fallback)), rows[~goes]


def _disappointed(config: WorldConfig, rng: np.random.Generator, intervals: Intervals, kept: _Changes) -> Intervals:
    """Of those who did not go back, 40 % remove the plugin some days later."""
    removes = rng.random(len(kept.stay)) < 0.4
    at = kept.at + (rng.uniform(1.0, 6.0, len(kept.stay)) * DAY).astype(np.int64)
    stop = intervals.stop.copy()
    np.minimum.at(stop, kept.stay[removes], at[removes])
    return replace(intervals, stop=np.where(stop < config.end_us, stop, OPEN))


def _cut(intervals: Intervals, changes: _Changes) -> Installs:
    stay = changes.stay
    opens = np.append(True, stay[1:] != stay[:-1])
    last = np.append(stay[1:] != stay[:-1], True)
    stop = np.where(last, intervals.stop[stay], np.append(changes.at[1:], OPEN))
    return Installs(
        stay=stay,
        target=intervals.target[stay],
        plugin=intervals.plugin[stay],
        release=changes.release,
        start=changes.at,
        stop=stop,
        opens=opens,
        closes=last & (stop != OPEN),
        dependency=intervals.dependency[stay],
    )


def use_weights(
    config: WorldConfig, installs: Installs, liking: Floats, popularity: Floats, targets: Targets
) -> Floats:
    """How much each stay is used beside others of its tenant: by liking, popularity and environment, with noise."""
    stays = int(installs.stay.max()) + 1
    noise = config.rng("use-weights").lognormal(0.0, 0.6, stays)[installs.stay]
    stage = np.array([0.6, 0.35, 1.6])[targets.environment[installs.target]]
    taste = np.exp(0.6 * liking[installs.target, installs.plugin] + 0.35 * popularity[installs.plugin])
    return np.asarray(taste * stage * noise * np.where(installs.dependency, 0.3, 1.0))
