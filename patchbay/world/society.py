"""Everything that is settled before the first event: who there is, what exists, what runs where, how often."""

from dataclasses import dataclass

from patchbay.world.adoption import Adoptions, build_adoptions, build_intervals
from patchbay.world.advisories import Advisory, build_advisories
from patchbay.world.catalogue import Catalogue, build_catalogue
from patchbay.world.config import WorldConfig
from patchbay.world.dependencies import Dependencies, build_dependencies
from patchbay.world.faults import ReleaseFaults, plan_faults
from patchbay.world.installs import Installs, build_installs
from patchbay.world.people import Crowd, build_crowd
from patchbay.world.rates import Rates, build_rates
from patchbay.world.releases import Releases, build_releases
from patchbay.world.taste import Affinity, build_affinity
from patchbay.world.tenants import Persons, Targets, Tenants, build_persons, build_targets, build_tenants
from patchbay.world.times import Ints


@dataclass(frozen=True, slots=True)
class Society:
    """The parts of a world; `tenant`, `target`, `plugin` and `release` are those of each installation span."""

    config: WorldConfig
    tenants: Tenants
    targets: Targets
    persons: Persons
    catalogue: Catalogue
    faults: ReleaseFaults
    releases: Releases
    dependencies: Dependencies
    advisories: tuple[Advisory, ...]
    affinity: Affinity
    adoptions: Adoptions
    installs: Installs
    rates: Rates
    crowd: Crowd
    tenant: Ints
    target: Ints
    plugin: Ints
    release: Ints


def build_society(config: WorldConfig) -> Society:
    """Build every part, each from its own random stream."""
    tenants = build_tenants(config)
    targets = build_targets(config, tenants)
    persons = build_persons(config, tenants, targets)
    catalogue = build_catalogue(config, tenants.slugs)
    dependencies = build_dependencies(config, catalogue)
    faults = plan_faults(config, catalogue, dependencies)
    releases = build_releases(config, catalogue, faults)
    affinity = build_affinity(config, catalogue, targets, widely_liked=faults.plugins)
    adoptions = build_adoptions(config, catalogue, dependencies, tenants, affinity)
    intervals = build_intervals(config, adoptions, targets, affinity)
    installs = build_installs(config, intervals, releases, targets, faults)
    return Society(
        config=config,
        tenants=tenants,
        targets=targets,
        persons=persons,
        catalogue=catalogue,
        faults=faults,
        releases=releases,
        dependencies=dependencies,
        advisories=build_advisories(config, catalogue, releases),
        affinity=affinity,
        adoptions=adoptions,
        installs=installs,
        rates=build_rates(config, catalogue, tenants, targets, affinity, installs),
        crowd=build_crowd(config.days, config.start_us, tenants, targets, persons),
        tenant=targets.tenant[installs.target],
        target=installs.target,
        plugin=installs.plugin,
        release=installs.release,
    )
