"""Load on an HTTP server from one process that costs little beside it: closed loop for saturation, open loop for latency.

The generator shares the machine's cores with the servers it measures.
"""

import asyncio
import itertools
import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import uvloop

CONNECTIONS = 16
T = TypeVar("T")


class Connection(asyncio.Protocol):
    """A keep-alive connection that sends whole requests and waits for whole answers with a Content-Length, one at a time."""

    def __init__(self) -> None:
        self._received = bytearray()
        self._waiting: asyncio.Future[int] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Note where to write."""
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]  # uvloop's are none by inheritance

    def data_received(self, data: bytes) -> None:
        """Collect an answer; tell its status when it is whole."""
        self._received += data
        head = self._received.find(b"\r\n\r\n")
        if head < 0 or self._waiting is None:
            return
        place = self._received.lower().find(b"content-length:", 0, head)
        length = int(self._received[place + 15 : self._received.find(b"\r", place)]) if place > 0 else 0
        if len(self._received) >= head + 4 + length:
            status = int(self._received[9:12])
            self._received.clear()
            self._waiting.set_result(status)

    def connection_lost(self, error: Exception | None) -> None:
        """An answer that was waited for will not come."""
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(error or ConnectionError("the server closed the connection"))

    async def ask(self, request: bytes) -> int:
        """The status of a request's answer; raises RuntimeError for an error."""
        self._waiting = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        status = await self._waiting
        if status >= 400:
            raise RuntimeError(f"{status} for {request[:100]!r}")
        return status


def _run(work: Callable[[], Awaitable[T]]) -> T:
    async def main() -> T:
        return await work()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main())


async def connect(address: str, count: int) -> list[Connection]:
    """Open connections to `http://host:port`."""
    host, port = address.removeprefix("http://").split(":")
    loop = asyncio.get_running_loop()
    return [(await loop.create_connection(Connection, host, int(port)))[1] for _ in range(count)]


def send_all(address: str, requests: Sequence[bytes]) -> None:
    """Send each request once, over all connections."""
    _run(lambda: _closed(address, [requests[first::CONNECTIONS] for first in range(CONNECTIONS)], None))


def saturate(address: str, requests: Sequence[bytes], seconds: float) -> float:
    """Answers per second while every connection asks the next as soon as it has an answer."""
    started = time.perf_counter()
    shares = [[*requests[first:], *requests[:first]] for first in range(0, len(requests), len(requests) // CONNECTIONS)]
    answered = _run(lambda: _closed(address, shares[:CONNECTIONS], seconds))
    return answered / (time.perf_counter() - started)


async def _closed(address: str, shares: Sequence[Sequence[bytes]], seconds: float | None) -> int:
    connections = await connect(address, len(shares))
    until = None if seconds is None else time.perf_counter() + seconds

    async def drive(connection: Connection, share: Sequence[bytes]) -> int:
        answered = 0
        for request in share if until is None else itertools.cycle(share):
            if until is not None and time.perf_counter() >= until:
                break
            await connection.ask(request)
            answered += 1
        connection.transport.close()
        return answered

    return sum(await asyncio.gather(*map(drive, connections, shares)))


def latencies(address: str, requests: Sequence[bytes], rate: float, seconds: float) -> list[float]:
    """Seconds from when each request was due to its answer, due every 1/rate s whether or not earlier ones are answered.

    A server that stalls delays all that were due meanwhile, and each of them counts: nothing is omitted (coordinated omission).
    """
    return _run(lambda: _open(address, requests, rate, seconds))


async def _open(address: str, requests: Sequence[bytes], rate: float, seconds: float) -> list[float]:
    connections = await connect(address, 4 * CONNECTIONS)
    started, places = time.perf_counter() + 0.05, itertools.count()
    found: list[float] = []

    async def drive(connection: Connection) -> None:
        for place in places:
            due = started + place / rate
            if due >= started + seconds:
                break
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            await connection.ask(requests[place % len(requests)])
            found.append(time.perf_counter() - due)
        connection.transport.close()

    await asyncio.gather(*map(drive, connections))
    return found


def percentile(values: Sequence[float], percent: int) -> float:
    """A percentile of seconds, in milliseconds."""
    return round(statistics.quantiles(values, n=100)[percent - 1] * 1000, 2)
