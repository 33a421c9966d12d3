"""Customer tenants: their names, sizes and time zones, their targets and their people."""

from dataclasses import dataclass

import numpy as np

from patchbay.world.config import WorldConfig
from patchbay.world.times import Flags, Floats, Ints
from patchbay.world.words import COMPANY_ENDINGS, FAMILY_NAMES, GIVEN_NAMES, SUBJECTS

ZONES = (-480, -300, 0, 60, 120, 330, 540)
"""Offsets from UTC in minutes; the world knows no daylight saving."""

DEV, STAGING, PRODUCTION = 0, 1, 2
ENVIRONMENTS = ("dev", "staging", "production")
ROLES = ("developer", "operator", "analyst", "administrator")
_DEVELOPER, _OPERATOR = 0, 1


@dataclass(frozen=True, slots=True)
class Tenants:
    """Customers in order of size; `share` sums to 1, `zone` indexes ZONES."""

    names: tuple[str, ...]
    slugs: tuple[str, ...]
    share: Floats
    zone: Ints

    def __len__(self) -> int:
        return len(self.slugs)


@dataclass(frozen=True, slots=True)
class Targets:
    """Places plugins are installed on; names are unique within a tenant. `continuous` ones run day and night."""

    tenant: Ints
    name: tuple[str, ...]
    environment: Ints
    continuous: Flags

    def __len__(self) -> int:
        return len(self.name)

    def of(self, tenant: int) -> Ints:
        """Indices of one tenant's targets, dev first."""
        return np.flatnonzero(self.tenant == tenant)


@dataclass(frozen=True, slots=True)
class Persons:
    """People of tenants: `home` is the target they mostly work on, `weight` how active they are (heavy tail).

    They are there during the weeks `[joined, left)` of the usage window.
    """

    tenant: Ints
    name: tuple[str, ...]
    role: Ints
    home: Ints
    weight: Floats
    joined: Ints
    left: Ints

    def __len__(self) -> int:
        return len(self.name)


def build_tenants(config: WorldConfig) -> Tenants:
    """Sizes fall like 1 / rank: of forty tenants the largest makes a quarter of all use."""
    rng = config.rng("tenants")
    names = _company_names(rng, config.tenants)
    share = 1.0 / np.arange(1, config.tenants + 1)
    return Tenants(
        names=names,
        slugs=tuple(name.lower().replace(" ", "-") for name in names),
        share=share / share.sum(),
        zone=rng.integers(0, len(ZONES), config.tenants),
    )


def _company_names(rng: np.random.Generator, count: int) -> tuple[str, ...]:
    """Distinct company names; a number follows when the words run out."""
    pairs = len(SUBJECTS) * len(COMPANY_ENDINGS)
    order = rng.permutation(pairs)
    names = []
    for index in range(count):
        subject, ending = divmod(int(order[index % pairs]), len(COMPANY_ENDINGS))
        suffix = f" {index // pairs + 1}" if index >= pairs else ""
        names.append(f"{SUBJECTS[subject].title()} {COMPANY_ENDINGS[ending]}{suffix}")
    return tuple(names)


def build_targets(config: WorldConfig, tenants: Tenants) -> Targets:
    """At least one dev and one production target; larger tenants have staging and more of each."""
    rng = config.rng("targets")
    tenant, name, environment = [], [], []
    for index in range(len(tenants)):
        for stage, count in enumerate(_targets_by_stage(rng, float(tenants.share[index]) * len(tenants))):
            tenant += [index] * count
            environment += [stage] * count
            name += [f"{ENVIRONMENTS[stage]}-{place + 1}" for place in range(count)]
    stages = np.array(environment, dtype=np.int64)
    continuous = (stages == PRODUCTION) & (rng.random(len(stages)) < 0.6)
    return Targets(np.array(tenant, dtype=np.int64), tuple(name), stages, continuous)


def _targets_by_stage(rng: np.random.Generator, size: float) -> tuple[int, int, int]:
    """Numbers of dev, staging and production targets; `size` is 1 for a tenant of average use."""
    more = int(rng.poisson(0.9 * size**0.6))
    return 1 + more // 2, int(rng.random() < 0.75) + more // 4, 1 + more


def build_persons(config: WorldConfig, tenants: Tenants, targets: Targets) -> Persons:
    """From three people to some hundreds per tenant; a third joins or leaves during the window."""
    rng = config.rng("persons")
    counts = 3 + rng.poisson(26 * (tenants.share * len(tenants)) ** 0.75)
    tenant = np.repeat(np.arange(len(tenants)), counts)
    total = len(tenant)
    role = rng.choice(len(ROLES), total, p=(0.62, 0.16, 0.16, 0.06))
    first_of_tenant = np.concatenate([[0], np.cumsum(counts)[:-1]])
    role[first_of_tenant], role[first_of_tenant + 1] = _OPERATOR, _DEVELOPER
    joined, left = _stays(config, rng, total)
    joined[first_of_tenant], joined[first_of_tenant + 1] = 0, 0
    left[first_of_tenant], left[first_of_tenant + 1] = left.max(), left.max()
    weight = rng.pareto(1.4, total) + 0.15
    weight[first_of_tenant + 1] = np.maximum(weight[first_of_tenant + 1], 1.0)
    return Persons(
        tenant=tenant,
        name=_person_names(rng, counts),
        role=role,
        home=_homes(rng, tenant, role, targets),
        weight=weight,
        joined=joined,
        left=left,
    )


def _stays(config: WorldConfig, rng: np.random.Generator, total: int) -> tuple[Ints, Ints]:
    weeks = config.days // 7 + 2
    joined = np.where(rng.random(total) < 0.25, rng.integers(1, weeks, total), 0)
    leaves = rng.random(total) < 0.2
    left = np.where(leaves, joined + 1 + rng.integers(0, weeks, total), weeks)
    return joined, np.minimum(left, weeks)


def _homes(rng: np.random.Generator, tenant: Ints, role: Ints, targets: Targets) -> Ints:
    """A tenant's first developer works on dev and nowhere else; the others anywhere, developers rather on dev."""
    homes = np.zeros(len(tenant), dtype=np.int64)
    for index in np.unique(tenant).tolist():
        members, places = np.flatnonzero(tenant == index), targets.of(index)
        liking = np.where(targets.environment[places] == DEV, 2.0, 1.0)
        homes[members] = rng.choice(places, len(members), p=liking / liking.sum())
        homes[members[1]] = places[0]
    return homes


def _person_names(rng: np.random.Generator, counts: Ints) -> tuple[str, ...]:
    """given.family, with a number for namesakes within a tenant."""
    names: list[str] = []
    for count in counts.tolist():
        taken: dict[str, int] = {}
        for given, family in zip(rng.choice(GIVEN_NAMES, count), rng.choice(FAMILY_NAMES, count), strict=True):
            base = f"{given}.{family}"
            taken[base] = taken.get(base, 0) + 1
            names.append(base if taken[base] == 1 else f"{base}{taken[base]}")
    return tuple(names)
