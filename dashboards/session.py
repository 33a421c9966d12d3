"""Who is looking: a login through the API, kept in an encrypted cookie that scripts cannot read.

The cookie holds the API's session token, so the browser carries it but never sees it. The API is asked whether the token still
stands before its first request here is answered, and then once a minute. Pages keep working while it is down.
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

from dashboards.registry import NotKnown, Refused, Registry, Unreachable

COOKIE = "patchbay_session"
RECHECK_SECONDS, REFUSED_SECONDS, AWAY_SECONDS = 60.0, 1.0, 5.0
"""How long an answer of the API counts, one that did not say whether a session stands, and that it did not answer anybody."""

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
        self._asked: dict[str, _Asked] = {}
        self._away_until = 0.0
        self._revoked: dict[str, datetime] = {}

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

    async def admit(self, cookie: str | None) -> Viewer | None:
        """The viewer of a cookie whose token stood within the last minute, as far as the API could be asked."""
        viewer = self.unseal(cookie)
        return viewer if viewer and await self._stands(viewer) else None

    async def _stands(self, viewer: Viewer) -> bool:
        """The API's word, at most a minute old. Requests at the same time wait for one answer; one that leaves spoils it for none."""
        now = time.monotonic()
        asked = self._asked.get(viewer.key)
        if asked is None or asked.is_over(now):
            if now < self._away_until:
                return True
            self._asked = {key: one for key, one in self._asked.items() if not one.is_over(now)}
            asked = self._asked[viewer.key] = _Asked(now)
            asked.answer = asyncio.create_task(self._ask(viewer, asked))
        assert asked.answer is not None
        return await asyncio.shield(asked.answer)

    async def _ask(self, viewer: Viewer, asked: "_Asked") -> bool:
        try:
            await asyncio.to_thread(self._registry.me, viewer.token)
        except NotKnown:
            self.revoke(viewer)
            return False
        except Refused as error:
            log.warning("a request was turned away, the registry would not say whether its session stands: %s", error)
            asked.until = time.monotonic() + REFUSED_SECONDS
            return False
        except Unreachable as error:
            log.info("session kept, the registry did not answer: %s", error)
            asked.until = self._away_until = time.monotonic() + AWAY_SECONDS
        return True

    def revoke(self, viewer: Viewer) -> None:
        """Refuse this session from now on; remembered until it would have expired anyway."""
        now = datetime.now(UTC)
        self._revoked = {key: until for key, until in self._revoked.items() if until > now}
        self._revoked[viewer.key] = viewer.expires_at


@dataclass(slots=True)
class _Asked:
    """A question to the API about a session, when it was asked, and until when the answer counts where that is not a minute."""

    at: float
    until: float | None = None
    answer: asyncio.Task[bool] | None = None

    def is_over(self, now: float) -> bool:
        """Whether to ask again: after its time, and where it ended without an answer."""
        return now >= (self.at + RECHECK_SECONDS if self.until is None else self.until) or self._broke()

    def _broke(self) -> bool:
        task = self.answer
        return task is not None and task.done() and (task.cancelled() or task.exception() is not None)
