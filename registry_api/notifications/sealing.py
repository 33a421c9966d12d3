"""Signing keys at rest: AES-256-GCM under a key of `<home>/secrets`, bound to the tenant and name they belong to."""

import base64
import binascii
import secrets
from typing import Protocol
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from patchbay.core.settings import Settings
from registry_api.notifications.errors import Undeliverable
from registry_api.secrets import Key, sealing_key

PREFIX = "whsec_"
SHORTEST, LONGEST, FRESH = 24, 64, 32
NONCE_BYTES = 12


class Sealed(Protocol):
    """A key at rest."""

    @property
    def tenant_id(self) -> UUID:
        """Whose it is."""

    @property
    def name(self) -> str:
        """What it is called in its tenant."""

    @property
    def sealed(self) -> str:
        """Its sealed form."""

    @property
    def sealed_by(self) -> str:
        """The id of the key that sealed it."""


def fresh_secret() -> str:
    """A new signing key as it is shown: `whsec_` and base64."""
    return PREFIX + base64.b64encode(secrets.token_bytes(FRESH)).decode()


def secret_bytes(secret: str) -> bytes:
    """The bytes of a shown key, per Standard Webhooks; raises ValueError, which does not repeat the key."""
    try:
        raw = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if not secret.startswith(PREFIX) or not SHORTEST <= len(raw) <= LONGEST:
        raise ValueError(f"a signing key is {PREFIX} and the base64 of {SHORTEST} to {LONGEST} bytes")
    return raw


def seal(settings: Settings, tenant_id: UUID, name: str, secret: str) -> tuple[str, str]:
    """The sealed form of a shown key, and the id of the key that sealed it."""
    return seal_bytes(settings, _owner(tenant_id, name), secret_bytes(secret))


def seal_bytes(settings: Settings, owner: bytes, secret: bytes) -> tuple[str, str]:
    """The sealed form of a secret, which opens for that owner only, and the id of the key that sealed it."""
    key, nonce = sealing_key(settings), secrets.token_bytes(NONCE_BYTES)
    box = nonce + AESGCM(key.secret).encrypt(nonce, secret, owner)
    return base64.b64encode(box).decode(), key.id


def open_bytes(settings: Settings, owner: bytes, sealed: str) -> bytes:
    """What `seal_bytes` sealed; raises `InvalidTag` for another owner or key."""
    box = base64.b64decode(sealed)
    return AESGCM(sealing_key(settings).secret).decrypt(box[:NONCE_BYTES], box[NONCE_BYTES:], owner)


def unseal(settings: Settings, signing: Sealed) -> bytes:
    """The bytes to sign with; raises `Undeliverable` when the key file is not the one that sealed them."""
    key, box = _sealing_key(settings), base64.b64decode(signing.sealed)
    if key.id != signing.sealed_by:
        raise _unreadable(settings, signing, f"holds key {key.id}, and it was sealed with {signing.sealed_by}")
    nonce, sealed = box[:NONCE_BYTES], box[NONCE_BYTES:]
    try:
        return AESGCM(key.secret).decrypt(nonce, sealed, _owner(signing.tenant_id, signing.name))
    except (InvalidTag, ValueError) as error:
        raise _unreadable(settings, signing, "does not open it: the file or the stored key was changed") from error


def _sealing_key(settings: Settings) -> Key:
    try:
        return sealing_key(settings)
    except (ValueError, KeyError, TypeError) as error:
        raise Undeliverable(f"{settings.secret_file('signing.key')} is not a key file; put the former back.") from error


def _unreadable(settings: Settings, signing: Sealed, why: str) -> Undeliverable:
    path = settings.secret_file("signing.key")
    fix = "Put the former file back, or set the signing key anew."
    return Undeliverable(f"The signing key {signing.name!r} cannot be read: {path} {why}. {fix}")


def _owner(tenant_id: UUID, name: str) -> bytes:
    return f"{tenant_id}/{name}".encode()
