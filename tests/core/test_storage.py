"""One suite over every store: the local folder, the in-memory twin, and S3 against a real server process."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.request import ProxyHandler, Request, build_opener

import pytest
from pydantic import SecretStr

from patchbay.core.settings import Settings
from patchbay.core.storage import (
    InMemoryStorage,
    LocalStorage,
    ObjectMissing,
    Storage,
    StorageKeyInvalid,
    StorageUnavailable,
    local,
    open_storage,
)

_direct = build_opener(ProxyHandler({}))


@pytest.fixture(scope="session")
def s3_endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A moto server with the bucket `patchbay`; it picks its own port and says so in its log."""
    log = tmp_path_factory.mktemp("s3") / "server.log"
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"]
    with log.open("w") as output:
        server = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
    try:
        endpoint = _wait_for_address(log)
        _direct.open(Request(f"{endpoint}/patchbay", method="PUT")).close()
        yield endpoint
    finally:
        server.terminate()
        server.wait(10)


def _wait_for_address(log: Path) -> str:
    for _ in range(300):
        for line in log.read_text().splitlines():
            if "Running on http://127.0.0.1" in line:
                return line.split("Running on ")[1].split()[0].rstrip("/")
        time.sleep(0.1)
    raise AssertionError(f"the S3 server did not start: {log.read_text()}")


def _s3(endpoint: str, prefix: str, secret: str = "secret") -> Storage:
    return open_storage(
        Settings(
            storage_url=f"s3://patchbay/{prefix}",
            s3_endpoint=endpoint,
            s3_access_key=SecretStr("test"),
            s3_secret_key=SecretStr(secret),
        )
    )


@pytest.fixture(params=["local", "memory", "s3"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    """Each kind of store in turn, empty."""
    makers: dict[str, Callable[[], Storage]] = {
        "local": lambda: open_storage(Settings(home=tmp_path / "home")),
        "memory": InMemoryStorage,
        "s3": lambda: _s3(request.getfixturevalue("s3_endpoint"), tmp_path.name),
    }
    return makers[request.param]()


def test_what_was_put_is_read_back_whole(storage: Storage) -> None:
    storage.put("lake/usage/day=2026-01-01/a+b@1.0.parquet", b"\x00bytes\xff")
    assert storage.read_bytes("lake/usage/day=2026-01-01/a+b@1.0.parquet") == b"\x00bytes\xff"
    assert storage.size("lake/usage/day=2026-01-01/a+b@1.0.parquet") == 7
    assert storage.exists("lake/usage/day=2026-01-01/a+b@1.0.parquet")


def test_an_empty_object_is_an_object(storage: Storage) -> None:
    storage.put("empty", b"")
    assert storage.exists("empty") and storage.size("empty") == 0 and storage.read_bytes("empty") == b""


def test_a_second_put_replaces_the_first(storage: Storage) -> None:
    storage.put("pointer", b"one, and longer")
    storage.put("pointer", b"two")
    assert storage.read_bytes("pointer") == b"two"


def test_a_file_is_put_without_touching_it(storage: Storage, tmp_path: Path) -> None:
    source = tmp_path / "source.bin"
    source.write_bytes(os.urandom(7 << 20))
    storage.put_file("blobs/large", source)
    assert storage.read_bytes("blobs/large") == source.read_bytes()
    with pytest.raises(FileNotFoundError):
        storage.put_file("blobs/none", tmp_path / "none")
    assert not storage.exists("blobs/none")


def test_what_is_not_there_is_named_in_the_error(storage: Storage) -> None:
    for read in (storage.read_bytes, storage.size):
        with pytest.raises(ObjectMissing, match="blobs/none"):
            read("blobs/none")
    assert not storage.exists("blobs/none")


def test_delete_is_idempotent(storage: Storage) -> None:
    storage.put("blobs/a", b"a")
    storage.delete("blobs/a")
    storage.delete("blobs/a")
    assert not storage.exists("blobs/a") and list(storage.list()) == []


def test_list_gives_the_keys_below_a_folder_in_order(storage: Storage) -> None:
    for key in ("usage/b/2", "usage/b-1", "usage/a", "usage2/x", "usage/b/1"):
        storage.put(key, b"")
    assert (
        list(storage.list("usage"))
        == list(storage.list("usage/"))
        == ["usage/a", "usage/b-1", "usage/b/1", "usage/b/2"]
    )
    assert list(storage.list("usage/a")) == list(storage.list("nowhere")) == []
    assert len(list(storage.list())) == 5


@pytest.mark.parametrize(
    "key",
    [
        "",
        "/etc/passwd",
        "../up",
        "a/../b",
        "a//b",
        "a/",
        ".hidden",
        "a/.b.tmp",
        "a\\b",
        "a b",
        "ü",
        "a\x00b",
        "a\n",
        "%2e%2e/a",
        "x" * 901,
    ],
)
def test_a_key_that_could_leave_the_root_is_refused_everywhere(storage: Storage, key: str) -> None:
    calls = (
        storage.read_bytes,
        storage.exists,
        storage.delete,
        storage.size,
        storage.local_path,
        lambda k: storage.put(k, b""),
    )
    for call in calls:
        with pytest.raises(StorageKeyInvalid):
            call(key)
    with pytest.raises(StorageKeyInvalid):
        list(storage.list("a/../b"))


def test_readers_see_the_old_object_or_the_new_one_never_a_mixture(storage: Storage) -> None:
    bodies = [bytes([letter]) * 200_000 for letter in b"abcd"]
    storage.put("pointer", bodies[0])
    with ThreadPoolExecutor(4) as pool:
        writes = [pool.submit(storage.put, "pointer", body) for body in bodies * 3]
        seen = [storage.read_bytes("pointer") for _ in range(20)]
        [write.result() for write in writes]
    assert set(seen) <= set(bodies)


def test_only_a_local_store_has_paths(tmp_path: Path, s3_endpoint: str) -> None:
    local = LocalStorage(tmp_path)
    local.put("a/b", b"x")
    assert local.local_path("a/b").read_bytes() == b"x"
    assert InMemoryStorage().local_path("a/b") is None and _s3(s3_endpoint, "p").local_path("a/b") is None


def test_a_write_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path)
    storage.put("a", b"kept")
    with pytest.raises(StorageUnavailable, match="a/b"):
        storage.put("a/b", b"x")
    with pytest.raises(TypeError):
        storage.put("c", "text")  # type: ignore[arg-type]
    assert [path.name for path in tmp_path.rglob("*")] == ["a"] and storage.read_bytes("a") == b"kept"


def test_a_killed_writer_leaves_no_half_object(tmp_path: Path) -> None:
    code = (
        "import sys; from patchbay.core.storage import LocalStorage; s = LocalStorage(sys.argv[1])\n"
        "print('up', flush=True)\nwhile True: s.put('x/object', b'z' * 3_000_000)"
    )
    for _ in range(5):
        writer = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE)
        assert writer.stdout is not None and writer.stdout.readline()
        time.sleep(0.05)
        writer.kill()
        writer.wait()
        storage = LocalStorage(tmp_path)
        assert all(key == "x/object" and storage.size(key) == 3_000_000 for key in storage.list())


