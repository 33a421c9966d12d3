"""What a tenant uses of its quotas: counters that move in the transaction of the change they count.

Nothing is counted over tables. Whoever adds locks the counter's row until the commit, so of two changes at the limit the
second sees the first, and is refused.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NoReturn

from sqlalchemy import bindparam, select
from sqlalchemy.dialects import postgresql, sqlite

from patchbay.core.clock import utcnow
from registry_api.db.repository import Repository
from registry_api.tenancy.errors import EventQuotaExceeded, QuotaExceeded
from registry_api.tenancy.models import QuotaUse, Tenant
from registry_api.tenancy.plans import MONTHLY, Quota, limits_of, period_of, seconds_left

_PLAN = select(Tenant.plan, Tenant.quotas).where(Tenant.id == bindparam("tenant_id"))


def _move(dialect: Any) -> Any:
    """Add to a counter, which is made where there is none; its new value."""
    insert = dialect.insert(QuotaUse.__table__)
    grown = {"used": QuotaUse.__table__.c.used + insert.excluded.used}
    adding = insert.on_conflict_do_update(index_elements=["tenant_id", "quota", "period"], set_=grown)
    return adding.returning(QuotaUse.__table__.c.used)


_MOVES = {"postgresql": _move(postgresql), "sqlite": _move(sqlite)}


class Metering(Repository):
    """The counters of the tenant acted in."""

    async def add(self, amounts: Mapping[Quota, int]) -> None:
        """Count what a change adds; raises `QuotaExceeded`, which ends the change, when a limit would be passed."""
        grown = {quota: amount for quota, amount in amounts.items() if amount}
        if not grown:
            return
        now, limits = utcnow(), await self.limits()
        used = await self._move(grown, now)
        for quota, amount in grown.items():
            limit = limits[quota]
            if limit is not None and used[quota] > limit:
                _refuse(quota, limit, used[quota] - amount, amount, now)

    async def free(self, amounts: Mapping[Quota, int]) -> None:
        """Count what a change takes away, or moves by the registry's own work, which no quota refuses."""
        await self._move({quota: -amount for quota, amount in amounts.items()}, utcnow())

    async def require(self, *quotas: Quota) -> None:
        """Raises `QuotaExceeded` where nothing is left of a quota; a cheap look before costly work."""
        now, limits, used = utcnow(), await self.limits(), await self.used()
        for quota in quotas:
            limit = limits[quota]
            if limit is not None and used[quota] >= limit:
                _refuse(quota, limit, used[quota], 1, now)

    async def limits(self) -> dict[Quota, int | None]:
        """The tenant's limits."""
        plan, overrides = (await self.session.execute(_PLAN, {"tenant_id": self.scope.tenant_id})).one()
        return limits_of(plan, overrides)

    async def used(self) -> dict[Quota, int]:
        """The use of every quota that is counted, in the current month where it is monthly."""
        now = utcnow()
        query = select(QuotaUse.quota, QuotaUse.period, QuotaUse.used).where(
            QuotaUse.tenant_id == self.scope.tenant_id, QuotaUse.period.in_(("", f"{now:%Y-%m}"))
        )
        found = {(quota, period): used for quota, period, used in await self.session.execute(query)}
        return {quota: found.get((quota.value, period_of(quota, now)), 0) for quota in Quota}

    async def _move(self, amounts: Mapping[Quota, int], now: datetime) -> dict[Quota, int]:
        """Add to the counters, in one order so that two writers never deadlock; their new values."""
        move, moved = _MOVES[self.session.get_bind().dialect.name], {}
        for quota, amount in sorted(amounts.items()):
            use = {"tenant_id": self.scope.tenant_id, "quota": quota.value, "period": period_of(quota, now)}
            moved[quota] = (await self.session.execute(move, {**use, "used": amount})).scalar_one()
        return moved


def _refuse(quota: Quota, limit: int, used: int, wanted: int, now: datetime) -> NoReturn:
    if quota in MONTHLY:
        raise EventQuotaExceeded(quota.value, limit, used, wanted, seconds_left(now))
    raise QuotaExceeded(quota.value, limit, used, wanted)
