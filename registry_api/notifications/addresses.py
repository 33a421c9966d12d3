"""Where a webhook may go: a URL's host is looked up once, and only what that found is connected to."""

import re
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from uuid import UUID

import httpx

from registry_api.notifications.errors import TryAgain, Undeliverable
from registry_api.notifications.names import LOOKUPS

Address = IPv4Address | IPv6Address
PORTS = {"http": 80, "https": 443}
LONGEST_URL, LAST_PORT = 2000, 65535
HOST = re.compile(rb"[A-Za-z0-9._-]+|[0-9A-Fa-f:.]+")
UNICAST, NAT64 = IPv6Network("2000::/3"), IPv6Network("64:ff9b::/96")
SPECIAL = (
    # https://www.iana.org/assignments/iana-ipv4-special-registry, of which Python knows a part of the first only:
    # protocol assignments, where Oracle's cloud has its metadata (192.0.0.192), and what were the 6to4 relays.
    IPv4Network("192.0.0.0/24"),
    IPv4Network("192.88.99.0/24"),
    # Azure's host: https://learn.microsoft.com/azure/virtual-network/what-is-ip-address-168-63-129-16.
    IPv4Network("168.63.129.16/32"),
    # https://www.iana.org/assignments/iana-ipv6-special-registry: protocol assignments with Teredo, and documentation.
    IPv6Network("2001::/23"),
    IPv6Network("3fff::/20"),
)
"""Not public, whatever the running Python says of them."""


@dataclass(frozen=True, slots=True)
class Place:
    """A URL and the addresses its host has."""

    url: httpx.URL
    addresses: tuple[Address, ...]

    def at(self, address: Address) -> httpx.URL:
        """The URL with an address for its host, so that nothing looks the name up again."""
        return self.url.copy_with(host=str(address))

    @property
    def host(self) -> str:
        """The true host name, as certificates have it."""
        return self.url.raw_host.decode("ascii").lower()

    @property
    def port(self) -> int:
        """The port of the URL or of its scheme."""
        return self.url.port or PORTS[self.url.scheme]

    def is_among(self, hosts: Iterable[str]) -> bool:
        """Whether one of the hosts, `name` or `name:port`, is this."""
        return not {self.host, f"{self.host}:{self.port}"}.isdisjoint(host.lower() for host in hosts)


async def locate(url: str, private_hosts: Iterable[str], tenant_id: UUID | None = None) -> Place:
    """Where a URL of a tenant, or of none, leads; raises `Undeliverable` for one that is none or leads into a private network,
    and `TryAgain` when the name is not found.

    A host of `private_hosts` may be anywhere. One private address among public ones refuses all of them, per
    https://cheatsheetseries.owasp.org/cheatsheets/Server_Side_Request_Forgery_Prevention_Cheat_Sheet.html.
    """
    place = Place(_parsed(url), ())
    place = Place(place.url, await _found(place.host, place.port, tenant_id))
    if not place.is_among(private_hosts) and not all(map(is_public, place.addresses)):
        fix = "Name another host, or have the operator list this one in PATCHBAY_WEBHOOK_PRIVATE_HOSTS."
        raise Undeliverable(f"{place.host} is at an address that is not public, where webhooks do not go. {fix}")
    return place


def is_public(address: Address) -> bool:
    """Whether anybody on the internet could be there; IPv6 forms that wrap an IPv4 address are judged by that one."""
    if any(address in network for network in SPECIAL):
        return False
    if isinstance(address, IPv4Address):
        return address.is_global and not address.is_multicast and not address.is_reserved
    inner = _wrapped(address)
    return is_public(inner) if inner is not None else address in UNICAST and address.is_global


def _wrapped(address: IPv6Address) -> IPv4Address | None:
    if address in NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour


def _parsed(url: str) -> httpx.URL:
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, UnicodeError) as error:
        raise Undeliverable(f"The webhook's URL is none: {error}.") from error
    if parsed.scheme not in PORTS or not HOST.fullmatch(parsed.raw_host) or len(url) > LONGEST_URL:
        raise Undeliverable(f"A webhook's URL is http:// or https:// with a host, at most {LONGEST_URL} characters.")
    if parsed.port is not None and not 0 < parsed.port <= LAST_PORT:
        raise Undeliverable(f"There is no port {parsed.port}; a webhook's URL names one of 1 to {LAST_PORT}.")
    if parsed.userinfo:
        raise Undeliverable("A webhook's URL must not have a user or password; sign with a signing key.")
    return parsed


async def _found(host: str, port: int, tenant_id: UUID | None) -> tuple[Address, ...]:
    try:
        found = await LOOKUPS.find(host, port, tenant_id)
    except socket.gaierror as error:
        raise TryAgain(f"{host} could not be looked up: {error.strerror}.") from error
    except UnicodeError as error:
        raise Undeliverable(f"{host[:100]} is no name of a host: {error}.") from error
    return tuple(dict.fromkeys(ip_address(str(place[4][0])) for place in found))
