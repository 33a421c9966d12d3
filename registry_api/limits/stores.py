"""Where limits are kept: a port with two adapters, in process and in Redis.

Both are the generic cell rate algorithm (ITU-T I.371, appendix I): of each caller only the moment is kept at which nothing of
the quota would be used any more. All claims of a request are made together, or none.
"""

import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

from redis.asyncio import BlockingConnectionPool, Redis

from registry_api.limits.policies import Claim, State

PREFIX = "patchbay:limit:"
SWEEP_EVERY = 10_000
CONNECTIONS = 32
PATIENCE_SECONDS = 0.5

SCRIPT = """
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local ahead, refused = {}, false
for i, key in ipairs(KEYS) do
  local interval, burst = tonumber(ARGV[2 * i - 1]), tonumber(ARGV[2 * i])
  local kept = tonumber(redis.call('GET', key) or now)
  ahead[i] = math.max(kept - now, 0)
  if ahead[i] + interval > burst then refused = true end
end
if refused then return {0, unpack(ahead)} end
for i, key in ipairs(KEYS) do
  ahead[i] = ahead[i] + tonumber(ARGV[2 * i - 1])
  redis.call('SET', key, string.format('%.0f', now + ahead[i]), 'PX', math.ceil(ahead[i] / 1000))
end
return {1, unpack(ahead)}
"""
"""Answers whether all claims were made, and how far each caller is ahead."""


class Store(Protocol):
    """Keeps limits."""

    async def spend(self, claims: Sequence[Claim]) -> list[State]:
        """Make all claims, or none when one of them is refused; a state for each."""
        ...

    async def look(self, claim: Claim) -> State:
        """What a claim would meet, without making it."""
        ...

    async def close(self) -> None:
        """Close what is open."""
        ...


class InProcess:
    """Limits of this process: with several, each has its own."""

    def __init__(self, clock: Callable[[], int] = lambda: time.monotonic_ns() // 1000) -> None:
        self._clock = clock
        self._until: dict[str, int] = {}
        self._spent = 0

    async def spend(self, claims: Sequence[Claim]) -> list[State]:
        """See `Store`; nothing is awaited, so nothing comes between looking and writing."""
        now = self._clock()
        ahead = [max(self._until.get(claim.key, 0) - now, 0) for claim in claims]
        made = all(_fits(claim, used) for claim, used in zip(claims, ahead, strict=True))
        if made:
            ahead = [used + claim.policy.interval for claim, used in zip(claims, ahead, strict=True)]
            self._until.update((claim.key, now + used) for claim, used in zip(claims, ahead, strict=True))
            self._sweep(now)
        return _states(claims, ahead, made)

    async def look(self, claim: Claim) -> State:
        """See `Store`."""
        ahead = max(self._until.get(claim.key, 0) - self._clock(), 0)
        return State(claim.policy, ahead, _fits(claim, ahead))

    def _sweep(self, now: int) -> None:
        """Forget who has the whole quota again, so that addresses never seen again take no memory."""
        self._spent += 1
        if self._spent % SWEEP_EVERY == 0:
            self._until = {key: until for key, until in self._until.items() if until > now}

    async def close(self) -> None:
        """Nothing is open."""


class InRedis:
    """Limits that all replicas share; raises redis' errors when it is away."""

    def __init__(self, url: str) -> None:
        # Requests wait for one of few connections; the plain pool refuses them beyond its size.
        pool = BlockingConnectionPool.from_url(
            url,
            max_connections=CONNECTIONS,
            timeout=PATIENCE_SECONDS,
            socket_timeout=PATIENCE_SECONDS,
            socket_connect_timeout=PATIENCE_SECONDS,
        )
        self._redis: Redis = Redis.from_pool(pool)
        self._script: Callable[..., Awaitable[Any]] = self._redis.register_script(SCRIPT)

    async def spend(self, claims: Sequence[Claim]) -> list[State]:
        """See `Store`; Redis runs the script as one, by its own clock."""
        keys = [PREFIX + claim.key for claim in claims]
        sizes = [size for claim in claims for size in (claim.policy.interval, claim.policy.burst)]
        made, *ahead = [int(number) for number in await self._script(keys=keys, args=sizes)]
        return _states(claims, ahead, bool(made))

    async def look(self, claim: Claim) -> State:
        """See `Store`; by Redis' own clock too."""
        async with self._redis.pipeline() as pipe:
            pipe.time()
            pipe.get(PREFIX + claim.key)
            (seconds, micros), kept = await pipe.execute()
        ahead = max(int(kept or 0) - (seconds * 1_000_000 + micros), 0)
        return State(claim.policy, ahead, _fits(claim, ahead))

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()


def _fits(claim: Claim, ahead: int) -> bool:
    return ahead + claim.policy.interval <= claim.policy.burst


def _states(claims: Sequence[Claim], ahead: Sequence[int], made: bool) -> list[State]:
    pairs = zip(claims, ahead, strict=True)
    return [State(claim.policy, used, made or _fits(claim, used)) for claim, used in pairs]
