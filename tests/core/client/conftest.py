"""Both sides of the client through one door, and a registry that misbehaves as told."""

import asyncio
import inspect
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from patchbay.client import AsyncClient, Client
from tests.core.client.server import Registry


class Awaited:
    """An asynchronous client called as if it were the other: coroutines are run, iterators read to their end."""

    def __init__(self, loop: asyncio.AbstractEventLoop, client: AsyncClient) -> None:
        self._loop, self._client = loop, client

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._client, "aclose" if name == "close" else name)

        def call(*arguments: Any, **named: Any) -> Any:
            told = method(*arguments, **named)
            if inspect.isawaitable(told):
                return self._loop.run_until_complete(told)
            if hasattr(told, "__anext__"):
                return self._loop.run_until_complete(_read(told))
            return Awaited(self._loop, told)

        return call


async def _read(items: Any) -> list[Any]:
    return [item async for item in items]


Connect = Callable[..., Any]


@pytest.fixture(params=["synchronous", "asynchronous"])
def connect(request: pytest.FixtureRequest) -> Iterator[Connect]:
    """Makes clients of one side; they are closed in the end."""
    made: list[Any] = []
    loop = asyncio.new_event_loop()

    def one(*arguments: Any, **named: Any) -> Any:
        whole = request.param == "synchronous"
        made.append(Client(*arguments, **named) if whole else Awaited(loop, AsyncClient(*arguments, **named)))
        return made[-1]

    yield one
    for client in made:
        client.close()
    loop.close()


@pytest.fixture
def registry() -> Iterator[Registry]:
    """The scripted server."""
    registry = Registry()
    yield registry
    registry.server.shutdown()
    registry.server.server_close()


@pytest.fixture
def client(registry: Registry, connect: Connect) -> Any:
    """A client with a token that gives up after three repeats."""
    return connect(registry.url, "pb_test", retries=3)
