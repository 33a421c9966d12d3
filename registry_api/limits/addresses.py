"""Whose address a request comes from."""

import hmac
from collections.abc import Iterable, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from starlette.datastructures import Headers
from starlette.types import Scope

from patchbay.core.forwarding import KEY_HEADER

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
KEY = KEY_HEADER.lower().encode()
UNKNOWN = "unknown"
"""The one caller of servers on sockets without addresses."""


def client_address(scope: Scope, trusted: tuple[str, ...]) -> str:
    """The address of the caller; `X-Forwarded-For` counts only as far as proxies of the `trusted` networks wrote it, and its
    last hop also where a process of ours wrote it, which shows the forwarding key.

    Read from its right end: every proxy appends whom it heard from, and what stands left of the last one that is trusted could
    have been written by anybody.
    """
    host, ours = scope["client"][0] if scope.get("client") else "", _is_ours(scope)
    if not trusted and not ours:
        return _written(host)
    return _past(host, Headers(scope=scope).getlist("x-forwarded-for"), _networks(trusted), believed=ours)


def _is_ours(scope: Scope) -> bool:
    for name, value in scope["headers"]:
        if name == KEY:
            return hmac.compare_digest(value, scope["app"].state.forwarding_key)
    return False


def _past(host: str, lines: Sequence[str], networks: Sequence[Network], *, believed: bool) -> str:
    heard = _address(host)
    if heard is None:
        return UNKNOWN
    for hop in reversed(",".join(lines).split(",")):
        further = _address(hop.strip())
        if further is None or not (believed or _within(heard, networks)):
            break
        heard, believed = further, False
    return str(heard)


@lru_cache(maxsize=4096)
def _written(host: str) -> str:
    return str(_address(host) or UNKNOWN)


@lru_cache(maxsize=4096)
def limited_as(address: str) -> str:
    """What a limit counts: an IPv4 address, or the /64 of an IPv6 address, which is what one subscriber has."""
    parsed = _address(address)
    if isinstance(parsed, IPv6Address):
        return str(IPv6Network((parsed, 64), strict=False))
    return address


@lru_cache(maxsize=4096)
def _address(text: str) -> Address | None:
    try:
        parsed = ip_address(text)
    except ValueError:
        return None
    return getattr(parsed, "ipv4_mapped", None) or parsed


@lru_cache(maxsize=8)
def _networks(trusted: tuple[str, ...]) -> tuple[Network, ...]:
    return tuple(ip_network(text) for text in trusted)


def _within(address: Address, networks: Iterable[Network]) -> bool:
    return any(address in network for network in networks)
