"""Where checkpoints are kept outside of the database: a folder of files that only grow, or a locked S3 bucket."""

import errno
import fcntl
import os
from pathlib import Path
from typing import BinaryIO, Protocol
from urllib.parse import unquote, urlsplit
from uuid import UUID

from patchbay.core.audit.bucket import BucketAnchors, copied_notes
from patchbay.core.audit.notes import notes_in
from patchbay.core.settings import Settings
from patchbay.core.storage import StorageUnavailable

TAIL = 1 << 16


class Anchors(Protocol):
    """Signed checkpoints by tenant. Both methods raise `StorageUnavailable` when the place fails."""

    def append(self, tenant: UUID | str, size: int, note: str) -> None:
        """Keep a checkpoint of that many records; it is durable on return. The same once more changes nothing that is read."""

    def notes(self, tenant: UUID | str, since: int = 0) -> list[str]:
        """The checkpoints of a tenant that cover at least `since` records; none where there is none.

        Costs what they are, not what was kept before them.
        """


class FolderAnchors:
    """One file a tenant, appended to and never rewritten, so that `chattr +a` or a write-once mount may hold it.

    A crash can leave half a note at the end; readers pass it over, and the next note starts on a line of its own.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def append(self, tenant: UUID | str, size: int, note: str) -> None:
        """Append under a lock and fsync; the name of a new file is on disk too."""
        path = self._file(tenant)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                _write_whole(descriptor, f"{_mend(descriptor)}{note}\n".encode())
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            _sync(self.folder)
        except OSError as error:
            raise StorageUnavailable(path.name, error) from error

    def notes(self, tenant: UUID | str, since: int = 0) -> list[str]:
        """The whole notes of the tenant's file, read from its end."""
        path = self._file(tenant)
        try:
            with path.open("rb") as file:
                return [note for note in _tail(file, since) if _size(note) >= since]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise StorageUnavailable(path.name, error) from error

    def _file(self, tenant: UUID | str) -> Path:
        return self.folder / f"{UUID(str(tenant))}.checkpoints"


def open_anchors(settings: Settings) -> Anchors:
    """The place the settings name: `file://` (default: `anchors` below home) or `s3://bucket/prefix`; ValueError else."""
    if settings.audit_anchors_url is None:
        return FolderAnchors(settings.root / "anchors")
    url = urlsplit(settings.audit_anchors_url)
    if url.scheme == "file":
        return FolderAnchors(Path(unquote(url.path)))
    if url.scheme == "s3":
        return BucketAnchors(settings, url.netloc, url.path.strip("/"))
    raise ValueError(f"anchors URL must start with file:// or s3://, not {url.scheme or settings.audit_anchors_url!r}")


def notes_below(folder: Path, tenant: UUID | str) -> list[str]:
    """The checkpoints of a tenant in a folder of anchors or in a copy of a bucket of them; none where there is none."""
    return FolderAnchors(folder).notes(tenant) + copied_notes(folder, tenant)


def _tail(file: BinaryIO, since: int) -> list[str]:
    """Notes at the end of a file, back to one that covers fewer than `since` records."""
    end, length = file.seek(0, os.SEEK_END), TAIL
    while True:
        file.seek(max(0, end - length))
        notes = list(notes_in(file.read(length).decode(errors="replace")))
        if length >= end or any(_size(note) < since for note in notes):
            return notes
        length *= 4


def _size(note: str) -> int:
    return int(note.split("\n", 2)[1])


def _mend(descriptor: int) -> str:
    """What must come first so that a new note starts on a line of its own after an empty one."""
    size = os.fstat(descriptor).st_size
    tail = os.pread(descriptor, 2, max(0, size - 2))
    return "" if size == 0 or tail == b"\n\n" else "\n\n"


def _write_whole(descriptor: int, data: bytes) -> None:
    if os.write(descriptor, data) != len(data):
        raise OSError(errno.ENOSPC, "the checkpoint was written only in part")


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
