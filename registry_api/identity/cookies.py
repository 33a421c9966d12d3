"""Sessions of browsers: a cookie that no script reads and no other site can use.

The `__Host-` prefix binds it to this host and to TLS (RFC 6265bis, 4.1.3.2). SameSite=Lax keeps it out of other sites'
posts; for browsers and sister hosts where that is not enough, every change must come from a page of this very origin.
"""

from typing import Any
from urllib.parse import urlsplit

from fastapi import Request, Response

from registry_api.identity.errors import CrossSite

COOKIE = "__Host-patchbay"
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
HOW: dict[str, Any] = {"httponly": True, "secure": True, "samesite": "lax", "path": "/"}


def presented(request: Request) -> str | None:
    """The Authorization header, or the cookie's session as one; None without either.

    Raises `CrossSite` for a change with a cookie from anywhere but our own pages.
    """
    header, cookie = request.headers.get("authorization"), request.cookies.get(COOKIE)
    if header or not cookie:
        return header
    if request.method not in SAFE:
        require_same_origin(request)
    # An API token is no browser's.
    return f"Bearer {cookie}" if cookie.startswith("pb_s") else None


def require_same_origin(request: Request) -> None:
    """Raises `CrossSite` unless the request says that it comes from a page of this host, over TLS or on this machine."""
    origin = urlsplit(request.headers.get("origin", ""))
    secure = origin.scheme == "https" or (origin.scheme == "http" and origin.hostname in LOOPBACK)
    if not secure or origin.netloc.lower() != request.headers.get("host", "").lower():
        raise CrossSite("With a cookie, a change must have the Origin of this host; a script sends Authorization.")


def set_cookie(response: Response, secret: str, seconds: int) -> None:
    """Give the browser its session."""
    response.set_cookie(COOKIE, secret, max_age=seconds, **HOW)


def drop_cookie(response: Response) -> None:
    """Take it back."""
    response.delete_cookie(COOKIE, **HOW)
