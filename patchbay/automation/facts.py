"""What an evaluation is told besides samples: targets, kill switches, what still runs, and the operator's limits."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from typing import Literal

from patchbay.automation.conditions import OPERATOR
from patchbay.automation.plans import Target

Risk = Literal["auto", "approve", "forbid"]
STOP_ALL = "global"


@dataclass(frozen=True, slots=True)
class Allowance:
    """A token bucket's size, and how long an empty one takes to fill."""

    capacity: int
    per: timedelta


@dataclass(frozen=True, slots=True)
class RestartLimits:
    """Restarts of one target: at most so many in a window, each waiting twice as long as the one before it."""

    most: int = 3
    window: timedelta = timedelta(hours=1)
    backoff: timedelta = timedelta(minutes=1)
    reset: timedelta = timedelta(minutes=30)
    """How long an open circuit waits before it lets one trial through."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What holds for every rule."""

    max_gap: timedelta = timedelta(minutes=2)
    """Evaluations further apart have a downtime between them, which counts as nothing."""
    forget_after: timedelta = timedelta(hours=24)
    target_cooldown: timedelta = timedelta(minutes=5)
    tenant_budget: Allowance = Allowance(20, timedelta(hours=1))
    global_budget: Allowance = Allowance(100, timedelta(hours=1))
    restarts: RestartLimits = RestartLimits()
    risk: Mapping[str, Risk] = field(default_factory=dict)
    """By type of action; what is not named is auto. A rule's mode can be stricter, never looser."""


@dataclass(frozen=True)
class Facts:
    """One consistent look at the world.

    `targets` are all of each kind and tenant that rules may act on, since shares are counted of them. `stopped` are
    kill switches: `global`, `tenant:<id>`, `rule:<name>`. `running` are keys of unfinished plans by rule. `tenant`
    is whose rules are evaluated: they act on its own targets and on those of the tenant whose series fired.
    """

    targets: tuple[Target, ...] = ()
    stopped: frozenset[str] = frozenset()
    running: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    limits: Limits = Limits()
    tenant: str = OPERATOR

    @cached_property
    def fleet(self) -> Mapping[str, int]:
        """Number of targets by tenant and kind."""
        counts: dict[str, int] = {}
        for target in self.targets:
            counts[target.group] = counts.get(target.group, 0) + 1
        return counts
