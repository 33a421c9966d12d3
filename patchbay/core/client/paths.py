"""Parts of addresses and headers."""

from collections.abc import Mapping
from datetime import datetime
from ipaddress import ip_address
from typing import Any
from urllib.parse import quote


def segment(value: object) -> str:
    """A value as one part of a path."""
    return quote(str(value), safe=":")


def query(params: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters as the API has them.

    None is left out, `name__op` is written `name[op]`, several values are one, joined by commas, and times are ISO 8601.
    """
    return {_named(name): _valued(value) for name, value in params.items() if value is not None}


def entity_tag(revision: str | int) -> str:
    """A revision as `If-Match` wants it; an ETag, or `*`, as it is."""
    return f'"{revision}"' if isinstance(revision, int) else revision


def moment(at: datetime | str) -> str:
    """A time as the API has it."""
    return at if isinstance(at, str) else at.isoformat()


def _named(name: str) -> str:
    field, operator, told = name.partition("__")
    return f"{field}[{told}]" if operator else field


def _valued(value: Any) -> Any:
    if isinstance(value, datetime):
        return moment(value)
    return ",".join(map(str, value)) if isinstance(value, list | tuple | set | frozenset) else value


def is_loopback(host: str) -> bool:
    """Whether a host is this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
