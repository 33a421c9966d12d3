"""Objects in an S3-compatible store, through obstore."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import obstore
from obstore.exceptions import BaseError, NotFoundError
from obstore.store import S3Store

from patchbay.core.settings import Settings
from patchbay.core.storage.errors import ObjectMissing, StorageUnavailable
from patchbay.core.storage.port import valid_key, valid_prefix

if TYPE_CHECKING:
    from obstore.store import RetryConfig, S3Config

_PATIENCE: "RetryConfig" = {"max_retries": 4, "retry_timeout": timedelta(seconds=30)}


class S3Storage:
    """One bucket and prefix. A put is one request or a multipart upload, visible only when complete."""

    def __init__(self, store: S3Store) -> None:
        self._store = store

    @classmethod
    def from_settings(cls, settings: Settings, *, bucket: str, prefix: str) -> "S3Storage":
        """The store the settings describe; without keys there, obstore's own AWS credential chain is used."""
        return cls(s3_store(settings, bucket, prefix))

    def put(self, key: str, data: bytes) -> None:
        """Write an object."""
        with reporting(valid_key(key)):
            obstore.put(self._store, key, data)

    def put_file(self, key: str, path: Path) -> None:
        """Write an object from a local file, in parts when it is large."""
        with path.open("rb") as source, reporting(valid_key(key)):
            obstore.put(self._store, key, source)

    def read_bytes(self, key: str) -> bytes:
        """The object's bytes."""
        with reporting(valid_key(key)):
            return bytes(obstore.get(self._store, key).bytes())

    def exists(self, key: str) -> bool:
        """Whether an object has that key."""
        try:
            self.size(key)
        except ObjectMissing:
            return False
        return True

    def delete(self, key: str) -> None:
        """Remove the object, if any."""
        try:
            with reporting(valid_key(key)):
                obstore.delete(self._store, key)
        except ObjectMissing:
            return

    def list(self, prefix: str = "") -> Iterator[str]:
        """Keys below a folder, sorted."""
        folder = valid_prefix(prefix) or None
        with reporting(prefix):
            keys = sorted(entry["path"] for page in obstore.list(self._store, folder) for entry in page)
        return iter(keys)

    def local_path(self, key: str) -> Path | None:
        """None: the store is remote."""
        valid_key(key)
        return None

    def size(self, key: str) -> int:
        """The object's size in bytes."""
        with reporting(valid_key(key)):
            return int(obstore.head(self._store, key)["size"])


def s3_store(settings: Settings, bucket: str, prefix: str, headers: Mapping[str, str] | None = None) -> S3Store:
    """obstore's store of a bucket as the settings describe it; `headers` go with every request, unsigned."""
    plain_http = (settings.s3_endpoint or "").startswith("http://")
    return S3Store(
        bucket,
        prefix=prefix or None,
        config=s3_config(settings),
        client_options={"allow_http": plain_http, "timeout": "60s", "default_headers": dict(headers or {})},
        retry_config=_PATIENCE,
    )


def s3_config(settings: Settings) -> "S3Config":
    """Region, endpoint and credentials of the settings, in obstore's words; without keys there it looks for them itself."""
    config: S3Config = {"region": settings.s3_region}
    if settings.s3_endpoint:
        config["endpoint"] = settings.s3_endpoint
    if settings.s3_access_key and settings.s3_secret_key:
        config["access_key_id"] = settings.s3_access_key.get_secret_value()
        config["secret_access_key"] = settings.s3_secret_key.get_secret_value()
    return config


@contextmanager
def reporting(key: str) -> Iterator[None]:
    """What obstore raises, as the storage port's errors."""
    try:
        yield
    except (NotFoundError, FileNotFoundError) as error:
        raise ObjectMissing(key) from error
    except (BaseError, OSError) as error:
        raise StorageUnavailable(key, error) from error