@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed")
def test_bytes_and_name_are_on_disk_before_put_returns(tmp_path: Path) -> None:
    code = "import sys; from patchbay.core.storage import LocalStorage; LocalStorage(sys.argv[1]).put('new/x', b'1')"
    trace = ["strace", "-f", "-e", "trace=fsync,rename,renameat,renameat2", sys.executable, "-c", code, str(tmp_path)]
    lines = subprocess.run(trace, capture_output=True, text=True, check=True).stderr.splitlines()
    calls = [
        next(word for word in ("fsync", "rename") if word in line)
        for line in lines
        if "fsync(" in line or "rename" in line
    ]
    assert calls == ["fsync", "fsync", "rename", "fsync"]


def test_a_store_that_does_not_answer_is_unavailable_and_its_secret_stays_secret() -> None:
    from obstore.store import S3Store

    from patchbay.core.storage.s3 import S3Storage

    store = S3Storage(
        S3Store(
            "b",
            config={"endpoint": "http://127.0.0.1:9", "region": "x", "access_key_id": "k", "secret_access_key": "hush"},
            client_options={"allow_http": True},
            retry_config={"max_retries": 0},
        )
    )
    with pytest.raises(StorageUnavailable) as caught:
        store.read_bytes("a")
    assert "hush" not in str(caught.value) and "\n" not in str(caught.value)


def test_an_unknown_scheme_is_refused() -> None:
    with pytest.raises(ValueError, match="gopher"):
        open_storage(Settings(storage_url="gopher://x/y"))


def test_a_folder_that_another_writer_just_made_is_on_disk_before_anything_is_in_it(tmp_path, monkeypatch):
    (tmp_path / "root/a").mkdir(parents=True)
    synced = []
    real = local._sync
    monkeypatch.setattr(local, "_sync", lambda folder: (synced.append(folder), real(folder)))
    storage = LocalStorage(tmp_path / "root")
    storage.put("a/one", b"1")
    assert synced == [tmp_path / "root", tmp_path / "root/a"]
    storage.put("a/two", b"2")
    assert synced[2:] == [tmp_path / "root/a"]
