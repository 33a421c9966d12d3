"""The in-memory twin, for tests and for runs that keep nothing."""

from collections.abc import Iterator
from pathlib import Path
from threading import Lock

from patchbay.core.storage.errors import ObjectMissing
from patchbay.core.storage.port import valid_key, valid_prefix


class InMemoryStorage:
    """Objects in a dict; safe to share between threads, gone with the process."""

    def __init__(self) -> None:
        self._objects: dict[str, bytes] = {}
        self._lock = Lock()

    def put(self, key: str, data: bytes) -> None:
        """Write an object."""
        with self._lock:
            self._objects[valid_key(key)] = bytes(data)

    def put_file(self, key: str, path: Path) -> None:
        """Write an object from a local file."""
        self.put(key, path.read_bytes())

    def read_bytes(self, key: str) -> bytes:
        """The object's bytes."""
        with self._lock:
            if valid_key(key) not in self._objects:
                raise ObjectMissing(key)
            return self._objects[key]

    def exists(self, key: str) -> bool:
        """Whether an object has that key."""
        with self._lock:
            return valid_key(key) in self._objects

    def delete(self, key: str) -> None:
        """Remove the object, if any."""
        with self._lock:
            self._objects.pop(valid_key(key), None)

    def list(self, prefix: str = "") -> Iterator[str]:
        """Keys below a folder, sorted."""
        folder = f"{valid_prefix(prefix)}/" if prefix else ""
        with self._lock:
            return iter(sorted(key for key in self._objects if key.startswith(folder)))

    def local_path(self, key: str) -> Path | None:
        """None: there is no file."""
        valid_key(key)
        return None

    def size(self, key: str) -> int:
        """The object's size in bytes."""
        return len(self.read_bytes(key))
