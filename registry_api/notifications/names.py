"""Looking names up: in threads of their own, of which no tenant holds more than its share."""

import asyncio
import socket
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import Any
from uuid import UUID

from registry_api.notifications.errors import TryAgain

THREADS, SHARE = 64, 8


class Lookups:
    """Threads that wait for the name system, and how many of them each tenant holds.

    A lookup cannot be broken off: one that nobody waits for any more holds its thread, and of its tenant's share, until
    the name system gives up. What else the process does in threads goes on meanwhile.
    """

    def __init__(self, threads: int = THREADS, share: int = SHARE) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="names")
        self._share, self._lock = share, Lock()
        self._held: Counter[UUID | None] = Counter()

    async def find(self, host: str, port: int, tenant_id: UUID | None) -> list[tuple[Any, ...]]:
        """What `socket.getaddrinfo` finds and raises; raises `TryAgain` while the tenant's share is taken."""
        self._take(host, tenant_id)
        found = self._threads.submit(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
        found.add_done_callback(lambda _: self._give_back(tenant_id))
        return await asyncio.wrap_future(found)

    def _take(self, host: str, tenant_id: UUID | None) -> None:
        with self._lock:
            if self._held[tenant_id] >= self._share:
                raise TryAgain(f"{host} was not looked up: {self._share} names are still being waited for.")
            self._held[tenant_id] += 1

    def _give_back(self, tenant_id: UUID | None) -> None:
        with self._lock:
            self._held[tenant_id] -= 1
            self._held += Counter()  # forgets those that hold none


LOOKUPS = Lookups()
"""Of this process."""
