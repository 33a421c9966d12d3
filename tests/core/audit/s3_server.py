"""A real S3 server process with a bucket that locks what is put into it.

It is moto's, with listings of versions that begin behind a key marker as those of S3 do: moto takes the marker for a key that
is there, and leaves out whatever it finds first.
"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from moto.core.utils import unix_time_millis
from moto.s3.models import S3Backend
from moto.server import main
from pydantic import SecretStr

from patchbay.core.settings import Settings
from tests.core.test_storage import _wait_for_address

_moto = S3Backend.list_object_versions


@contextmanager
def locked_bucket(folder: Path) -> Iterator[tuple[Settings, Any]]:
    """A server with a bucket that keeps everything for a year; the settings that name it, and a client that may do everything."""
    log = folder / "server.log"
    with log.open("w") as output:
        command = [sys.executable, "-m", __name__, "-H", "127.0.0.1", "-p", "0"]
        server = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
    try:
        endpoint = _wait_for_address(log)
        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "secret", "region_name": "us-east-1"}
        client = boto3.client("s3", endpoint_url=endpoint, config=Config(proxies={}), **keys)
        client.create_bucket(Bucket="anchors", ObjectLockEnabledForBucket=True)
        rule = {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 365}}
        lock = {"ObjectLockEnabled": "Enabled", "Rule": rule}
        client.put_object_lock_configuration(Bucket="anchors", ObjectLockConfiguration=lock)
        settings = Settings(
            audit_anchors_url="s3://anchors/audit",
            s3_endpoint=endpoint,
            s3_access_key=SecretStr("test"),
            s3_secret_key=SecretStr("secret"),
        )
        yield settings, client
    finally:
        server.terminate()
        server.wait(10)


def _begin_behind(self: S3Backend, bucket_name: str, *, key_marker: str | None = None, **asked: Any) -> Any:
    if key_marker and not asked.get("version_id_marker"):
        stored = self.get_bucket(bucket_name).keys
        before = max((key for key in stored if key <= key_marker), default=None)
        versions = (
            []
            if before is None
            else sorted(stored.getlist(before), key=lambda one: -unix_time_millis(one.last_modified))
        )
        key_marker, asked["version_id_marker"] = before, versions[-1].version_id if versions else None
    return _moto(self, bucket_name, key_marker=key_marker, **asked)


if __name__ == "__main__":
    S3Backend.list_object_versions = _begin_behind  # type: ignore[method-assign]
    main()
