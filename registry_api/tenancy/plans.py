"""What each plan allows: one table. The operator may set any quota of a tenant otherwise."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

GIB = 1024**3


class Quota(StrEnum):
    """What a plan limits."""

    PLUGINS = "plugins"
    RELEASES = "releases"
    STORAGE = "storage_bytes"
    TARGETS = "targets"
    INSTALLS = "installs"
    REQUESTS = "requests_per_minute"
    EVENTS = "events_per_month"
    SEATS = "seats"


Limits = Mapping[Quota, int | None]

MONTHLY = frozenset({Quota.EVENTS})
"""Quotas whose use begins anew with each UTC month; the use of all others stands until something is taken away."""

OPERATOR, DEFAULT = "operator", "enterprise"
"""A self-hosted registry limits nobody until its operator says so."""


def _limits(*limits: int | None) -> Limits:
    return dict(zip(Quota, limits, strict=True))


PLANS: dict[str, Limits] = {
    #                    plugins releases storage    targets installs requests events      seats
    "free": _limits(10, 100, GIB, 25, 500, 300, 100_000, 5),
    "team": _limits(500, 10_000, 100 * GIB, 1_000, 50_000, 3_000, 20_000_000, 50),
    "enterprise": _limits(None, None, None, None, None, None, None, None),
    OPERATOR: _limits(None, None, None, None, None, None, None, None),
}
"""Limits by plan, in the order of `Quota`; None is no limit. `operator` is the operator tenant's alone."""


def limits_of(plan: str, overrides: Mapping[str, int | None]) -> dict[Quota, int | None]:
    """A tenant's limits: its plan's, and what the operator set otherwise."""
    return {quota: overrides.get(quota.value, limit) for quota, limit in PLANS[plan].items()}


def period_of(quota: Quota, now: datetime) -> str:
    """The month a use counts in, like 2026-11; empty where it stands."""
    return f"{now:%Y-%m}" if quota in MONTHLY else ""


def seconds_left(now: datetime) -> int:
    """Until the next UTC month begins, at least 1."""
    first = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    following = (
        first.replace(year=first.year + 1, month=1) if first.month == 12 else first.replace(month=first.month + 1)
    )
    return max(1, int((following - now).total_seconds()))
