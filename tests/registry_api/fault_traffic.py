"""Steady reads and keyed writes of several clients, each answer judged as it comes: right, or a 503 that says so."""

import asyncio
import itertools
import random
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

WRITERS, READERS = 4, 2
PAUSE_SECONDS = 0.02
NAMESPACE = "load"
SECONDS_TO_RECOVER = 90
"""On a quiet machine it takes two or three."""


@dataclass
class Traffic:
    """What clients of a served registry were answered."""

    address: str
    tokens: dict[str, str]
    answers: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    begun: set[str] = field(default_factory=set)
    written: dict[str, str] = field(default_factory=dict)
    """Acknowledged plugins and their ids."""
    stopping: bool = False

    @asynccontextmanager
    async def flowing(self) -> AsyncIterator[None]:
        """Traffic for the block; at its end every write that was begun is repeated until it is acknowledged."""
        await self._lift_quotas()
        names = itertools.count()
        writers = [asyncio.create_task(self._write(names)) for _ in range(WRITERS)]
        others = [asyncio.create_task(self._read()) for _ in range(READERS)] + [asyncio.create_task(self._probe())]
        try:
            yield
        finally:
            self.stopping = True
            await asyncio.wait_for(asyncio.gather(*writers, *others), SECONDS_TO_RECOVER)

    async def more(self, writes: int) -> None:
        """Until so many more writes are acknowledged, within the time that it may take to recover."""
        goal, end = len(self.written) + writes, time.monotonic() + SECONDS_TO_RECOVER
        while len(self.written) < goal:
            assert self.wrong == [] and time.monotonic() < end, f"{self.wrong[:3]} {dict(self.answers)}"
            await asyncio.sleep(0.02)

    async def _lift_quotas(self) -> None:
        async with self.client("operator") as client:
            whole = {"If-Match": "*"}
            assert (await client.patch("/v1/tenants/acme", json={"plan": "enterprise"}, headers=whole)).is_success

    def client(self, caller: str = "acme") -> httpx.AsyncClient:
        """A client whose every request is on a connection of its own, so that all workers get some."""
        headers = {"Authorization": f"Bearer {self.tokens[caller]}", "Connection": "close"}
        return httpx.AsyncClient(base_url=self.address, headers=headers, timeout=60)

    async def _write(self, names: "itertools.count[int]") -> None:
        async with self.client() as client:
            while not self.stopping:
                name = f"p{next(names)}"
                self.begun.add(name)
                self.written[name] = await self._until_acknowledged(client, name)

    async def _until_acknowledged(self, client: httpx.AsyncClient, name: str) -> str:
        while True:
            body, key = {"namespace": NAMESPACE, "name": name}, {"Idempotency-Key": name}
            answer = await client.post("/v1/plugins", json=body, headers=key)
            if answer.status_code == 201 and answer.json()["name"] == name:
                self.answers["write 201"] += 1
                return str(answer.json()["id"])
            self._judge_refusal("write", answer)
            await asyncio.sleep(PAUSE_SECONDS)

    async def _read(self) -> None:
        async with self.client() as client:
            while not self.stopping:
                await asyncio.sleep(PAUSE_SECONDS)
                if self.written:
                    await self._read_one(client, *random.choice(list(self.written.items())))

    async def _read_one(self, client: httpx.AsyncClient, name: str, known: str) -> None:
        answer = await client.get(f"/v1/plugins/{NAMESPACE}:{name}")
        if answer.status_code == 200 and answer.json()["id"] == known:
            self.answers["read 200"] += 1
        else:
            self._judge_refusal("read", answer)

    async def _probe(self) -> None:
        async with self.client() as client:
            while not self.stopping:
                await asyncio.sleep(0.1)
                answer = await client.get("/healthz")
                if answer.status_code != 200:
                    self.wrong.append(f"healthz {answer.status_code} {answer.text}")

    def _judge_refusal(self, what: str, answer: httpx.Response) -> None:
        code = answer.json()["code"] if "code" in answer.json() else answer.json()["type"].rsplit("/", 1)[-1]
        self.answers[f"{what} {answer.status_code} {code}"] += 1
        refused = (answer.status_code, code) in ((503, "unavailable"), (409, "idempotency_key_in_flight"))
        if not refused or int(answer.headers.get("retry-after", "0")) < 1:
            self.wrong.append(f"{what} {answer.status_code} {dict(answer.headers)} {answer.text[:500]}")


async def settled(traffic: Traffic) -> None:
    """Each write had its effect once: one plugin, one audit record and one feed row each, and the chain holds."""
    assert traffic.wrong == [] and traffic.written.keys() == traffic.begun
    async with traffic.client() as client:
        names = [plugin["name"] async for plugin in _items(client, f"/v1/plugins?namespace={NAMESPACE}&limit=200")]
        assert Counter(names) == Counter(traffic.begun)
        records = [each async for each in _items(client, "/v1/audit?action=plugin.created&limit=200")]
        assert Counter(record["subject"] for record in records) == Counter(
            f"plugin:{i}" for i in traffic.written.values()
        )
        chain = (await client.get("/v1/audit/verify")).json()
        assert chain["valid"] and chain["records"] == chain["head_position"], chain
    async with traffic.client("service") as service:
        lines = (await service.get("/v1/feeds/plugins?after=0&limit=10000")).text.splitlines()
        told = Counter(name for name in traffic.begun for line in lines if f'"name":"{name}"' in line)
        assert told == Counter(traffic.begun), "one feed row each"


async def _items(client: httpx.AsyncClient, path: str) -> AsyncIterator[dict[str, Any]]:
    cursor = ""
    while cursor is not None:
        answer = await client.get(path + (f"&cursor={cursor}" if cursor else ""))
        assert answer.status_code == 200, answer.text
        for item in answer.json()["items"]:
            yield item
        cursor = answer.json()["next"]
