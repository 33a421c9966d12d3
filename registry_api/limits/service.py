"""Limits of requests: the address before anything else, token and tenant as soon as they are known.

What is refused is counted nowhere. So of kept answers, whose caller is known at the door, one that the token's limit refuses is
not counted at the address either.
"""

import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar
from uuid import UUID

from fastapi import Request
from redis.exceptions import RedisError

from patchbay.core.settings import Settings
from registry_api.caller import current_address
from registry_api.db import Principal
from registry_api.limits.addresses import UNKNOWN, limited_as
from registry_api.limits.errors import RateLimited
from registry_api.limits.policies import Claim, Policies
from registry_api.limits.stores import InProcess, InRedis, Store

PAUSE_SECONDS = 5.0
LIMITS = "limits"
"""Where a request's state has what its claims came to, for the headers of its answer."""
LOGIN = "create_session"
UNLIMITED = frozenset({"get_health", "get_readiness", "get_metrics"})
"""Routes that probes and scrapers call, whose silence would take the service out of the balancer."""
log = logging.getLogger("registry_api.limits")
T = TypeVar("T")


class Limits:
    """All limits of an application.

    While Redis is away each process counts by itself: callers are neither locked out nor let in without limit, sign-ins
    included. It is asked again after five seconds, so that requests do not wait for it one by one.
    """

    def __init__(self, settings: Settings) -> None:
        self.policies = Policies(settings)
        self._own = InProcess()
        url = settings.redis_url
        self._shared: Store | None = None if url is None else InRedis(url.get_secret_value())
        self._away_until = 0.0

    async def enter(self, request: Request, route: str) -> None:
        """Count a request of an address; raises `RateLimited`."""
        await self._spend(request, self._of_address(route))

    async def admit(self, request: Request, principal: Principal) -> None:
        """Count a request of a token or session, and of the tenant acted in; raises `RateLimited`."""
        await self._spend(request, self._of_caller(principal))

    async def enter_known(self, request: Request, route: str, principal: Principal) -> None:
        """Both at once, where the caller is known at the door already."""
        await self._spend(request, [*self._of_address(route), *self._of_caller(principal)])

    async def used(self, tenant_id: UUID, planned: int | None) -> int | None:
        """Requests of a tenant that are not restored yet, of its plan's limit or else of every tenant's; None without both."""
        tenant = str(tenant_id)
        claims = self.policies.of_plan(planned, tenant) or self.policies.claims(tenant=tenant)
        return (await self._told(lambda store: store.look(claims[0]))).used if claims else None

    async def close(self) -> None:
        """Close the connections to Redis."""
        if self._shared is not None:
            await self._shared.close()

    def _of_address(self, route: str) -> list[Claim]:
        if route in UNLIMITED:
            return []
        address = limited_as(current_address() or UNKNOWN)
        keys = {"login": address} if route == LOGIN else {}
        return self.policies.claims(**keys, address=address)

    def _of_caller(self, principal: Principal) -> list[Claim]:
        tenant = str(principal.tenant_id)
        claims = self.policies.claims(token=str(principal.token_id), tenant=tenant)
        return [*claims, *self.policies.of_plan(principal.requests_per_minute, tenant)]

    async def _spend(self, request: Request, claims: Sequence[Claim]) -> None:
        states = await self._told(lambda store: store.spend(claims)) if claims else []
        request.scope.setdefault("state", {}).setdefault(LIMITS, []).extend(states)
        if not all(state.allowed for state in states):
            raise RateLimited(states)

    async def _told(self, ask: Callable[[Store], Awaitable[T]]) -> T:
        if self._shared is None or time.monotonic() < self._away_until:
            return await ask(self._own)
        try:
            return await ask(self._shared)
        except (RedisError, OSError):
            log.exception("Redis is away; limits hold per process for now")
            self._away_until = time.monotonic() + PAUSE_SECONDS
            return await ask(self._own)
