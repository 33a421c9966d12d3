"""Who needs whom: an acyclic graph with popular hubs; a plugin only needs plugins that are older than itself."""

from dataclasses import dataclass

import numpy as np

from patchbay.world.catalogue import OPERATOR, Catalogue
from patchbay.world.config import WorldConfig
from patchbay.world.times import Flags, Floats, Ints


@dataclass(frozen=True, slots=True)
class Dependencies:
    """One row per plugin and plugin it needs."""

    plugin: Ints
    needs: Ints
    optional: Flags

    def of(self, plugin: int) -> list[tuple[int, bool]]:
        """(needed plugin, optional) of one plugin; empty when it needs nothing."""
        rows = np.flatnonzero(self.plugin == plugin)
        return [(int(self.needs[row]), bool(self.optional[row])) for row in rows]

    def required_closure(self, count: int) -> list[tuple[int, ...]]:
        """For each of `count` plugins all it needs in the end, deepest first; optional ones left out."""
        direct: list[list[int]] = [[] for _ in range(count)]
        for plugin, needs, optional in zip(
            self.plugin.tolist(), self.needs.tolist(), self.optional.tolist(), strict=True
        ):
            if not optional:
                direct[plugin].append(needs)
        closures: dict[int, tuple[int, ...]] = {}
        return [_closure(plugin, direct, closures) for plugin in range(count)]


def _closure(plugin: int, direct: list[list[int]], known: dict[int, tuple[int, ...]]) -> tuple[int, ...]:
    if plugin not in known:
        nested = [item for needs in direct[plugin] for item in (*_closure(needs, direct, known), needs)]
        known[plugin] = tuple(dict.fromkeys(nested))
    return known[plugin]


def build_dependencies(config: WorldConfig, catalogue: Catalogue) -> Dependencies:
    """0.9 dependencies per plugin on average, 35 % of them optional; private plugins are needed by nobody."""
    rng = config.rng("dependencies")
    count = len(catalogue)
    wanted = np.minimum(rng.poisson(0.9, count), 5)
    weights = _hub_weights(rng, catalogue)
    rows: list[tuple[int, int]] = []
    for plugin in np.flatnonzero(wanted).tolist():
        older = np.flatnonzero((catalogue.created < catalogue.created[plugin]) & (catalogue.owner == OPERATOR))
        size = min(int(wanted[plugin]), len(older))
        if size:
            share = weights[older] / weights[older].sum()
            rows += [(plugin, int(needs)) for needs in np.sort(rng.choice(older, size, replace=False, p=share))]
    plugins, needs = (np.array(column, dtype=np.int64) for column in (zip(*rows, strict=True) if rows else ((), ())))
    return Dependencies(plugins, needs, rng.random(len(rows)) < 0.35)


def _hub_weights(rng: np.random.Generator, catalogue: Catalogue) -> Floats:
    """Libraries attract: a few hubs collect most dependants."""
    return np.exp(rng.normal(0.0, 1.2, len(catalogue)) + 2.2 * catalogue.library)
