"""Who is looking: a login through the API, kept in an encrypted cookie that scripts cannot read.

The cookie holds the API's session token, so the browser carries it but never sees it. Pages keep working while the API
is down: a session is re-checked in the background and ends early only when the API itself refuses the token.
"""

import asyncio
import hashlib
import json
import logging
import os
import time
from contextvars import ContextVar
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken

from dashboards.registry import Refused, Registry, Unreachable

COOKIE = "patchbay_session"
RECHECK_SECONDS = 60.0
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Viewer:
    """A person at a browser, in one tenant, until `expires_at`."""

    email: str
    display_name: str
    tenant_id: str
    tenant_slug: str
    tenant_name: str
    tenant_kind: str
    role: str
    token: str
    expires_at: datetime
    scopes: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """What names this session without revealing its token."""
        return hashlib.sha256(self.token.encode()).hexdigest()[:32]

    def __repr__(self) -> str:
        return f"Viewer({self.email!r}, tenant={self.tenant_slug!r})"


current_viewer: ContextVar[Viewer] = ContextVar("current_viewer")
"""Set by the gate for every request it lets through, and only there."""


def secret_key(path: Path) -> bytes:
    """The cookie key, made on first use (mode 0600); two processes starting together agree on one."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    candidate = path.with_name(f".{path.name}.{os.getpid()}")
    if not path.exists():
        with os.fdopen(os.open(candidate, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(Fernet.generate_key())
        try:
            os.link(candidate, path)
        except FileExistsError:
            log.debug("another process made %s first", path)
        finally:
            candidate.unlink()
    return path.read_bytes()


class Sessions:
    """Seals viewers into cookies, opens them again, and forgets those the API refuses."""

    def __init__(self, key: bytes, registry: Registry) -> None:
        self._box, self._registry = Fernet(key), registry
        self._checked: dict[str, float] = {}
        self._revoked: dict[str, datetime] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def seal(self, viewer: Viewer) -> str:
        """The cookie's value."""
        fields = asdict(viewer) | {"expires_at": viewer.expires_at.isoformat()}
        return self._box.encrypt(json.dumps(fields).encode()).decode()

    def unseal(self, cookie: str | None) -> Viewer | None:
        """The viewer of a cookie; None when it is absent, forged, of another version, expired or revoked."""
        if not cookie:
            return None
        try:
            fields = json.loads(self._box.decrypt(cookie.encode()))
            until, scopes = datetime.fromisoformat(fields["expires_at"]), tuple(fields["scopes"])
            viewer = Viewer(**fields | {"expires_at": until, "scopes": scopes})
            expired = viewer.expires_at <= datetime.now(UTC)
        except (InvalidToken, ValueError, KeyError, TypeError):
            return None
        return None if expired or viewer.key in self._revoked else viewer

    def recheck(self, viewer: Viewer) -> None:
        """Ask the API in the background, at most once a minute per session, whether the token still stands."""
        last = self._checked.get(viewer.key)
        if last is not None and time.monotonic() - last < RECHECK_SECONDS:
            return
        self._checked[viewer.key] = time.monotonic()
        if last is not None:
            task = asyncio.create_task(asyncio.to_thread(self._ask, viewer))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def _ask(self, viewer: Viewer) -> None:
        try:
            self._registry.me(viewer.token)
        except Refused:
            self.revoke(viewer)
        except Unreachable as error:
            log.info("session kept, the registry did not answer: %s", error)

    def revoke(self, viewer: Viewer) -> None:
        """Refuse this session from now on; remembered until it would have expired anyway."""
        now = datetime.now(UTC)
        self._revoked = {key: until for key, until in self._revoked.items() if until > now}
        self._revoked[viewer.key] = viewer.expires_at
        self._checked = {key: at for key, at in self._checked.items() if time.monotonic() - at < 86_400}
