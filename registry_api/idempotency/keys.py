"""What a keyed request asks, and which of them are under way in this process."""

import hashlib
import hmac
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

import orjson
from fastapi import Request

from registry_api.db import Principal
from registry_api.idempotency.errors import KeyInFlight
from registry_api.problems import FieldError, InvalidRequest
from registry_api.secrets import Key

HEADER = "Idempotency-Key"
LONGEST_KEY = 200
PRINTABLE = "^[ -~]+$"
"""Printable ASCII, as the API document says it."""


@dataclass(frozen=True, slots=True)
class Question:
    """A keyed request: whose it is, its key, and a keyed digest of method, path, query and unpacked body."""

    tenant_id: UUID
    actor: str
    key: str
    fingerprint: bytes

    @classmethod
    def of(cls, request: Request, principal: Principal, body: bytes, key: Key) -> "Question":
        """The question of a request; raises `InvalidRequest` for a key that cannot be one.

        The digest is keyed: a body may hold a password, which whoever reads the table could else guess at.
        """
        parts = ["fingerprint", request.method, request.url.path, request.url.query, hashlib.sha256(body).hexdigest()]
        digest = hmac.digest(key.secret, orjson.dumps(parts), "sha256")
        return cls(principal.tenant_id, principal.actor, _key(request.headers[HEADER]), digest)

    @property
    def owner(self) -> bytes:
        """Tenant, actor and key as bytes that no other three have."""
        return orjson.dumps([str(self.tenant_id), self.actor, self.key])

    @property
    def binding(self) -> bytes:
        """What a sealed answer is bound to."""
        return self.owner + self.fingerprint

    @property
    def lock(self) -> int:
        """PostgreSQL's number for it."""
        return int.from_bytes(hashlib.sha256(self.owner).digest()[:8], "big", signed=True)


def usable(value: str) -> str | None:
    """The key that a header's value names, None when it can be none.

    The draft writes a structured string, in quotes; most clients leave them out, and both are the same key.
    """
    key = value[1:-1] if len(value) > 1 and value[0] == value[-1] == '"' else value
    return key if 0 < len(key) <= LONGEST_KEY and key.isascii() and key.isprintable() else None


def _key(value: str) -> str:
    key = usable(value)
    if key is None:
        detail = f"{HEADER} must have 1 to {LONGEST_KEY} printable ASCII characters."
        raise InvalidRequest(detail, errors=[FieldError(HEADER, "bad_idempotency_key", detail)])
    return key


class InFlight:
    """Keyed requests under way in this process.

    Between processes the database tells: PostgreSQL by a lock, SQLite by having one writer, which the others wait for.
    """

    def __init__(self) -> None:
        self._owners: set[bytes] = set()

    @contextmanager
    def entered(self, question: Question) -> Iterator[None]:
        """While the block runs the key is taken; raises `KeyInFlight` where it is taken already."""
        if question.owner in self._owners:
            raise KeyInFlight
        self._owners.add(question.owner)
        try:
            yield
        finally:
            self._owners.discard(question.owner)
