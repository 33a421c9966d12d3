"""Objects as files below one folder."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from patchbay.core.storage.errors import ObjectMissing, StorageUnavailable
from patchbay.core.storage.port import valid_key, valid_prefix


class LocalStorage:
    """Files below `root`, which is made when first written to. Half-written files have names that no key can have."""

    def __init__(self, root: Path | str) -> None:
        self._root = Path(root).resolve()
        self._on_disk: set[Path] = {self._root} if self._root.is_dir() else set()

    def put(self, key: str, data: bytes) -> None:
        """Write an object: temporary file, fsync, rename, fsync of the folder."""
        self._write(key, lambda file: file.write(data))

    def put_file(self, key: str, path: Path) -> None:
        """Write an object from a local file."""
        with path.open("rb") as source:
            self._write(key, lambda file: shutil.copyfileobj(source, file, 1 << 20))

    def read_bytes(self, key: str) -> bytes:
        """The object's bytes."""
        with _reporting(key):
            return self._path(key).read_bytes()

    def exists(self, key: str) -> bool:
        """Whether an object has that key."""
        return self._path(key).is_file()

    def delete(self, key: str) -> None:
        """Remove the object, if any; empty folders stay."""
        path = self._path(key)
        if not path.is_file():
            return
        with _reporting(key):
            path.unlink(missing_ok=True)
            _sync(path.parent)

    def list(self, prefix: str = "") -> Iterator[str]:
        """Keys below a folder, sorted."""
        with _reporting(prefix):
            keys = sorted(self._walk(self._root / valid_prefix(prefix)))
        return iter(keys)

    def local_path(self, key: str) -> Path:
        """The object's file."""
        return self._path(key)

    def size(self, key: str) -> int:
        """The object's size in bytes."""
        if not (path := self._path(key)).is_file():
            raise ObjectMissing(key)
        with _reporting(key):
            return path.stat().st_size

    def _path(self, key: str) -> Path:
        return self._root / valid_key(key)

    def _walk(self, folder: Path) -> Iterator[str]:
        for parent, folders, files in os.walk(folder, onerror=_raise_unless_missing):
            folders[:] = [name for name in folders if not name.startswith(".")]
            below = Path(parent).relative_to(self._root)
            yield from ((below / name).as_posix() for name in files if not name.startswith("."))

    def _write(self, key: str, fill: Callable[[BinaryIO], object]) -> None:
        path = self._path(key)
        temporary = path.parent / f".{uuid4().hex}.tmp"
        with _reporting(key, writing=True):
            self._make_folder(path.parent)
            try:
                with temporary.open("xb") as file:
                    fill(file)
                    file.flush()
                    os.fsync(file.fileno())
                temporary.replace(path)
            finally:
                temporary.unlink(missing_ok=True)
            _sync(path.parent)

    def _make_folder(self, folder: Path) -> None:
        """Like mkdir -p, but every folder's name is on disk before anything is put in it, whoever made the folder.

        A root that was there before is taken as it is: its parent may be closed to us.
        """
        settled = folder in self._on_disk or folder in self._root.parents
        if settled and folder.is_dir():
            return
        self._make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        _sync(folder.parent)
        self._on_disk.add(folder)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _raise_unless_missing(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError | NotADirectoryError):
        raise error


@contextmanager
def _reporting(key: str, *, writing: bool = False) -> Iterator[None]:
    try:
        yield
    except (FileNotFoundError, IsADirectoryError) as error:
        raise (StorageUnavailable(key, error) if writing else ObjectMissing(key)) from error
    except OSError as error:
        raise StorageUnavailable(key, error) from error
