"""What a tenant uses of its quotas: counters that move in the transaction of the change they count.

Nothing is counted over tables. Whoever adds locks the counter's row until the commit, so of two changes at the limit the
second sees the first, and is refused.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import NoReturn

from sqlalchemy import JSON, BigInteger, String, Uuid, bindparam, select, text

from patchbay.core.clock import utcnow
from registry_api.db.repository import Repository
from registry_api.db.statements import table_of
from registry_api.tenancy.errors import EventQuotaExceeded, QuotaExceeded
from registry_api.tenancy.models import QuotaUse, Tenant
from registry_api.tenancy.plans import MONTHLY, Quota, limits_of, period_of, seconds_left

_TENANT = table_of(Tenant).c
_PLAN = select(_TENANT.plan, _TENANT.quotas).where(_TENANT.id == bindparam("tenant_id"))
_MOVE = (
    text(
        """
        INSERT INTO quota_uses (tenant_id, quota, period, used) VALUES (:tenant_id, :quota, :period, :amount)
        ON CONFLICT (tenant_id, quota, period) DO UPDATE SET used = quota_uses.used + excluded.used
        RETURNING used,
            (SELECT plan FROM tenants WHERE id = :tenant_id) AS plan,
            (SELECT quotas FROM tenants WHERE id = :tenant_id) AS overrides
        """
    )
    .bindparams(bindparam("tenant_id", type_=Uuid()))
    .columns(used=BigInteger, plan=String, overrides=JSON)
)
"""As text: SQLAlchemy compiles an upsert anew each time."""


class Metering(Repository):
    """The counters of the tenant acted in."""

    async def add(self, amounts: Mapping[Quota, int]) -> None:
        """Count what a change adds; raises `QuotaExceeded`, which ends the change, when a limit would be passed."""
        grown = {quota: amount for quota, amount in amounts.items() if amount}
        if not grown:
            return
        now = utcnow()
        for quota, amount in sorted(grown.items()):
            used, limit = await self._move(quota, amount, now)
            if limit is not None and used > limit:
                _refuse(quota, limit, used - amount, amount, now)

    async def free(self, amounts: Mapping[Quota, int]) -> None:
        """Count what a change takes away, or moves by the registry's own work, which no quota refuses."""
        now = utcnow()
        for quota, amount in sorted(amounts.items()):
            await self._move(quota, -amount, now)

    async def move(self, quota: Quota, amount: int) -> None:
        """Count what a change comes to, be it more, as `add` does, or less."""
        if amount > 0:
            await self.add({quota: amount})
        elif amount < 0:
            await self.free({quota: -amount})

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

    async def _move(self, quota: Quota, amount: int, now: datetime) -> tuple[int, int | None]:
        """Add to a counter; its new value and its limit. Callers move several in one order, so that two never deadlock."""
        use = {"tenant_id": self.scope.tenant_id, "quota": quota.value, "period": period_of(quota, now)}
        row = (await self.session.execute(_MOVE, {**use, "amount": amount})).one()
        return row.used, limits_of(row.plan, row.overrides)[quota]


def _refuse(quota: Quota, limit: int, used: int, wanted: int, now: datetime) -> NoReturn:
    if quota in MONTHLY:
        raise EventQuotaExceeded(quota.value, limit, used, wanted, seconds_left(now))
    raise QuotaExceeded(quota.value, limit, used, wanted)
