"""How long a route can be relied on: its stability, and the headers of one that is going away."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from email.utils import format_datetime
from typing import Any, Literal

Stability = Literal["stable", "beta", "experimental"]
"""stable: changes only compatibly, and goes away only after a sunset; beta: may change with a notice in the release notes;
experimental: may change or go away at any time.
"""

DEPRECATION = "x-deprecation"


def deprecated(since: date, sunset: date, instead: str) -> dict[str, Any]:
    """Arguments for a route that is going away: `@router.get("/old", **deprecated(…))`.

    Its answers carry `Deprecation` (RFC 9745), `Sunset` (RFC 8594) and a link to the path to use instead. Raises ValueError
    when callers are given no time.
    """
    if sunset <= since:
        raise ValueError(f"a route deprecated on {since} cannot go away on {sunset}: callers need time between")
    said = {"since": since.isoformat(), "sunset": sunset.isoformat(), "instead": instead}
    return {"deprecated": True, "openapi_extra": {DEPRECATION: said}}


def told(said: Mapping[str, str] | None) -> dict[str, str]:
    """The headers of a route's answers; none where it stays."""
    if said is None:
        return {}
    since, sunset = (datetime.combine(date.fromisoformat(said[key]), time(), UTC) for key in ("since", "sunset"))
    return {
        "Deprecation": f"@{int(since.timestamp())}",
        "Sunset": format_datetime(sunset, usegmt=True),
        "Link": f'<{said["instead"]}>; rel="successor-version"',
    }
