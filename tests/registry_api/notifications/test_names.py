"""A tenant whose names are never found keeps its own share of the threads that look names up, and no other."""

import asyncio
import socket
from collections.abc import Iterator
from threading import Event
from uuid import UUID

import pytest

from registry_api.notifications.addresses import locate
from registry_api.notifications.errors import TryAgain
from registry_api.notifications.names import SHARE

ONE, OTHER = UUID(int=1), UUID(int=2)
SLOW = "http://slow.example/"


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Iterator[Event]:
    """A name system that answers for slow.example when the event is set."""
    over, really = Event(), socket.getaddrinfo

    def lookup(host, *more, **named):
        if host != "slow.example":
            return really(host, *more, **named)
        over.wait(60)
        return really("127.0.0.1", *more, **named)

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    yield over
    over.set()


async def given_up(tenant_id: UUID) -> BaseException:
    with pytest.raises((TimeoutError, TryAgain)) as raised:
        async with asyncio.timeout(0.2):
            await locate(SLOW, ["slow.example"], tenant_id)
    return raised.value


async def test_names_that_are_never_found_delay_neither_other_tenants_nor_other_work(slow: Event) -> None:
    ended = await asyncio.gather(*(given_up(ONE) for _ in range(SHARE + 40)))
    assert sum(isinstance(one, TryAgain) for one in ended) == 40, "these held no thread"
    async with asyncio.timeout(5):
        assert await asyncio.to_thread(int, "1") == 1
        assert (await locate("http://127.0.0.1:81/", ["127.0.0.1"], OTHER)).port == 81
    with pytest.raises(TryAgain, match="not looked up"):
        await locate("http://127.0.0.1:81/", ["127.0.0.1"], ONE)


async def test_a_share_is_free_again_once_the_name_system_has_answered(slow: Event) -> None:
    await asyncio.gather(*(given_up(ONE) for _ in range(SHARE)))
    slow.set()
    async with asyncio.timeout(5):
        while isinstance(await given_up_or_found(), TryAgain):
            await asyncio.sleep(0.01)


async def given_up_or_found() -> object:
    try:
        return await locate(SLOW, ["slow.example"], ONE)
    except TryAgain as error:
        return error
