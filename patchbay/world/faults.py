"""Which releases are planted as faulty: decided before releases exist, so that they appear at a known time."""

from dataclasses import dataclass

import numpy as np

from patchbay.world.catalogue import OPERATOR, Catalogue
from patchbay.world.config import WorldConfig
from patchbay.world.dependencies import Dependencies
from patchbay.world.times import DAY

BAD_ERROR_RATE = 0.30
LEAK_PER_DAY = 0.22


@dataclass(frozen=True, slots=True)
class ReleaseFaults:
    """A release that fails often and the one that mends it; and a release whose memory grows until the next one."""

    bad_plugin: int
    bad_at: int
    fix_at: int
    leaky_plugin: int
    leaky_at: int

    @property
    def plugins(self) -> tuple[int, int]:
        """The two plugins with a faulty release."""
        return self.bad_plugin, self.leaky_plugin

    def planned(self) -> dict[int, tuple[int, ...]]:
        """Release times that must exist, by plugin."""
        return {self.bad_plugin: (self.bad_at, self.fix_at), self.leaky_plugin: (self.leaky_at,)}

    def quiet(self) -> dict[int, tuple[int, int]]:
        """Spans without other releases of that plugin, so that the fault can be seen."""
        margin = (self.fix_at - self.bad_at) // 2
        return {
            self.bad_plugin: (self.bad_at - margin, self.fix_at + margin),
            self.leaky_plugin: (self.leaky_at - margin, self.leaky_at + 4 * margin),
        }


def plan_faults(config: WorldConfig, catalogue: Catalogue, dependencies: Dependencies) -> ReleaseFaults:
    """The two most popular public plugins that nobody needs get the faults, at 45 % and 60 % of the window."""
    free = (catalogue.owner == OPERATOR) & (catalogue.library == 0)
    free[dependencies.needs] = False
    bad, leaky = np.flatnonzero(free)[:2].tolist()
    span = config.end_us - config.start_us
    bad_at = config.start_us + int(0.45 * span)
    return ReleaseFaults(
        bad_plugin=bad,
        bad_at=bad_at,
        fix_at=bad_at + max(2 * DAY, int(0.09 * span)),
        leaky_plugin=leaky,
        leaky_at=config.start_us + int(0.6 * span),
    )
