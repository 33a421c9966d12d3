"""The protocol every store fulfils, and the rule for keys."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from patchbay.core.storage.errors import StorageKeyInvalid

_SEGMENT = re.compile(r"[A-Za-z0-9_=+@-][A-Za-z0-9._=+@-]{0,200}\Z")
_LONGEST = 900


class Storage(Protocol):
    """Named bytes. Keys are relative, `/`-separated, of `A-Za-z0-9._=+@-`, and no part starts with a dot.

    Writes are atomic and durable: after `put` returns, every reader sees the whole new object, also after a crash;
    before, the old one or none. Every method raises `StorageKeyInvalid` for a bad key and `StorageUnavailable` when the
    store fails. A key must not also be used as the folder of another key.
    """

    def put(self, key: str, data: bytes) -> None:
        """Write an object, replacing any that is there."""

    def put_file(self, key: str, path: Path) -> None:
        """Write an object from a local file, which stays as it is; FileNotFoundError when there is none."""

    def read_bytes(self, key: str) -> bytes:
        """The object's bytes; `ObjectMissing` when there is none."""

    def exists(self, key: str) -> bool:
        """Whether an object has that key."""

    def delete(self, key: str) -> None:
        """Remove the object; does nothing when there is none."""

    def list(self, prefix: str = "") -> Iterator[str]:
        """Keys below the folder `prefix` (all when empty), sorted; the object `prefix` itself is not among them."""

    def local_path(self, key: str) -> Path | None:
        """The file of an existing or future object on this machine, to read only; None when the store is remote."""

    def size(self, key: str) -> int:
        """The object's size in bytes; `ObjectMissing` when there is none."""


def valid_key(key: str) -> str:
    """The key itself; raises `StorageKeyInvalid` when it could leave the root or be spelled otherwise by some store."""
    if len(key) > _LONGEST:
        raise StorageKeyInvalid(key, f"is longer than {_LONGEST} characters")
    for segment in key.split("/"):
        if not _SEGMENT.match(segment):
            raise StorageKeyInvalid(
                key, f"has the part {segment[:50]!r}; parts hold A-Za-z0-9._=+@- and start with no dot"
            )
    return key


def valid_prefix(prefix: str) -> str:
    """The folder without its closing slash; empty for the root."""
    return valid_key(prefix.removesuffix("/")) if prefix else ""
