"""What the shell offers: names that the registry and the profiles know; nothing, silently, when they cannot be asked."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from patchbay.core.client import Client

PATIENCE_SECONDS = 1.5
MOST = 50


def profile_names(incomplete: str) -> list[str]:
    """Profiles that begin so."""
    from patchbay.cli import profiles
    from patchbay.cli.errors import CommandError

    try:
        return [name for name in sorted(profiles.load().known) if name.startswith(incomplete)]
    except (CommandError, OSError):
        return []


def plugins(ctx: Any, incomplete: str) -> list[str]:
    """Plugins whose ref begins so."""
    namespace, _, name = incomplete.partition(":")
    wanted = {"namespace": namespace, "q": name} if ":" in incomplete else {"q": incomplete}
    asked = {key: value for key, value in wanted.items() if value}
    return _told(ctx, incomplete, lambda client: (item["ref"] for item in client.plugins(limit=MOST, **asked)))


def targets(ctx: Any, incomplete: str) -> list[str]:
    """Targets that begin so."""
    return _told(ctx, incomplete, lambda client: (item["name"] for item in client.targets(limit=500)))


def tenants(ctx: Any, incomplete: str) -> list[str]:
    """Tenants that begin so."""
    return _told(ctx, incomplete, lambda client: (item["slug"] for item in client.tenants(limit=500)))


def _told(ctx: Any, incomplete: str, ask: Callable[["Client"], Iterator[str]]) -> list[str]:
    """What one page tells, of what begins so, with the options that stand on the line already."""
    from itertools import islice

    from patchbay.cli.errors import CommandError
    from patchbay.cli.reaching import reach
    from patchbay.core.client import ApiError, ApiUnreachable

    options = {name: ctx.params.get(name) for name in ("home", "url", "tenant", "profile")}
    try:
        with reach(**options, timeout=PATIENCE_SECONDS, retries=0) as client:
            return [name for name in islice(ask(client), 500) if name.startswith(incomplete)][:MOST]
    except (ApiError, ApiUnreachable, CommandError, OSError, ValueError):
        return []
