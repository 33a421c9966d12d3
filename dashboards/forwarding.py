"""Whom a request comes from, told to the registry: to it the dashboards are one more proxy.

Accident this prevents: the registry slows down wrong sign-ins by address, and everybody who signs in here had the dashboards'
own, so that one stranger kept all others out.
"""

from contextvars import ContextVar
from ipaddress import ip_address
from itertools import islice, takewhile

from starlette.datastructures import Headers
from starlette.types import Scope

MOST_HOPS = 16
"""More proxies than stand behind one another anywhere."""

current_hops: ContextVar[str] = ContextVar("current_hops", default="")
"""Set by the gate for every request: what the registry is told of where it comes from; empty outside of requests."""


def hops(scope: Scope) -> str:
    """X-Forwarded-For as it came, from its right end on while it makes sense, and whom we heard it from, as proxies write it.

    The registry judges how much of it is to be believed. Empty on sockets without addresses; of long lists the last hops count.
    """
    heard = scope["client"][0].partition("%")[0] if scope.get("client") else ""
    came = ",".join(Headers(scope=scope).getlist("x-forwarded-for")).split(",")
    said = takewhile(_is_address, [heard, *(hop.strip() for hop in reversed(came))])
    return ", ".join(reversed(list(islice(said, MOST_HOPS))))


def _is_address(text: str) -> bool:
    """Of IPv6 without a zone, which says something on one machine only, and may be any text."""
    if "%" in text:
        return False
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
