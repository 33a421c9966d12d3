"""Limits: their names and sizes, and how an answer tells them (draft-ietf-httpapi-ratelimit-headers-10)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import NamedTuple

from patchbay.core.settings import Settings

WINDOW_SECONDS = 60
MOST = WINDOW_SECONDS * 1_000_000
"""Requests that a policy can tell apart: one each microsecond."""
PLANNED = "requests_per_minute"
"""The limit of a tenant's plan bears the name of its quota."""
POLICY_HEADER, STATE_HEADER = "RateLimit-Policy", "RateLimit"


@dataclass(frozen=True)
class Policy:
    """At most `quota` requests at once, restored evenly over `window` seconds."""

    name: str
    quota: int
    window: int = WINDOW_SECONDS

    @cached_property
    def interval(self) -> int:
        """Microseconds in which one request is restored."""
        return max(1, self.window * 1_000_000 // self.quota)

    @cached_property
    def burst(self) -> int:
        """Microseconds that a caller may be ahead."""
        return self.interval * self.quota

    @cached_property
    def told(self) -> str:
        """The limit in the policy header."""
        return f'"{self.name}";q={self.quota};w={self.window}'


class Claim(NamedTuple):
    """One request against one limit of one caller."""

    policy: Policy
    key: str


class State(NamedTuple):
    """What a claim came to. `ahead` is how far the caller is ahead, this request included where it was let through."""

    policy: Policy
    ahead: int
    allowed: bool

    @property
    def remaining(self) -> int:
        """Requests that could be sent at once now."""
        return max(0, (self.policy.burst - self.ahead) // self.policy.interval)

    @property
    def used(self) -> int:
        """Requests of the quota that are not restored yet."""
        return math.ceil(self.ahead / self.policy.interval)

    @property
    def wait(self) -> int:
        """Seconds until a refused request would be let through, at least one."""
        return max(1, math.ceil((self.ahead + self.policy.interval - self.policy.burst) / 1_000_000))

    @property
    def restored(self) -> int:
        """Seconds until the whole quota is there again."""
        return math.ceil(self.ahead / 1_000_000)


class Policies:
    """The limits in force; one whose quota is 0 is not."""

    def __init__(self, settings: Settings) -> None:
        quotas = {
            "login": settings.rate_limit_login,
            "address": settings.rate_limit_address,
            "token": settings.rate_limit_token,
            "tenant": settings.rate_limit_tenant,
        }
        self._policies = {name: Policy(name, quota) for name, quota in quotas.items() if quota}

    def claims(self, **keys: str) -> list[Claim]:
        """Claims by the names of limits; those that are off are left out."""
        policies = self._policies
        return [Claim(policies[name], f"{name}:{key}") for name, key in keys.items() if name in policies]

    @staticmethod
    def of_plan(quota: int | None, tenant: str) -> list[Claim]:
        """The claim on what a tenant's plan allows; none where it allows all."""
        return [] if quota is None else [Claim(_planned(quota), f"{PLANNED}:{tenant}")]


@lru_cache(maxsize=256)
def _planned(quota: int) -> Policy:
    return Policy(PLANNED, min(quota, MOST))


def told(states: Sequence[State]) -> dict[str, str]:
    """The two headers; none where no limit applies."""
    if not states:
        return {}
    policies = ", ".join([state.policy.told for state in states])
    current = ", ".join([f'"{state.policy.name}";r={state.remaining};t={state.restored}' for state in states])
    return {POLICY_HEADER: policies, STATE_HEADER: current}
