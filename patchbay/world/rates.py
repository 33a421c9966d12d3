"""How often: the expected number of events of every installation span, day and minute."""

from dataclasses import dataclass

import numpy as np

from patchbay.world.catalogue import Catalogue
from patchbay.world.config import WorldConfig
from patchbay.world.installs import Installs, use_weights
from patchbay.world.rhythm import profile_of, rhythm
from patchbay.world.taste import Affinity
from patchbay.world.tenants import Targets, Tenants
from patchbay.world.times import DAY, MINUTE, Floats, Ints, moment

USES, SAMPLES, VIEWS, IMPRESSIONS, SEARCHES, FEEDBACKS = 0.755, 0.080, 0.070, 0.055, 0.030, 0.006
"""Shares of all events; what is left are installs, removals, upgrades and planted extras."""


@dataclass(frozen=True, slots=True)
class Rates:
    """Per installation span: uses and samples on an average day; `profile` is its season, `slope` its log growth."""

    days: int
    start_us: int
    uses: Floats
    samples: Floats
    profile: Ints
    slope: Floats
    tenant_noise: Floats

    def uses_on(self, day: int, rows: Ints, tenant: Ints) -> Floats:
        """Expected uses of spans on one day of the window, if they run all day; with the day's luck of the tenant."""
        factor = rhythm().day_factor(self.profile[rows], weekday(self.start_us, day))
        return np.asarray(self.uses[rows] * self.growth(day, rows) * factor * self.tenant_noise[tenant[rows], day])

    def growth(self, day: int, rows: Ints) -> Floats:
        """Trend of a span's plugin: 1 in the middle of the window."""
        return np.asarray(np.exp(self.slope[rows] * (day / self.days - 0.5)))

    def uses_per_minute(self, rows: Ints, at: int) -> float:
        """Expected uses in the minute that holds `at`, over all given spans; without luck and planted effects."""
        day, rest = divmod(at - self.start_us, DAY)
        share = rhythm().per_minute(self.profile[rows], weekday(self.start_us, day), rest // MINUTE)
        return float((self.uses[rows] * self.growth(day, rows) * share).sum())


def weekday(start_us: int, day: int) -> int:
    """Weekday (0 is Monday) of a day of the window."""
    return moment(start_us + day * DAY).weekday()


def build_rates(
    config: WorldConfig,
    catalogue: Catalogue,
    tenants: Tenants,
    targets: Targets,
    affinity: Affinity,
    installs: Installs,
) -> Rates:
    """Scaled so that each tenant's expected events are its share of the target, whatever it has installed."""
    weight = use_weights(config, installs, affinity.targets, catalogue.popularity, targets)
    span = np.minimum(installs.stop, config.end_us) - np.maximum(installs.start, config.start_us)
    days = np.maximum(span, 0) / DAY
    tenant = targets.tenant[installs.target]
    wanted = config.event_target * tenants.share
    noise = config.rng("luck").gamma(60.0, 1 / 60.0, (len(tenants), config.days))
    return Rates(
        days=config.days,
        start_us=config.start_us,
        uses=USES * _scaled(weight, days, tenant, wanted),
        samples=SAMPLES * _scaled(np.sqrt(weight), days, tenant, wanted),
        profile=profile_of(tenants.zone[tenant], targets.continuous[installs.target].astype(np.int64)),
        slope=catalogue.slope[installs.plugin],
        tenant_noise=noise,
    )


def _scaled(weight: Floats, days: Floats, tenant: Ints, wanted: Floats) -> Floats:
    """Weights as daily rates: those of a tenant, each over its days, add up to what is wanted of it."""
    total = np.bincount(tenant, weight * days, minlength=len(wanted))
    return np.asarray(weight * (wanted / np.maximum(total, 1e-9))[tenant])
