"""Latent preferences: how much each target would like each plugin, from a few hidden dimensions."""

from dataclasses import dataclass

import numpy as np

from patchbay.world.catalogue import OPERATOR, TASTE_DIMENSIONS, Catalogue
from patchbay.world.config import WorldConfig
from patchbay.world.tenants import Targets
from patchbay.world.times import Floats, Ints


@dataclass(frozen=True, slots=True)
class Affinity:
    """Standardised liking (mean 0, deviation 1 over the world); another tenant's private plugin is minus infinity."""

    tenants: Floats
    targets: Floats


def build_affinity(
    config: WorldConfig, catalogue: Catalogue, targets: Targets, *, widely_liked: tuple[int, ...] = ()
) -> Affinity:
    """Matrices tenants × plugins and targets × plugins; a target's taste is its tenant's with a turn of its own.

    Plugins in `widely_liked` are liked by nearly everyone, so that what happens to them is seen.
    """
    rng = config.rng("taste")
    tenant_taste = _tenant_taste(config, rng, catalogue)
    own_turn = 0.55 * rng.normal(size=(len(targets), TASTE_DIMENSIONS))
    target_taste = tenant_taste[targets.tenant] + own_turn
    everyone = np.arange(config.tenants)
    extra = np.zeros(len(catalogue))
    extra[list(widely_liked)] = 1.5
    return Affinity(
        tenants=_hide_private(_standardise(tenant_taste @ catalogue.taste.T) + extra, catalogue, everyone),
        targets=_hide_private(_standardise(target_taste @ catalogue.taste.T) + extra, catalogue, targets.tenant),
    )


def _tenant_taste(config: WorldConfig, rng: np.random.Generator, catalogue: Catalogue) -> Floats:
    """A mixture of two or three labels' directions and some noise of its own."""
    count = config.tenants
    interest = np.zeros((count, len(catalogue.label_taste)))
    for row in interest:
        chosen = rng.choice(len(row), int(rng.integers(2, 4)), replace=False)
        row[chosen] = rng.dirichlet(np.full(len(chosen), 2.0))
    return interest @ catalogue.label_taste + 0.35 * rng.normal(size=(count, TASTE_DIMENSIONS))


def _standardise(scores: Floats) -> Floats:
    """Each row to mean 0 and deviation 1: tenants differ in what they like, not in how much they like."""
    centred = scores - scores.mean(axis=1, keepdims=True)
    return np.asarray(centred / centred.std(axis=1, keepdims=True))


def _hide_private(scores: Floats, catalogue: Catalogue, tenant: Ints) -> Floats:
    foreign = (catalogue.owner != OPERATOR) & (catalogue.owner != tenant[:, None])
    return np.where(foreign, -np.inf, scores)
