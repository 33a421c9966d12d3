"""The storage port: blobs, lake, published and models all live behind it, in a folder or an S3-compatible store."""

from urllib.parse import unquote, urlsplit

from patchbay.core.settings import Settings
from patchbay.core.storage.errors import ObjectMissing, StorageError, StorageKeyInvalid, StorageUnavailable
from patchbay.core.storage.local import LocalStorage
from patchbay.core.storage.memory import InMemoryStorage
from patchbay.core.storage.port import Storage

__all__ = [
    "InMemoryStorage",
    "LocalStorage",
    "ObjectMissing",
    "Storage",
    "StorageError",
    "StorageKeyInvalid",
    "StorageUnavailable",
    "open_storage",
]


def open_storage(settings: Settings) -> Storage:
    """The store the settings name: `file://` (default: home) or `s3://bucket/prefix`; ValueError for other schemes."""
    url = urlsplit(settings.resolved_storage_url)
    if url.scheme == "file":
        return LocalStorage(unquote(url.path))
    if url.scheme == "s3":
        from patchbay.core.storage.s3 import S3Storage

        return S3Storage.from_settings(settings, bucket=url.netloc, prefix=url.path.strip("/"))
    raise ValueError(
        f"storage URL must start with file:// or s3://, not {url.scheme or settings.resolved_storage_url!r}"
    )
