"""The layer that answers from what is kept.

Only routes whose reader is `reading(…, cached=True)` leave anything to keep. An answer is given again when the fence, asked after the
request came, names the revision that both the answer and the caller's admission rest on. All else goes to the application:
whatever differs, is not known, or cannot be told.
"""

import hashlib
import sqlite3
from dataclasses import dataclass
from datetime import datetime

import asyncpg
from fastapi import Request
from sqlalchemy.exc import SQLAlchemyError
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from patchbay.core.clock import utcnow
from registry_api.answers import problem_response
from registry_api.cache.basis import Admission, Basis
from registry_api.cache.kept import Document, Kept, Place
from registry_api.cache.revisions import Fence
from registry_api.compression import Compression, preferred
from registry_api.identity.cookies import presented
from registry_api.problems import Problem
from registry_api.system.metrics import Metrics

READ = frozenset({b"authorization", b"cookie", b"accept-encoding", b"if-none-match"})
APART = frozenset({b"patchbay-tenant", b"origin"})
"""Requests in another tenant or from a page of another origin are answered otherwise, and never from here."""

KEPT_STATUS = frozenset({200, 304})
UNTOLD = (SQLAlchemyError, sqlite3.Error, asyncpg.PostgresError, asyncpg.InterfaceError, OSError)
"""The fence cannot tell; the application finds out, and says, what is wrong."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What of a request an answer depends on."""

    digest: bytes
    path: str
    query: bytes
    encoding: str | None
    known: bytes | None

    @classmethod
    def of(cls, scope: Scope) -> "Asked | None":
        """None for requests that are not answered from here."""
        if scope["type"] != "http" or scope["method"] != "GET":
            return None
        found: dict[bytes, bytes] = {}
        for name, value in scope["headers"]:
            if name in APART:
                return None
            if name in READ:
                found.setdefault(name, value)
        secret = _secret(scope, found)
        if secret is None:
            return None
        encoding = preferred(found.get(b"accept-encoding", b"").decode("latin-1"))
        digest = hashlib.sha256(secret.encode("latin-1", "replace")).digest()
        return cls(digest, scope["path"], scope["query_string"], encoding, found.get(b"if-none-match"))

    def place(self, admission: Admission) -> Place:
        """Where the answer to this caller is kept."""
        return Place(admission.principal.tenant_id, self.path, self.query, self.encoding, self.known)


def _secret(scope: Scope, found: dict[bytes, bytes]) -> str | None:
    if b"authorization" not in found and b"cookie" not in found:
        return None
    header = found.get(b"authorization", b"").decode("latin-1") or presented(Request(scope)) or ""
    scheme, _, value = header.partition(" ")
    return value.strip() if scheme.lower() == "bearer" else None


class DocumentCache:
    """ASGI layer around the application."""

    def __init__(self, app: ASGIApp, kept: Kept, metrics: Metrics) -> None:
        self.app, self.kept, self.metrics = app, kept, metrics
        metrics.document_bytes.set_function(lambda: kept.documents.weight)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request; other ASGI messages pass through."""
        asked = Asked.of(scope)
        if asked is None:
            await self.app(scope, receive, send)
            return
        hit = await self._fresh(scope["app"].state.fence, asked)
        if hit is None:
            recording = _Recording(send)
            await self.app(scope, receive, recording.send)
            self._keep(scope, asked, recording)
            return
        self.metrics.count_document("hit")
        try:
            await _admit(Request(scope), *hit)
        except Problem as problem:
            await Compression(problem_response(Request(scope), problem))(scope, receive, send)
            return
        document = hit[0]
        await send({"type": "http.response.start", "status": document.status, "headers": list(document.headers)})
        await send({"type": "http.response.body", "body": document.body})

    async def _fresh(self, fence: Fence, asked: Asked) -> tuple[Document, Admission] | None:
        """An answer that stands at this moment for this caller, if one is kept."""
        admission = self.kept.callers.get(asked.digest)
        document = None if admission is None else self.kept.documents.get(asked.place(admission))
        if admission is None or document is None or document.revision != admission.revision:
            return None
        scope = admission.principal.scope
        try:
            revision = await fence.revision(scope.tenant_id, scope.operator_id)
        except UNTOLD:
            self.metrics.count_document("unchecked")
            return None
        now = utcnow()
        stands = document.revision == revision and _before(now, admission.until) and _before(now, document.until)
        return (document, admission) if stands and document.scopes <= admission.principal.scopes else None

    def _keep(self, scope: Scope, asked: Asked, recording: "_Recording") -> None:
        basis: Basis | None = scope.get("state", {}).get("basis")
        if basis is None or not recording.whole or basis.admission.revision is None:
            return
        self.metrics.count_document("miss")
        admission, revision, route = basis.admission, basis.admission.revision, scope["route"]
        told = (recording.status, recording.headers, recording.body)
        document = Document(revision, basis.valid_until, basis.scopes, route, *told)
        self.kept.keep(asked.digest, admission, asked.place(admission), document)


def _before(now: datetime, end: datetime | None) -> bool:
    return end is None or now < end


async def _admit(request: Request, document: Document, admission: Admission) -> None:
    """What the application does for each caller it admits; raises `RateLimited`."""
    route, state = document.route, request.app.state
    request.scope["route"] = route
    request.scope["state"]["answer_headers"] = route.lifecycle
    await state.limits.enter_known(request, route.name, admission.principal)
    state.last_use.seen(admission.principal.token_id)


class _Recording:
    """Passes an answer on and remembers it, as far as it may be kept."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.whole = False
        self.status = 0
        self.headers: tuple[tuple[bytes, bytes], ...] = ()
        self.body = b""

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = tuple(message["headers"])  # the layers outside add to the list what is of this request only
        elif self.status in KEPT_STATUS and not self.whole:
            self.body = message.get("body", b"")
            self.whole = not message.get("more_body", False)
            self.status = self.status if self.whole else 0
        await self._send(message)
