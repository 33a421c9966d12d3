"""Checkpoints as C2SP `tlog-checkpoint` in a `signed-note` with an Ed25519 signature (type 0x01)."""

import base64
import binascii
import re
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING
from uuid import UUID

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

ED25519 = b"\x01"
KEY_BYTES = 32
NOTE = re.compile(
    r"^[^\s+]+\n(?:0|[1-9][0-9]{0,18})\n[A-Za-z0-9+/]{43}=\n\n(?:— [^\s+]+ [A-Za-z0-9+/]{91}=\n)+", re.MULTILINE
)
"""One whole checkpoint of ours: no extension lines, signatures of 4 + 64 bytes."""

VERIFIER_KEY = re.compile(r"([^\s+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]{44})")


class BadCheckpoint(ValueError):
    """A checkpoint that is not one of the log, or that the trusted key did not sign."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a log commits to: its name, how many records it has, and the root of the tree over them."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """The text that is signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


def origin_of(tenant: UUID | str) -> str:
    """The name of a tenant's log, and of the key that signs for it."""
    return f"patchbay.dev/audit/{tenant}"


def sign(checkpoint: Checkpoint, key: "Ed25519PrivateKey") -> str:
    """The signed note. The same checkpoint gives the same note, since Ed25519 is deterministic."""
    signature = _key_id(checkpoint.origin, key.public_key().public_bytes_raw()) + key.sign(checkpoint.text.encode())
    return f"{checkpoint.text}\n— {checkpoint.origin} {base64.b64encode(signature).decode()}\n"


def opened(note: str, origin: str, public_key: bytes) -> Checkpoint:
    """The checkpoint of a note; raises `BadCheckpoint` unless it is of this log and the key signed it.

    Signatures of other keys are passed over, as the specification asks for, so witnesses may add theirs.
    """
    found = read(note, origin)
    if not _is_signed(found.text.encode(), note.rpartition("\n\n")[2], origin, public_key):
        raise BadCheckpoint("the public key did not sign it")
    return found


def read(note: str, origin: str) -> Checkpoint:
    """What a note says, whoever wrote it; raises `BadCheckpoint` unless it is of this log."""
    if not NOTE.fullmatch(note):
        raise BadCheckpoint("it has not the form of a checkpoint")
    name, size, root = note.partition("\n\n")[0].split("\n")
    if name != origin:
        raise BadCheckpoint(f"it is of {name}, not of {origin}")
    return Checkpoint(name, int(size), base64.b64decode(root))


def notes_in(text: str) -> Iterable[str]:
    """The whole notes of a file that was appended to; what a crash left half is passed over."""
    return (found.group() for found in NOTE.finditer(text))


def verifier_key(origin: str, public_key: bytes) -> str:
    """The key as C2SP tools and Go's `note` package take it: name+id+key."""
    key = base64.b64encode(ED25519 + public_key).decode()
    return f"{origin}+{_key_id(origin, public_key).hex()}+{key}"


def public_key_of(text: str) -> bytes:
    """The 32 bytes of a public key, given in base64 or as a verifier key; raises ValueError."""
    found = VERIFIER_KEY.fullmatch(text.strip())
    try:
        raw = base64.b64decode(found[3] if found else text.strip(), validate=True)
    except binascii.Error:
        raw = b""
    if found:
        raw = raw.removeprefix(ED25519) if _key_id(found[1], raw[1:]).hex() == found[2] else b""
    if len(raw) != KEY_BYTES:
        raise ValueError("a public key is the base64 of 32 bytes, or name+id+key as `patchbay audit key` prints it")
    return raw


def log_of(text: str) -> str | None:
    """The log that a verifier key is of; None for a public key in base64, which names none. One key signs for every tenant,
    so whoever was given a verifier key must ask for this too.
    """
    found = VERIFIER_KEY.fullmatch(text.strip())
    return None if found is None else found[1]


def _is_signed(text: bytes, signatures: str, name: str, public_key: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    key = Ed25519PublicKey.from_public_bytes(public_key)
    for line in signatures.splitlines():
        _, signer, encoded = line.split(" ")
        raw = base64.b64decode(encoded)
        if signer == name and raw[:4] == _key_id(name, public_key):
            try:
                key.verify(raw[4:], text)
            except InvalidSignature:
                return False
            return True
    return False


def _key_id(name: str, public_key: bytes) -> bytes:
    return sha256(name.encode() + b"\n" + ED25519 + public_key).digest()[:4]
