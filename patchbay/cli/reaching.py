"""Which registry a command speaks to, and as whom: flags go before the environment, that before a profile, that before
this machine's own registry with its administrator's token."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from patchbay.cli import profiles
from patchbay.cli.context import load_settings, token_of
from patchbay.cli.errors import CommandError

if TYPE_CHECKING:
    from patchbay.core.client import Client
    from patchbay.core.settings import Settings

THIS_MACHINES = ("PATCHBAY_HOME", "PATCHBAY_HOST", "PATCHBAY_API_PORT")
"""Variables that name a registry of this machine, and so go before the profile that is used when none is named."""


def reach(
    *,
    home: Path | None = None,
    url: str | None = None,
    tenant: str | None = None,
    profile: str | None = None,
    timeout: float = 120,
    retries: int = 6,
) -> "Client":
    """A client of the registry that is meant; raises `CommandError` where no token for it is known."""
    from patchbay.core.client import Client

    settings, chosen = load_settings(home), _chosen(home, profile)
    address = url or (chosen.url if chosen else settings.api_url)
    token = _token(settings, address, chosen)
    named = tenant or (chosen.tenant if chosen else None)
    return Client(address, token, tenant=named, timeout=timeout, retries=retries)


def _chosen(home: Path | None, name: str | None) -> profiles.Profile | None:
    """The profile that is named, else the one in use unless this machine's registry is meant."""
    named = name or os.environ.get(profiles.VARIABLE)
    if named:
        return profiles.load().named(named)
    if home is not None or any(variable in os.environ for variable in THIS_MACHINES):
        return None
    known = profiles.load()
    return known.named(known.current) if known.current else None


def _token(settings: "Settings", address: str, profile: profiles.Profile | None) -> str:
    """The token for an address. A profile's, and the administrator's, are shown to nobody but their own registry."""
    if settings.api_token:
        return settings.api_token.get_secret_value()
    if profile is not None and _origin(address) == _origin(profile.url):
        return profile.token
    if profile is None and _is_this_machine(settings, address):
        return token_of(settings)
    raise CommandError(
        f"no token for {address}: set PATCHBAY_API_TOKEN, or keep one with: patchbay profile add NAME --url {address}"
    )


def _is_this_machine(settings: "Settings", address: str) -> bool:
    from patchbay.core.client.paths import is_loopback

    return _origin(address) == _origin(settings.api_url) or is_loopback(_origin(address)[1])


def _origin(address: str) -> tuple[str, str, int]:
    """Scheme, host and port (RFC 6454)."""
    import httpx

    url = httpx.URL(address)
    return url.scheme, url.host, url.port or {"http": 80, "https": 443}.get(url.scheme, 0)
