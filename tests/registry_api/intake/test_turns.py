"""Bodies take turns: nobody's slow senders keep others out, and nobody waits for ever."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from registry_api.intake.columnar import receive
from registry_api.intake.turns import SharedTurns
from tests.registry_api.intake_data import NDJSON, accepted, event, fill, lines


@pytest.fixture
def backend() -> str:
    """Turns are taken before any database is asked, so one of the two is enough here."""
    return "sqlite"


@pytest.fixture(autouse=True)
async def _filled(api: Any) -> None:
    await fill(api)


class Slow:
    """Senders whose bodies are begun and go on when they are let."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.go = asyncio.Event()

    async def _body(self, key: str) -> AsyncIterator[bytes]:
        self.asked.append(key)
        await self.go.wait()
        yield lines(event(key))

    def send(self, client: httpx.AsyncClient, count: int) -> list["asyncio.Task[httpx.Response]"]:
        """Begin to send batches."""
        return [asyncio.create_task(post_slowly(client, self._body(str(n)), str(n))) for n in range(count)]

    async def begun(self, count: int) -> None:
        """Wait until so many bodies are being read, and a little longer for one too many."""
        while len(self.asked) < count:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.2)


async def post_slowly(client: httpx.AsyncClient, body: AsyncIterator[bytes], key: str) -> httpx.Response:
    """Post a usage batch whose body comes piece by piece."""
    headers = {"Content-Type": NDJSON, "Idempotency-Key": key}
    return await client.post("/v1/usage/batches", content=body, headers=headers)


async def test_only_so_many_bodies_are_read_at_once(api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receive, "HELD", SharedTurns("few", 3, each=2, seconds=30))
    slow = Slow()
    sending = slow.send(api.acme, 2) + slow.send(api.globex, 2)
    await slow.begun(3)
    assert len(slow.asked) == 3, "the fourth body stays with its sender"
    slow.go.set()
    assert [answer.status_code for answer in await asyncio.gather(*sending)] == [201] * 4


async def test_one_tenants_slow_senders_leave_places_to_others(api: Any) -> None:
    slow = Slow()
    sending = slow.send(api.acme, 8)
    await slow.begun(2)
    assert len(slow.asked) == 2
    assert (await accepted(api.globex, lines(event("1"))))["accepted"] == 1
    slow.go.set()
    assert [answer.status_code for answer in await asyncio.gather(*sending)] == [201] * 8


async def test_who_gets_no_place_in_time_is_told_when_to_come_again(api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receive, "HELD", SharedTurns("short", 8, each=1, seconds=0.1))
    slow = Slow()
    sending = slow.send(api.acme, 1)
    await slow.begun(1)
    answer = await post_slowly(api.acme, slow._body("late"), "late")
    assert answer.status_code == 503 and answer.json()["type"].endswith("unavailable")
    assert answer.headers["Retry-After"].isdecimal() and slow.asked == ["0"], "its body was not read"
    slow.go.set()
    assert (await asyncio.gather(*sending))[0].status_code == 201
    assert (await accepted(api.acme, lines(event("late")), "late"))["accepted"] == 1


async def test_a_body_that_never_ends_gives_its_place_back(api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receive, "BODY_SECONDS", 0.3)

    async def body() -> AsyncIterator[bytes]:
        yield lines(event("1"))
        await asyncio.sleep(60)

    answer = await post_slowly(api.acme, body(), "slow")
    assert answer.status_code == 400 and answer.json()["type"].endswith("truncated_body")
