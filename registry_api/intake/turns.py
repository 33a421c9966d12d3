"""Turns at what takes much memory: so many callers at once, the others wait, and none may take all of them."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from uuid import UUID
from weakref import WeakValueDictionary

import anyio
from anyio.lowlevel import RunVar

from registry_api.problems import Unavailable


class Turns:
    """At most so many at once in one process; made once, for whichever event loop asks."""

    def __init__(self, name: str, most: int) -> None:
        self._most = most
        self._limiter: RunVar[anyio.CapacityLimiter] = RunVar(name)

    @property
    def limiter(self) -> anyio.CapacityLimiter:
        """What to wait at."""
        try:
            return self._limiter.get()
        except LookupError:
            self._limiter.set(anyio.CapacityLimiter(self._most))
            return self._limiter.get()


class SharedTurns:
    """At most so many at once, and only `each` of them one tenant's; who waits longer than `seconds` is sent away."""

    def __init__(self, name: str, most: int, each: int, seconds: float) -> None:
        self._all, self._each, self._seconds = Turns(name, most), each, seconds
        self._own: RunVar[WeakValueDictionary[UUID, anyio.CapacityLimiter]] = RunVar(f"{name}_of_tenant")

    @asynccontextmanager
    async def taken(self, tenant_id: UUID) -> AsyncIterator[None]:
        """Hold a turn; raises `Unavailable` when none comes in time."""
        async with AsyncExitStack() as stack:
            try:
                with anyio.fail_after(self._seconds):
                    # First the tenant's: whoever waits for it must not hold a turn that others could have.
                    await stack.enter_async_context(self._of(tenant_id))
                    await stack.enter_async_context(self._all.limiter)
            except TimeoutError as error:
                raise Unavailable("Too many batches are on their way. Send this one again in a moment.") from error
            yield

    def _of(self, tenant_id: UUID) -> anyio.CapacityLimiter:
        try:
            known = self._own.get()
        except LookupError:
            self._own.set(known := WeakValueDictionary())
        return known.setdefault(tenant_id, anyio.CapacityLimiter(self._each))
