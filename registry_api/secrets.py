"""Secret files under `<home>/secrets`: mode 0600, written whole or not at all, made once on first need."""

import base64
import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from patchbay.core.forwarding import KEY_FILE
from patchbay.core.settings import Settings


@dataclass(frozen=True, slots=True)
class Key:
    """A keyed-hash key; `id` is stored beside what it made, so that keys can be rotated."""

    id: str
    secret: bytes


def person_key(settings: Settings) -> Key:
    """The key that turns a sender's person id into the lookup key of the subject table."""
    return _key(settings.secret_file("person.key"))


def cursor_key(settings: Settings) -> Key:
    """The key that seals page cursors."""
    return _key(settings.secret_file("cursor.key"))


def sealing_key(settings: Settings) -> Key:
    """The key that seals webhooks' signing keys in the database."""
    return _key(settings.secret_file("signing.key"))


def audit_persons_key(settings: Settings) -> Key:
    """The key that seals the keys of persons whose values stand in audit records."""
    return _key(settings.secret_file("audit-persons.key"))


def checkpoint_key(settings: Settings) -> Ed25519PrivateKey:
    """The key that signs audit checkpoints. Who verifies needs its public half only."""
    fresh = base64.b64encode(secrets.token_bytes(32)).decode()
    kept = secret_text(settings.secret_file("audit-checkpoints.key"), fresh)
    return Ed25519PrivateKey.from_private_bytes(base64.b64decode(kept))


def answers_key(settings: Settings) -> Key:
    """The key that seals the answers kept for repeated requests."""
    return _key(settings.secret_file("answers.key"))


def forwarding_key(settings: Settings) -> bytes:
    """What our own processes show that pass on requests, so that the address which they name is believed."""
    return secret_text(settings.secret_file(KEY_FILE), secrets.token_hex(32)).encode()


def secret_text(path: Path, fresh: str) -> str:
    """The secret kept in a file; when there is none yet, `fresh` is written and returned.

    Safe between processes: one of them wins.
    """
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        _create(path, fresh)
        return path.read_text().strip()


def _key(path: Path) -> Key:
    fresh = {"id": secrets.token_hex(4), "secret": base64.b64encode(secrets.token_bytes(32)).decode()}
    kept = json.loads(secret_text(path, json.dumps(fresh)))
    return Key(kept["id"], base64.b64decode(kept["secret"]))


def _create(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, path)
    except FileExistsError:
        pass  # another process was first; its secret stands
    finally:
        draft.unlink()
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
