"""Stored answers at rest: AES-256-GCM under a key of `<home>/secrets`, bound to the request they answer.

All are sealed, not only those that show a secret: a list of such routes would one day lack one.
"""

import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from registry_api.idempotency.errors import AnswerUnreadable
from registry_api.idempotency.models import IdempotentAnswer
from registry_api.secrets import Key

NONCE_BYTES = 12


def seal(key: Key, body: bytes, binding: bytes) -> bytes:
    """The sealed form of an answer's body."""
    nonce = secrets.token_bytes(NONCE_BYTES)
    return nonce + AESGCM(key.secret).encrypt(nonce, body, binding)


def unseal(key: Key, stored: IdempotentAnswer, binding: bytes) -> bytes:
    """The body of a stored answer; raises `AnswerUnreadable` when another key sealed it, or it was taken away."""
    nonce, box = stored.sealed[:NONCE_BYTES], stored.sealed[NONCE_BYTES:]
    try:
        if stored.sealed_by != key.id:
            raise InvalidTag
        return AESGCM(key.secret).decrypt(nonce, box, binding)
    except InvalidTag as error:
        detail = "The request was carried out, but its answer can be read no more: read what it made instead, if it is there."
        raise AnswerUnreadable(detail) from error
