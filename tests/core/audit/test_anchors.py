"""Places of checkpoints: a folder, and a bucket with Object Lock on a real S3 server process."""

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import uuid4

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from pydantic import SecretStr

from patchbay.core.audit.anchors import FolderAnchors, open_anchors
from patchbay.core.audit.notes import sign
from patchbay.core.settings import Settings
from patchbay.core.storage import StorageUnavailable
from tests.core.audit.test_notes import KEY, Checkpoint
from tests.core.test_storage import _wait_for_address

TENANT = uuid4()
NOTES = [sign(Checkpoint("example.com/log", size, bytes(32)), KEY) for size in range(1, 40)]


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Settings, Any]]:
    """A moto server with a bucket that locks what is put into it for a year, and a client that may do everything."""
    log = tmp_path_factory.mktemp("s3") / "server.log"
    with log.open("w") as output:
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"]
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


def test_a_folder_gives_back_what_was_appended_also_after_a_torn_write(tmp_path: Path) -> None:
    anchors = FolderAnchors(tmp_path / "anchors")
    assert anchors.notes(TENANT) == []
    for size, note in enumerate(NOTES[:3], 1):
        anchors.append(TENANT, size, note)
        with (anchors.folder / f"{TENANT}.checkpoints").open("a") as file:
            file.write(note[:90])  # what a crash may leave
    assert anchors.notes(TENANT) == NOTES[:3]
    assert anchors.notes(uuid4()) == []


def test_only_the_end_of_a_long_file_is_read_where_only_new_notes_are_asked_for(tmp_path: Path) -> None:
    whole = "".join(f"{NOTES[0]}\n".replace("\n1\n", f"\n{size}\n", 1) for size in range(1, 5000))
    (tmp_path / f"{TENANT}.checkpoints").write_text(whole)
    sizes = [int(note.split("\n")[1]) for note in FolderAnchors(tmp_path).notes(TENANT, 4990)]
    assert sizes == list(range(4990, 5000))
    for since in (1, 3000):
        assert len(FolderAnchors(tmp_path).notes(TENANT, since)) == 5000 - since


def test_a_folders_file_only_grows(tmp_path: Path) -> None:
    anchors, seen = FolderAnchors(tmp_path), b""
    for size, note in enumerate(NOTES[:4], 1):
        anchors.append(TENANT, size, note)
        whole = (tmp_path / f"{TENANT}.checkpoints").read_bytes()
        assert whole.startswith(seen)
        seen = whole


def test_many_writers_at_once_lose_none(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda note: FolderAnchors(tmp_path).append(TENANT, 1, note), NOTES))
    assert sorted(FolderAnchors(tmp_path).notes(TENANT)) == sorted(NOTES)


def test_a_folder_that_cannot_be_written_or_read_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageUnavailable):
        FolderAnchors(tmp_path / "file" / "below").append(TENANT, 1, NOTES[0])
    (tmp_path / f"{TENANT}.checkpoints").mkdir()
    with pytest.raises(StorageUnavailable):
        FolderAnchors(tmp_path).notes(TENANT)


def test_a_full_disk_is_told_and_leaves_the_file_readable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    anchors = FolderAnchors(tmp_path)
    anchors.append(TENANT, 1, NOTES[0])
    import os

    real = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: real(descriptor, data[:50]))
    with pytest.raises(StorageUnavailable):
        anchors.append(TENANT, 2, NOTES[1])
    monkeypatch.setattr(os, "write", real)
    anchors.append(TENANT, 2, NOTES[1])
    assert anchors.notes(TENANT) == NOTES[:2]


def test_a_locked_bucket_keeps_each_checkpoint_and_lets_nobody_take_it_away(s3: tuple[Settings, Any]) -> None:
    settings, client = s3
    anchors = open_anchors(settings)
    assert anchors.notes(TENANT) == []
    for size in (2, 11, 1):
        anchors.append(TENANT, size, NOTES[size])
    anchors.append(TENANT, 11, NOTES[30])  # the first stands
    assert anchors.notes(TENANT) == [NOTES[1], NOTES[2], NOTES[11]]
    assert anchors.notes(TENANT, 2) == [NOTES[2], NOTES[11]]
    assert anchors.notes(TENANT, 12) == []
    key = f"audit/{TENANT}/{11:019d}"
    kept = client.head_object(Bucket="anchors", Key=key)
    assert kept["ObjectLockMode"] == "COMPLIANCE"
    with pytest.raises(ClientError, match="AccessDenied"):
        client.delete_object(Bucket="anchors", Key=key, VersionId=kept["VersionId"])
    assert anchors.notes(uuid4()) == []


def test_the_settings_name_the_place(tmp_path: Path) -> None:
    default, named = open_anchors(Settings(home=tmp_path)), open_anchors(Settings(audit_anchors_url="file:///a/b%20c"))
    assert isinstance(default, FolderAnchors) and default.folder == tmp_path / "anchors"
    assert isinstance(named, FolderAnchors) and named.folder == Path("/a/b c")
    with pytest.raises(ValueError, match="ftp"):
        open_anchors(Settings(audit_anchors_url="ftp://x/y"))
