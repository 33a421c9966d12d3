"""Headers of every answer, and what pages of other origins may do."""

from typing import Any

SECURITY = (
    ("X-Content-Type-Options", "nosniff"),
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
)
REVALIDATED, UNKEPT = "private, no-cache", "no-store"
SENT = (
    "Authorization",
    "Content-Encoding",
    "Content-Type",
    "Idempotency-Key",
    "If-Match",
    "If-None-Match",
    "Patchbay-Tenant",
    "X-Request-Id",
)
READ = (
    "Deprecation",
    "ETag",
    "Idempotency-Replayed",
    "Link",
    "Location",
    "Patchbay-More",
    "Patchbay-Next-After",
    "RateLimit",
    "RateLimit-Policy",
    "Retry-After",
    "Sunset",
    "X-Request-Id",
)


def _raw(*headers: tuple[str, str]) -> tuple[tuple[bytes, bytes], ...]:
    return tuple((name.lower().encode("ascii"), value.encode("ascii")) for name, value in headers)


OF_READS = _raw(*SECURITY, ("Cache-Control", REVALIDATED))
OF_WRITES = _raw(*SECURITY, ("Cache-Control", UNKEPT))


def always(method: str) -> tuple[tuple[bytes, bytes], ...]:
    """What no answer lacks. Reads may be kept by the caller and asked for again by ETag; answers to writes may hold secrets."""
    return OF_READS if method == "GET" else OF_WRITES


def cors(origins: tuple[str, ...]) -> dict[str, Any]:
    """Settings of the CORS layer: exactly these origins, with tokens and never with cookies.

    Raises ValueError for an origin that is not exact.
    """
    if wrong := [origin for origin in origins if "*" in origin or origin.count("/") != 2]:
        raise ValueError(f"{wrong[0]!r} is not an origin: write scheme, host and port, such as https://portal.example")
    return {
        "allow_origins": list(origins),
        "allow_methods": ["GET", "POST", "PUT", "PATCH", "DELETE"],
        "allow_headers": list(SENT),
        "expose_headers": list(READ),
        "allow_credentials": False,
        "max_age": 600,
    }
