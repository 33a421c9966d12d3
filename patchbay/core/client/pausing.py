"""Waits that closing a client ends at once."""

import threading

import anyio


class AsyncPause:
    """Between tasks; a cancelled one waits no more."""

    def __init__(self) -> None:
        self._closed = anyio.Event()

    async def wait(self, seconds: float) -> None:
        """Return after so many seconds, or when the client is closed."""
        with anyio.move_on_after(seconds):
            await self._closed.wait()

    def end(self) -> None:
        """End every wait, also those to come."""
        self._closed.set()


class Pause:
    """Between threads."""

    def __init__(self) -> None:
        self._closed = threading.Event()

    def wait(self, seconds: float) -> None:
        """Return after so many seconds, or when the client is closed."""
        self._closed.wait(seconds)

    def end(self) -> None:
        """End every wait, also those to come."""
        self._closed.set()
