"""Places of checkpoints: a folder, and a bucket with Object Lock on a real S3 server process."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit
from uuid import uuid4

import pytest
from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from pydantic import SecretStr

from patchbay.core.audit.anchors import FolderAnchors, notes_below, open_anchors
from patchbay.core.audit.bucket import object_name
from patchbay.core.audit.notes import origin_of, sign
from patchbay.core.settings import Settings
from patchbay.core.storage import StorageUnavailable, s3_versions
from patchbay.core.storage.s3_versions import signed_listing
from tests.core.audit.s3_server import locked_bucket
from tests.core.audit.test_notes import KEY, Checkpoint

TENANT = uuid4()
NOTES = [sign(Checkpoint(origin_of(TENANT), size, bytes(32)), KEY) for size in range(1, 40)]


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Settings, Any]]:
    """A locked bucket, and a client that may do everything."""
    with locked_bucket(tmp_path_factory.mktemp("s3")) as found:
        yield found


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
    for size in (2, 11, 1, 11):
        anchors.append(TENANT, size, NOTES[size - 1])
    assert anchors.notes(TENANT) == [NOTES[0], NOTES[1], NOTES[10]]
    assert anchors.notes(TENANT, 2) == [NOTES[1], NOTES[10]]
    assert anchors.notes(TENANT, 12) == []
    kept = client.head_object(Bucket="anchors", Key=key_of(client, 11))
    assert kept["ObjectLockMode"] == "COMPLIANCE"
    with pytest.raises(ClientError, match="AccessDenied"):
        client.delete_object(Bucket="anchors", Key=key_of(client, 11), VersionId=kept["VersionId"])
    assert anchors.notes(uuid4()) == []


def key_of(client: Any, size: int) -> str:
    [found] = client.list_objects_v2(Bucket="anchors", Prefix=f"audit/{TENANT}/{size:019d}")["Contents"]
    return str(found["Key"])


def test_what_is_laid_over_checkpoints_in_a_bucket_hides_none(
    s3: tuple[Settings, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, client = s3
    anchors = open_anchors(settings)
    for size in range(20, 26):
        anchors.append(TENANT, size, NOTES[size - 1])
    client.put_object(Bucket="anchors", Key=key_of(client, 21), Body=b"another", ChecksumAlgorithm="SHA256")
    client.put_object(Bucket="anchors", Key=f"audit/{TENANT}/{22:019d}.x", Body=b"", ChecksumAlgorithm="SHA256")
    for size in (23, 24, 25):
        client.delete_object(Bucket="anchors", Key=key_of(client, size))
    for page in (1, 2, 1000):
        monkeypatch.setattr(s3_versions, "PAGE", page)
        assert anchors.notes(TENANT, 20) == NOTES[19:25]
    anchors.append(TENANT, 24, NOTES[23])
    assert anchors.notes(TENANT, 20) == NOTES[19:25], "each is told once, however many versions it has"


def test_a_bucket_that_cannot_be_listed_is_unavailable_and_its_address_is_not_told(s3: tuple[Settings, Any]) -> None:
    gone = s3[0].model_copy(update={"audit_anchors_url": "s3://gone/audit"})
    with pytest.raises(StorageUnavailable, match="404") as told:
        open_anchors(gone).notes(TENANT)
    assert "Signature" not in str(told.value)
    away = s3[0].model_copy(update={"s3_endpoint": "http://127.0.0.1:9"})
    with pytest.raises(StorageUnavailable):
        open_anchors(away).notes(TENANT)


def test_the_listing_is_signed_as_amazons_own_client_signs_it() -> None:
    secrets = {"s3_access_key": SecretStr("AK"), "s3_secret_key": SecretStr("SK"), "s3_region": "eu-west-1"}
    url = signed_listing(Settings(**secrets), "bucket", {"prefix": "a b/c+d", "key-marker": "a b/ü"})
    asked = urlsplit(url)
    assert f"{asked.scheme}://{asked.netloc}{asked.path}" == "https://s3.eu-west-1.amazonaws.com/bucket"
    said = dict(parse_qsl(asked.query, keep_blank_values=True))
    assert {"versions": "", "prefix": "a b/c+d", "key-marker": "a b/ü"}.items() <= said.items()
    signature, date = said.pop("X-Amz-Signature"), said["X-Amz-Date"]
    signer = S3SigV4QueryAuth(Credentials("AK", "SK"), "s3", "eu-west-1")
    request = AWSRequest("GET", f"https://{asked.netloc}{asked.path}?{urlencode(said, quote_via=quote, safe='')}")
    request.headers["host"] = asked.netloc
    request.context["timestamp"] = date
    assert signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request) == signature


def test_two_roots_of_one_size_are_both_kept_in_a_bucket(s3: tuple[Settings, Any]) -> None:
    anchors = open_anchors(s3[0])
    fork = sign(Checkpoint(origin_of(TENANT), 31, b"f" * 32), KEY)
    for note in (NOTES[30], fork):
        anchors.append(TENANT, 31, note)
    assert sorted(anchors.notes(TENANT, 31)) == sorted([NOTES[30], fork])


def test_a_folder_of_anchors_and_a_copy_of_a_bucket_are_read_alike(tmp_path: Path) -> None:
    assert notes_below(tmp_path, TENANT) == []
    copy = tmp_path / str(TENANT)
    copy.mkdir()
    for size in (7, 9):
        (copy / object_name(size, NOTES[size - 1])).write_text("whatever lies in it")
    (copy / "else").write_text("")
    assert notes_below(tmp_path, TENANT) == [NOTES[6], NOTES[8]]
    FolderAnchors(tmp_path).append(TENANT, 3, NOTES[2])
    assert notes_below(tmp_path, TENANT) == [NOTES[2], NOTES[6], NOTES[8]]


def test_the_settings_name_the_place(tmp_path: Path) -> None:
    default, named = open_anchors(Settings(home=tmp_path)), open_anchors(Settings(audit_anchors_url="file:///a/b%20c"))
    assert isinstance(default, FolderAnchors) and default.folder == tmp_path / "anchors"
    assert isinstance(named, FolderAnchors) and named.folder == Path("/a/b c")
    with pytest.raises(ValueError, match="ftp"):
        open_anchors(Settings(audit_anchors_url="ftp://x/y"))
