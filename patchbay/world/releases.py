"""Releases: a renewal process per plugin over two years, SemVer numbers, and how each release behaves."""

import hashlib
from dataclasses import dataclass

import numpy as np

from patchbay.world.catalogue import Catalogue
from patchbay.world.config import WorldConfig
from patchbay.world.faults import BAD_ERROR_RATE, LEAK_PER_DAY, ReleaseFaults
from patchbay.world.times import DAY, Flags, Floats, Ints

STABLE, PRERELEASE = 0, 1
_MOST_RELEASES = 60


@dataclass(frozen=True, slots=True)
class Releases:
    """All releases, ordered by plugin, then time.

    `error_rate` is the share of uses that fail, `duration_mu` the mean of the logarithm of milliseconds, `leak` the
    daily growth of memory while the release runs. `stable` lists the releases that are no prereleases, in order.
    """

    origin: int
    plugin: Ints
    at: Ints
    version: tuple[str, ...]
    prerelease: Flags
    size: Ints
    digest: tuple[str, ...]
    error_rate: Floats
    duration_mu: Floats
    leak: Floats
    stable: Ints

    def __len__(self) -> int:
        return len(self.plugin)

    def latest_stable(self, plugin: Ints, at: Ints) -> Ints:
        """Index of the newest stable release of each plugin at each time; -1 where there is none yet."""
        keys = self.key(self.plugin[self.stable], self.at[self.stable])
        position = np.searchsorted(keys, self.key(plugin, at), side="right") - 1
        found = self.stable[np.maximum(position, 0)]
        return np.where((position >= 0) & (self.plugin[found] == plugin), found, -1)

    def find(self, plugin: int, at: int) -> int:
        """Index of the release of a plugin made at exactly that time; raises ValueError when there is none."""
        hits = np.flatnonzero((self.plugin == plugin) & (self.at == at))
        if len(hits) != 1:
            raise ValueError(f"plugin {plugin} has {len(hits)} releases at {at}")
        return int(hits[0])

    def key(self, plugin: Ints, at: Ints) -> Ints:
        """One sortable number per (plugin, time): 2**47 microseconds are 4.4 years."""
        return (plugin << 47) + np.clip(at - self.origin, 0, (1 << 47) - 1)


def build_releases(config: WorldConfig, catalogue: Catalogue, faults: ReleaseFaults) -> Releases:
    """Every plugin has at least one release, the first one stable."""
    rng = config.rng("releases")
    plugin, at = _times(config, rng, catalogue, faults)
    planned = np.isin(at, [moment for moments in faults.planned().values() for moment in moments])
    version, prerelease = _versions(rng, plugin, planned)
    count = len(plugin)
    rates = catalogue.error_rate[plugin] * np.clip(rng.lognormal(0.0, 0.3, count), 0.4, 2.0)
    bad = (plugin == faults.bad_plugin) & (at == faults.bad_at)
    leaky = (plugin == faults.leaky_plugin) & (at == faults.leaky_at)
    return Releases(
        origin=config.release_start_us,
        plugin=plugin,
        at=at,
        version=version,
        prerelease=prerelease,
        size=rng.lognormal(np.log(2.5e6), 1.0, count).astype(np.int64),
        digest=_digests(catalogue, plugin, version),
        error_rate=np.where(bad, BAD_ERROR_RATE, rates),
        duration_mu=catalogue.duration_mu[plugin] + rng.normal(0.0, 0.12, count),
        leak=np.where(leaky, LEAK_PER_DAY, 0.0),
        stable=np.flatnonzero(~prerelease),
    )


def _times(
    config: WorldConfig, rng: np.random.Generator, catalogue: Catalogue, faults: ReleaseFaults
) -> tuple[Ints, Ints]:
    """Gamma gaps whose mean is the plugin's own, between 15 and 200 days, median 55; planned releases are added."""
    count = len(catalogue)
    mean = np.clip(rng.lognormal(np.log(55.0), 0.6, count), 15.0, 200.0)
    gaps = rng.gamma(1.3, (mean / 1.3)[:, None], (count, _MOST_RELEASES)) + 0.3
    gaps[:, 0] = 0.0
    at = catalogue.created[:, None] + (np.cumsum(gaps, axis=1) * DAY).astype(np.int64)
    keep = at < config.end_us
    for number, (since, until) in faults.quiet().items():
        keep[number] &= (at[number] < since) | (at[number] > until)
    plugin = np.broadcast_to(np.arange(count)[:, None], at.shape)[keep]
    extra = [(number, moment) for number, moments in faults.planned().items() for moment in moments]
    plugin = np.concatenate([plugin, [number for number, _ in extra]])
    moments = np.concatenate([at[keep], [moment for _, moment in extra]])
    order = np.lexsort((moments, plugin))
    return plugin[order], moments[order]


def _versions(rng: np.random.Generator, plugin: Ints, planned: Flags) -> tuple[tuple[str, ...], Flags]:
    """60 % patches, 34 % minors, 6 % majors; 8 % are candidates of the next minor, ended by a later release."""
    draw, zero_based = rng.random(len(plugin)), rng.random(int(plugin.max()) + 1) < 0.35
    versions, prerelease = [], np.zeros(len(plugin), dtype=np.bool_)
    previous, state, candidate = -1, (0, 0, 0), 0
    for index, number in enumerate(plugin.tolist()):
        if number != previous:
            previous, state, candidate = number, ((0, 1, 0) if zero_based[number] else (1, 0, 0)), 0
        elif draw[index] < 0.08 and not planned[index]:
            state, candidate = (state if candidate else (state[0], state[1] + 1, 0)), candidate + 1
            prerelease[index] = True
        else:
            state, candidate = (state if candidate else _bump(state, draw[index])), 0
        versions.append(".".join(map(str, state)) + (f"-rc.{candidate}" if candidate else ""))
    return tuple(versions), prerelease


def _bump(state: tuple[int, int, int], draw: float) -> tuple[int, int, int]:
    major, minor, patch = state
    if draw > 0.94:
        return major + 1, 0, 0
    if draw > 0.60:
        return major, minor + 1, 0
    return major, minor, patch + 1


def _digests(catalogue: Catalogue, plugin: Ints, version: tuple[str, ...]) -> tuple[str, ...]:
    refs = catalogue.refs
    named = (f"{refs[number]}@{text}" for number, text in zip(plugin.tolist(), version, strict=True))
    return tuple(f"sha256:{hashlib.sha256(name.encode()).hexdigest()}" for name in named)
