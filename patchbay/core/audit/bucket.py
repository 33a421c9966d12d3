"""Checkpoints in an S3 bucket with Object Lock, each said whole by the key of its object."""

import base64
import re
from hashlib import md5
from pathlib import Path
from uuid import UUID

from patchbay.core.audit.notes import origin_of
from patchbay.core.settings import Settings

KEY = re.compile(r"([0-9]{19})\.([A-Za-z0-9_-]{43})\.([A-Za-z0-9_-]{91})")
"""Size, root and signature, the last two in the base64 that keys and file names bear."""

_TO_NAME, _FROM_NAME = str.maketrans("+/", "-_"), str.maketrans("-_", "+/")


class BucketAnchors:
    """One object a checkpoint, written only where none stands; its key says all of it.

    So a listing reads a thousand at once, and what is laid over an object changes nothing. The listing is one of versions: a
    delete marker hides none of them. That no version is taken away is for the bucket: create it with Object Lock and a
    default retention, which then holds for every object put here. S3 asks for the MD5 of what is put under a lock;
    obstore takes headers for a store only, so each put has a store of its own.
    """

    def __init__(self, settings: Settings, bucket: str, prefix: str) -> None:
        self.settings, self.bucket, self.prefix = settings, bucket, prefix

    def append(self, tenant: UUID | str, size: int, note: str) -> None:
        """Put one object under a key that sorts by size; one that is there is left as it is."""
        import obstore
        from obstore.exceptions import AlreadyExistsError

        from patchbay.core.storage.s3 import reporting, s3_store

        key, data = f"{UUID(str(tenant))}/{object_name(size, note)}", note.encode()
        digest = base64.b64encode(md5(data, usedforsecurity=False).digest()).decode()
        store = s3_store(self.settings, self.bucket, self.prefix, {"Content-MD5": digest})
        with reporting(key):
            try:
                obstore.put(store, key, data, mode="create", use_multipart=False)
            except AlreadyExistsError:
                return

    def notes(self, tenant: UUID | str, since: int = 0) -> list[str]:
        """The checkpoint of every key below the tenant's folder that is of such a size and has a version."""
        from patchbay.core.storage.s3_versions import keys_of_versions

        folder = f"{self.prefix}/{UUID(str(tenant))}/".removeprefix("/")
        keys = keys_of_versions(self.settings, self.bucket, folder, after=f"{folder}{since:019d}")
        return _notes(tenant, [key.removeprefix(folder) for key in keys])


def copied_notes(folder: Path, tenant: UUID | str) -> list[str]:
    """The checkpoints of a tenant in a copy of a bucket; none where there is none. Of a copy of the current versions only, those
    are missing that somebody laid a delete marker over.
    """
    own = folder / str(UUID(str(tenant)))
    return _notes(tenant, sorted(one.name for one in own.iterdir())) if own.is_dir() else []


def object_name(size: int, note: str) -> str:
    """The last part of a checkpoint's key, which sorts by size and says the whole note."""
    _, _, root, _, signed = note.splitlines()[:5]
    return f"{size:019d}.{root[:-1]}.{signed.split(' ')[2][:-1]}".translate(_TO_NAME)


def _notes(tenant: UUID | str, names: list[str]) -> list[str]:
    """The notes that names say; what is no such name was never one of ours, since nobody renames an object."""
    origin, found = origin_of(UUID(str(tenant))), filter(None, map(KEY.fullmatch, names))
    return [_note(origin, int(one[1]), one[2].translate(_FROM_NAME), one[3].translate(_FROM_NAME)) for one in found]


def _note(origin: str, size: int, root: str, signature: str) -> str:
    return f"{origin}\n{size}\n{root}=\n\n— {origin} {signature}=\n"
