"""Webhooks: Standard Webhooks headers over a CloudEvents body, sent to a pinned address, never following redirects.

Sources: github.com/standard-webhooks/standard-webhooks (specification 1.0), cloudevents.io (1.0.2, structured mode).
"""

import asyncio
import base64
import hashlib
import hmac
import re
import ssl
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from http import HTTPStatus
from typing import Any, TypeVar
from uuid import UUID

import httpx
import orjson

from patchbay.core.settings import Settings
from registry_api.notifications.addresses import Address, Place, is_public, locate
from registry_api.notifications.errors import Refused, TryAgain, Undeliverable
from registry_api.notifications.sealing import Sealed, unseal
from registry_api.notifications.sent import Sent
from registry_api.schemas import wire_time

SECONDS, SECONDS_OF_A_STEP = 20.0, 10.0
LARGEST_BODY = 256 * 1024
MESSAGE_ID = re.compile(r"[A-Za-z0-9_-]{1,200}")
LATER = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS})
"""Refusals that say: not now."""
EXCERPT, SECONDS_OF_AN_EXCERPT = 500, 2.0
E = TypeVar("E", TryAgain, Refused)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a receiver answered: its status and, where it may be told, its first bytes."""

    status: int
    excerpt: str


def cloud_event(message_id: str, kind: str, source: str, data: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """A CloudEvents 1.0 envelope; `kind` such as `dev.patchbay.automation.fired`, `source` a URI reference."""
    facts = {"specversion": "1.0", "id": message_id, "source": source, "type": kind, "time": wire_time(now)}
    return {**facts, "datacontenttype": "application/json", "data": dict(data)}


async def send_webhook(
    settings: Settings,
    keys: Sequence[Sealed],
    url: str,
    message_id: str,
    event: Mapping[str, Any],
    now: datetime,
    *,
    tenant_id: UUID,
) -> Sent:
    """Post an event of a tenant once, signed with each key, unsigned when there is none; the receiver knows a repeat by `webhook-id`.

    Raises `Undeliverable` for an address that is refused, its kind `Refused` for a redirect or a 4xx, and `TryAgain` for 5xx,
    408, 425 and 429 and when the receiver or the way to it is away. Of the answer its status is read and, when it is no
    success and comes from a public address, its first bytes.
    """
    headers, body = _message(message_id, event, now)
    if keys:
        headers["webhook-signature"] = " ".join(_signature(unseal(settings, key), headers, body) for key in keys)
    try:
        async with asyncio.timeout(SECONDS):
            place = await locate(url, settings.webhook_private_hosts, tenant_id)
            answer = await _post(place, headers, body)
    except TimeoutError as error:
        raise TryAgain(f"The webhook took longer than {SECONDS:g} seconds.") from error
    return _judged(answer, place.host)


def _message(message_id: str, event: Mapping[str, Any], now: datetime) -> tuple[dict[str, str], bytes]:
    """Headers without the signature, and the body."""
    if not MESSAGE_ID.fullmatch(message_id):
        raise ValueError(f"a message id has letters, digits, _ and -, not {message_id!r}")
    body = orjson.dumps(event)
    if len(body) > LARGEST_BODY:
        raise Undeliverable(f"The event has {len(body)} bytes; a webhook carries at most {LARGEST_BODY}.")
    headers = {
        "content-type": "application/cloudevents+json",
        "user-agent": "patchbay-webhooks/1",
        "webhook-id": message_id,
        "webhook-timestamp": str(int(now.timestamp())),
    }
    return headers, body


def _signature(secret: bytes, headers: Mapping[str, str], body: bytes) -> str:
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(secret, signed, hashlib.sha256)).decode()


@cache
def tls_context() -> ssl.SSLContext:
    """Whom this process trusts; made once, as that keeps the event loop for some 40 ms."""
    return httpx.create_ssl_context()


async def _post(place: Place, headers: Mapping[str, str], body: bytes) -> Answer:
    """What the first address with a connection answers."""
    failed = "it has no address"
    # A proxy of the environment would look the name up again, past the check of its addresses.
    async with httpx.AsyncClient(
        verify=tls_context(), timeout=SECONDS_OF_A_STEP, trust_env=False, follow_redirects=False
    ) as client:
        for address in place.addresses:
            try:
                return await _once(client, place, address, headers, body)
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                failed = _named(error)
            except httpx.TransportError as error:
                raise TryAgain(f"{place.host} broke off: {_named(error)}.") from error
    raise TryAgain(f"{place.host} could not be reached: {failed}.")


async def _once(
    client: httpx.AsyncClient, place: Place, address: Address, headers: Mapping[str, str], body: bytes
) -> Answer:
    """The certificate is checked for the host's name, though the connection goes to its address."""
    named = {"host": place.url.netloc.decode("ascii"), **headers}
    tls = {"sni_hostname": place.host}
    async with client.stream("POST", place.at(address), headers=named, content=body, extensions=tls) as answer:
        # What a private host says stays there: whoever chose the URL may only send to it.
        shown = "" if answer.is_success or not is_public(address) else await _excerpt(answer)
        return Answer(answer.status_code, shown)


async def _excerpt(answer: httpx.Response) -> str:
    """The first bytes of an answer, of those that come soon."""
    read = b""
    with suppress(TimeoutError, httpx.HTTPError):
        async with asyncio.timeout(SECONDS_OF_AN_EXCERPT):
            async for piece in answer.aiter_raw():
                read += piece
                if len(read) >= EXCERPT:
                    break
    return read[:EXCERPT].decode("utf-8", "replace").replace("\0", "\ufffd")


def _named(error: Exception) -> str:
    return f"{type(error).__name__} {error}".strip().rstrip(".")


def _judged(answer: Answer, host: str) -> Sent:
    status = answer.status
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return Sent(f"{host} answered {status}", status=status)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in LATER:
        raise _because(TryAgain(f"{host} answered {status}."), answer)
    if status < HTTPStatus.BAD_REQUEST:
        detail = f"{host} answered {status}: redirects are not followed, name the address they lead to."
        raise _because(Refused(detail), answer)
    raise _because(Refused(f"{host} answered {status}: it does not take this message."), answer)


def _because(error: E, answer: Answer) -> E:
    error.status, error.excerpt = answer.status, answer.excerpt
    return error
