"""Webhooks against a real receiver: signed as the standard says, sent to public addresses only, and judged by the answer."""

import asyncio
import json
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from patchbay.core.clock import utcnow
from patchbay.core.settings import Settings
from registry_api.notifications.addresses import is_public, locate
from registry_api.notifications.errors import TryAgain, Undeliverable
from registry_api.notifications.models import SigningKey
from registry_api.notifications.sealing import fresh_secret, seal
from registry_api.notifications.webhook import LARGEST_BODY, cloud_event, send_webhook
from tests.registry_api.notifications.certificates import trusted
from tests.registry_api.notifications.names import Names

TENANT = UUID(int=7)
EVENT = cloud_event("k1", "dev.patchbay.test", "rule", {"value": 1.5}, datetime(2026, 11, 24, tzinfo=UTC))
Heard = list[tuple[dict[str, str], bytes]]


@asynccontextmanager
async def receiver(answer: str, heard: Heard, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """An HTTP server that answers everything the same way and remembers what came; its port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        lines = (line.split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
        headers = {name.lower(): value for name, value in lines}
        heard.append((headers, await reader.readexactly(int(headers["content-length"]))))
        writer.write(f"HTTP/1.1 {answer}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    async with server:
        yield server.sockets[0].getsockname()[1]


@asynccontextmanager
async def silence(beginning: bytes = b"") -> AsyncIterator[int]:
    """A server that begins an answer, if at all, and never ends it; its port."""
    over = asyncio.Event()

    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(beginning)
        await over.wait()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]
        over.set()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path, webhook_private_hosts=("localhost", "127.0.0.1"))


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    return Names(monkeypatch)


async def send(settings: Settings, url: str, key: SigningKey | None = None) -> Any:
    return await send_webhook(settings, [key] if key else [], url, "k1", EVENT, utcnow(), tenant_id=TENANT)


async def test_a_receiver_verifies_it_with_the_standards_own_library(settings: Settings) -> None:
    secret, heard = fresh_secret(), Heard()
    sealed, sealed_by = seal(settings, TENANT, "hook", secret)
    key = SigningKey(tenant_id=TENANT, name="hook", sealed=sealed, sealed_by=sealed_by)
    async with receiver("204 No Content", heard) as port:
        sent = await send(settings, f"http://localhost:{port}/in?a=1", key)
    [(headers, body)] = heard
    assert "204" in sent.detail
    assert Webhook(secret).verify(body, headers) == json.loads(body) == EVENT
    assert headers["webhook-id"] == EVENT["id"] == "k1"
    assert (headers["host"], headers["content-type"]) == (f"localhost:{port}", "application/cloudevents+json")
    with pytest.raises(WebhookVerificationError):
        Webhook(fresh_secret()).verify(body, headers)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ("500 Broken", TryAgain),
        ("503 Away", TryAgain),
        ("429 Slow", TryAgain),
        ("408 Late", TryAgain),
        ("404 Gone", Undeliverable),
        ("401 No", Undeliverable),
    ],
)
async def test_an_answer_says_whether_another_attempt_may_help(settings: Settings, answer: str, error: Any) -> None:
    async with receiver(answer, Heard()) as port:
        with pytest.raises(error, match=answer[:3]):
            await send(settings, f"http://127.0.0.1:{port}/")


async def test_a_redirect_is_not_followed(settings: Settings) -> None:
    inner: Heard = []
    async with receiver("200 OK", inner) as secret_port:
        answer = f"302 Found\r\nLocation: http://127.0.0.1:{secret_port}/"
        async with receiver(answer, Heard()) as port:
            with pytest.raises(Undeliverable, match="redirect"):
                await send(settings, f"http://127.0.0.1:{port}/")
    assert inner == []


async def test_nobody_listening_is_for_later(settings: Settings) -> None:
    async with receiver("200 OK", Heard()) as port:
        pass
    with pytest.raises(TryAgain, match="could not be reached"):
        await send(settings, f"http://127.0.0.1:{port}/")


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost/",
        "http://127.1/",
        "http://[::1]/",
        "http://[::ffff:10.0.0.1]/",
        "http://169.254.169.254/latest/meta-data",
        "http://0x7f000001/",
        "ftp://example.com/",
        "http://user:pw@example.com/",
        "http:///nowhere",
        "http://[1/",
    ],
)
async def test_what_is_private_or_no_plain_url_is_refused_before_anything_is_sent(tmp_path: Path, url: str) -> None:
    with pytest.raises(Undeliverable):
        await send(Settings(home=tmp_path), url)


@pytest.mark.parametrize("addresses", [["10.0.0.5"], ["93.184.216.34", "fd00::5"], ["169.254.169.254"]])
async def test_a_name_that_leads_into_a_private_network_is_refused(
    tmp_path: Path, names: Names, addresses: list[str]
) -> None:
    names.known["hook.example"] = addresses
    with pytest.raises(Undeliverable, match=r"hook\.example is at an address that is not public"):
        await send(Settings(home=tmp_path), "https://hook.example/")
    assert names.asked["hook.example"] == 1


async def test_a_name_is_looked_up_once_and_that_address_is_connected_to(tmp_path: Path, names: Names) -> None:
    names.known["hook.example"] = ["127.0.0.1"]
    heard: Heard = []
    async with receiver("200 OK", heard) as port:
        where = Settings(home=tmp_path, webhook_private_hosts=(f"hook.example:{port}",))
        await send(where, f"http://hook.example:{port}/")
    assert heard[0][0]["host"] == f"hook.example:{port}"
    assert names.asked["hook.example"] == 1


async def test_where_the_first_address_does_not_answer_the_next_one_is_tried(tmp_path: Path, names: Names) -> None:
    names.known["hook.example"] = ["127.0.0.2", "127.0.0.1"]
    async with receiver("200 OK", heard := []) as port:
        await send(Settings(home=tmp_path, webhook_private_hosts=("hook.example",)), f"http://hook.example:{port}/")
    assert len(heard) == 1


async def test_a_name_that_is_not_found_is_for_later(settings: Settings) -> None:
    with pytest.raises(TryAgain, match="could not be looked up"):
        await send(settings, "https://nowhere.invalid/")


@pytest.mark.parametrize(("asked", "taken"), [("hook.example", 1), ("other.example", 0)])
async def test_the_certificate_must_be_of_the_name_in_the_url(
    tmp_path: Path, names: Names, monkeypatch: pytest.MonkeyPatch, asked: str, taken: int
) -> None:
    names.known[asked] = ["127.0.0.1"]
    tls, where = trusted("hook.example", tmp_path, monkeypatch), Settings(home=tmp_path, webhook_private_hosts=(asked,))
    async with receiver("200 OK", heard := [], tls) as port:
        if taken:
            await send(where, f"https://{asked}:{port}/")
        else:
            with pytest.raises(TryAgain, match="CERTIFICATE_VERIFY_FAILED"):
                await send(where, f"https://{asked}:{port}/")
    assert len(heard) == taken


async def test_a_receiver_that_does_not_answer_in_time_is_for_later(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("registry_api.notifications.webhook.SECONDS", 0.2)
    async with asyncio.timeout(5), silence() as port:
        with pytest.raises(TryAgain, match=r"longer than 0\.2 seconds"):
            await send(settings, f"http://127.0.0.1:{port}/")


async def test_nothing_of_an_answer_but_its_status_is_waited_for(settings: Settings) -> None:
    async with asyncio.timeout(5), silence(b"HTTP/1.1 200 OK\r\nContent-Length: 9999999999\r\n\r\nx") as port:
        sent = await send(settings, f"http://127.0.0.1:{port}/")
    assert sent.detail == "127.0.0.1 answered 200"


async def test_certificates_are_loaded_once_for_all_attempts(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, really = [], httpx.create_ssl_context
    monkeypatch.setattr(httpx, "create_ssl_context", lambda: made.append(1) or really())
    async with receiver("200 OK", Heard()) as port:
        for _ in range(3):
            await send(settings, f"http://127.0.0.1:{port}/")
    assert len(made) <= 1


async def test_an_event_that_is_too_large_is_not_sent(settings: Settings) -> None:
    event = cloud_event("k1", "dev.patchbay.test", "/", {"text": "x" * LARGEST_BODY}, utcnow())
    with pytest.raises(Undeliverable, match="at most 262144"):
        await send_webhook(settings, [], "http://127.0.0.1:9/", "k1", event, utcnow(), tenant_id=TENANT)


async def test_a_listed_host_may_be_private_on_any_port_or_on_the_one_listed(tmp_path: Path) -> None:
    assert (await locate("http://localhost:81/x", ["LocalHost"])).host == "localhost"
    assert (await locate("http://localhost:81/x", ["localhost:81"])).port == 81
    assert (await locate("https://localhost/x", ["localhost:443"])).port == 443
    with pytest.raises(Undeliverable, match="WEBHOOK_PRIVATE_HOSTS"):
        await locate("http://localhost:82/x", ["localhost:81"])


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.216.34", True),
        ("2606:2800:220:1:248:1893:25c8:1946", True),
        ("10.1.2.3", False),
        ("100.64.0.1", False),
        ("224.0.0.1", False),
        ("0.0.0.0", False),
        ("fe80::1", False),
        ("fc00::1", False),
        ("::ffff:127.0.0.1", False),
        ("64:ff9b::7f00:1", False),
        ("2002:7f00:1::", False),
        ("192.0.0.192", False),
        ("192.88.99.1", False),
        ("168.63.129.16", False),
        ("168.63.129.17", True),
        ("::ffff:168.63.129.16", False),
        ("64:ff9b::c000:c0", False),
        ("2002:c000:c0::1", False),
        ("64:ff9b:1::808:808", False),
        ("::8.8.8.8", False),
        ("2001:0:4136:e378:8000:63bf:3fff:fdd2", False),
        ("2001:20::1", False),
        ("3fff::1", False),
        ("5f00::1", False),
        ("fec0::1", False),
    ],
)
def test_addresses_that_wrap_private_ones_are_private(address: str, public: bool) -> None:
    assert is_public(ip_address(address)) is public


def test_any_of_its_modules_may_be_the_first_that_is_loaded() -> None:
    subprocess.run([sys.executable, "-c", "import registry_api.notifications.addresses"], check=True)
