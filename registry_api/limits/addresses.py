"""Whose address a request comes from."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from starlette.datastructures import Headers
from starlette.types import Scope

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
UNKNOWN = "unknown"
"""The one caller of servers on sockets without addresses."""


def client_address(scope: Scope, trusted: tuple[str, ...]) -> str:
    """The address of the caller; `X-Forwarded-For` counts only as far as proxies of the `trusted` networks wrote it.

    Read from its right end: every proxy appends whom it heard from, and what stands left of the last one that is trusted could
    have been written by anybody.
    """
    host = scope["client"][0] if scope.get("client") else ""
    return (
        _past(host, Headers(scope=scope).getlist("x-forwarded-for"), _networks(trusted)) if trusted else _written(host)
    )


def _past(host: str, lines: Sequence[str], networks: Sequence[Network]) -> str:
    heard = _address(host)
    if heard is None:
        return UNKNOWN
    for hop in reversed(",".join(lines).split(",")):
        further = _address(hop.strip())
        if further is None or not _within(heard, networks):
            break
        heard = further
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
