"""Keys of CI issuers: found by OpenID Connect discovery, fetched by the rules webhooks go by, kept for a while.

A host is looked up once and connected to where that led, redirects are not followed, private addresses are refused
unless the operator lists the host, and only `https` will do elsewhere.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import httpx
import jwt
import orjson
from cryptography.exceptions import UnsupportedAlgorithm

from registry_api.notifications.addresses import Address, Place, locate
from registry_api.notifications.errors import TryAgain, Undeliverable
from registry_api.problems import Unavailable

KEPT_SECONDS, PAUSE_SECONDS = 600.0, 30.0
"""How long keys are kept, and how often at most a key nobody knows makes us look again: its sender chose its name."""

SECONDS, LARGEST = 10.0, 256 * 1024
DISCOVERY = "/.well-known/openid-configuration"


@dataclass(slots=True)
class _Kept:
    keys: dict[str, jwt.PyJWK]
    at: float


@dataclass(slots=True)
class IssuerKeys:
    """The keys of issuers that somebody has configured; others are never asked."""

    private_hosts: Sequence[str]
    kept: dict[str, _Kept] = field(default_factory=dict)
    turns: defaultdict[str, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))

    async def key(self, issuer: str, key_id: str) -> jwt.PyJWK | None:
        """A key by its id; None when the issuer has none of it. Raises `Unavailable` when it does not answer."""
        async with self.turns[issuer]:
            kept, now = self.kept.get(issuer), time.monotonic()
            if kept is None or now - kept.at > KEPT_SECONDS or self._may_look_again(kept, key_id, now):
                kept = self.kept[issuer] = _Kept(await self._fetch(issuer), now)
            return kept.keys.get(key_id)

    def _may_look_again(self, kept: _Kept, key_id: str, now: float) -> bool:
        return key_id not in kept.keys and now - kept.at > PAUSE_SECONDS

    async def _fetch(self, issuer: str) -> dict[str, jwt.PyJWK]:
        try:
            async with asyncio.timeout(SECONDS):
                found = await self._json(issuer.rstrip("/") + DISCOVERY)
                if found.get("issuer") != issuer:
                    raise Undeliverable(f"its discovery document is of another issuer than {issuer}")
                keys = await self._json(str(found.get("jwks_uri")))
        except (Undeliverable, TryAgain, TimeoutError, ValueError, httpx.HTTPError) as error:
            fix = "The operator lists hosts at private addresses in PATCHBAY_ISSUER_PRIVATE_HOSTS."
            raise Unavailable(
                f"The keys of {issuer} cannot be fetched: {error or 'it took too long'}. {fix}"
            ) from error
        return dict(_readable(keys.get("keys")))

    async def _json(self, url: str) -> dict[str, Any]:
        place = await locate(url, self.private_hosts)
        if place.url.scheme != "https" and not place.is_among(self.private_hosts):
            raise Undeliverable(f"{place.host} must be asked over https")
        found = orjson.loads(await _get(place))
        if not isinstance(found, dict):
            raise Undeliverable(f"{place.host} did not answer a JSON object")
        return found


def _readable(keys: Any) -> Iterator[tuple[str, jwt.PyJWK]]:
    """The public keys that sign, by their ids. Others that a set holds, for encryption or of kinds that nobody here knows, are
    passed over (RFC 7517, 5).
    """
    for key in keys if isinstance(keys, list) else ():
        if _is_usable(key):
            with suppress(jwt.PyJWTError, UnsupportedAlgorithm, NotImplementedError, TypeError, ValueError):
                yield key["kid"], jwt.PyJWK(key)


def _is_usable(key: Any) -> bool:
    is_known = isinstance(key, dict) and key.get("kty") in ("RSA", "EC", "OKP") and isinstance(key.get("kid"), str)
    return is_known and "d" not in key  # a private key that is shown proves nothing


async def _get(place: Place) -> bytes:
    """The body that the first address with a connection answers with 200."""
    failed: Exception = TryAgain(f"{place.host} has no address")
    async with httpx.AsyncClient(timeout=SECONDS, trust_env=False, follow_redirects=False) as client:
        for address in place.addresses:
            try:
                return await _once(client, place, address)
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                failed = error
    raise failed


async def _once(client: httpx.AsyncClient, place: Place, address: Address) -> bytes:
    headers, tls = {"host": place.url.netloc.decode("ascii")}, {"sni_hostname": place.host}
    body = bytearray()
    async with client.stream("GET", place.at(address), headers=headers, extensions=tls) as answer:
        if answer.status_code != HTTPStatus.OK:
            raise TryAgain(f"{place.host} answered {answer.status_code}")
        async for piece in answer.aiter_bytes():
            body += piece
            if len(body) > LARGEST:
                raise Undeliverable(f"{place.host} answered more than {LARGEST} bytes")
    return bytes(body)
