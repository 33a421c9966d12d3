"""Files out of folders, archives and addresses, friendly and hostile."""

import gzip
import io
import tarfile
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from patchbay.importers.sources import Limits, SourceError, source_files

Tar = Callable[[dict[str, bytes]], bytes]
Zstd = Callable[[bytes], bytes]
SMALL = Limits(download_bytes=50_000, file_bytes=1000, total_bytes=100_000, files=5)


def _everything(path: str) -> bool:
    return True


def _read(source: str | Path, limits: Limits | None = None) -> dict[str, bytes]:
    return {file.name: file.read() for file in source_files(source, _everything, limits)}


@pytest.mark.parametrize("packing", ["tar", "tar.gz", "tgz", "tar.zst"])
def test_members_come_by_name_whatever_their_order(tmp_path: Path, tar: Tar, zstd: Zstd, packing: str) -> None:
    data = tar({"b/2.json": b"two", "a/1.json": b"one"})
    path = tmp_path / f"x.{packing}"
    path.write_bytes({"tar": bytes, "tar.zst": zstd}.get(packing, gzip.compress)(data))
    assert list(_read(path).items()) == [(f"{path.name}!a/1.json", b"one"), (f"{path.name}!b/2.json", b"two")]


def test_an_archive_is_known_by_its_content_not_by_its_name(tmp_path: Path, tar: Tar, zstd: Zstd) -> None:
    path = tmp_path / "download"
    path.write_bytes(zstd(tar({"a": b"1"})))
    assert _read(path) == {"download!a": b"1"}


def test_a_packed_single_file_is_unpacked(tmp_path: Path, zstd: Zstd) -> None:
    (tmp_path / "x.json.gz").write_bytes(gzip.compress(b"{}"))
    (tmp_path / "y.json.zst").write_bytes(zstd(b"[]"))
    assert _read(tmp_path / "x.json.gz") == {"x.json": b"{}"} and _read(tmp_path / "y.json.zst") == {"y.json": b"[]"}


def test_a_folder_is_walked_with_its_archives_and_only_for_what_is_wanted(tmp_path: Path, tar: Tar) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "b.json").write_bytes(b"b")
    (tmp_path / "a.tar").write_bytes(tar({"in.json": b"i", "in.txt": b"t"}))
    (tmp_path / "c.txt").write_bytes(b"c")
    (tmp_path / "d.json.gz").write_bytes(gzip.compress(b"d"))
    files = source_files(tmp_path, lambda path: path.endswith((".json", ".tar", ".gz")))
    assert {file.name: file.read() for file in files} == {"a.tar!in.json": b"i", "d.json": b"d", "sub/b.json": b"b"}


def test_a_hostile_archive_reaches_nothing_outside_of_itself(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w") as archive:
        for name, kind, target in (
            ("../../escape", tarfile.REGTYPE, ""),
            ("link", tarfile.SYMTYPE, str(tmp_path / "secret")),
            ("hard", tarfile.LNKTYPE, "../secret"),
            ("device", tarfile.CHRTYPE, ""),
        ):
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, target
            archive.addfile(member, io.BytesIO(b""))
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "x.tar").write_bytes(sink.getvalue())
    assert _read(folder / "x.tar") == {"x.tar!../../escape": b""}
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["in", "secret", "x.tar"]


def test_a_bomb_is_refused_before_it_goes_off(tmp_path: Path, tar: Tar, zstd: Zstd) -> None:
    bombs = {
        "member.tar.zst": zstd(tar({"zeros": bytes(10_000_000)})),
        "total.tar.gz": gzip.compress(
            tar({f"skipped{number}": bytes(900) for number in range(3)} | {"z": bytes(500)}) + bytes(200_000)
        ),
        "many.tar": tar({str(number): b"" for number in range(6)}),
        "plain.json.zst": zstd(bytes(10_000_000)),
        "plain.json": bytes(1001),
    }
    for name, data in bombs.items():
        path = tmp_path / name
        path.write_bytes(data)
        if name == "total.tar.gz":
            continue
        with pytest.raises(SourceError, match=name):
            _read(path, SMALL)
    with pytest.raises(SourceError, match="unpacks to more than"):
        _read(tmp_path / "total.tar.gz", Limits(file_bytes=1000, total_bytes=2000))


@pytest.mark.parametrize("kind", [tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK, tarfile.XHDTYPE, tarfile.XGLTYPE])
def test_a_header_of_many_bytes_is_refused_before_it_is_read(tmp_path: Path, kind: bytes) -> None:
    head = tarfile.TarInfo("././@LongLink")
    head.type, head.size = kind, 48_000_000
    data = head.tobuf(tarfile.GNU_FORMAT) + b"x" * head.size + tarfile.TarInfo("a").tobuf() + bytes(1024)
    path = tmp_path / "x.tar.gz"
    path.write_bytes(gzip.compress(data, 1))
    del data
    tracemalloc.start()
    try:
        with pytest.raises(SourceError, match=r"x\.tar\.gz: .* header of 48,000,000 bytes"):
            _read(path)
        assert tracemalloc.get_traced_memory()[1] < 8_000_000
    finally:
        tracemalloc.stop()


def test_headers_without_end_are_one_error(tmp_path: Path) -> None:
    head = tarfile.TarInfo("././@LongLink")
    head.type, head.size = tarfile.GNUTYPE_LONGNAME, 1
    path = tmp_path / "x.tar"
    path.write_bytes((head.tobuf(tarfile.GNU_FORMAT) + b"x" + bytes(511)) * 2000)
    with pytest.raises(SourceError, match=r"x\.tar"):
        _read(path)


def test_long_names_are_read(tmp_path: Path, tar: Tar) -> None:
    name = "/".join(["folder"] * 60) + "/ä.json"
    (tmp_path / "x.tar").write_bytes(tar({name: b"1"}))
    assert _read(tmp_path / "x.tar") == {f"x.tar!{name}": b"1"}


@pytest.mark.parametrize(
    "damage",
    [lambda data: data[: len(data) // 2], lambda data: data[:40] + b"\xff" * 40 + data[80:]],
    ids=["cut", "flipped"],
)
@pytest.mark.parametrize("packing", ["gz", "zst"])
def test_a_damaged_archive_is_one_error_that_names_it(
    tmp_path: Path, tar: Tar, zstd: Zstd, packing: str, damage: Callable[[bytes], bytes]
) -> None:
    data = tar({"a": bytes(range(256)) * 300})
    path = tmp_path / f"x.tar.{packing}"
    path.write_bytes(damage({"gz": gzip.compress, "zst": zstd}[packing](data)))
    with pytest.raises(SourceError, match=r"x\.tar"):
        _read(path)


def test_a_damaged_archive_in_a_folder_does_not_cost_the_other_files(tmp_path: Path, tar: Tar) -> None:
    (tmp_path / "a.tar.gz").write_bytes(gzip.compress(tar({"a": b"1" * 5000}))[:60])
    (tmp_path / "b.json").write_bytes(b"b")
    bad, good = source_files(tmp_path, _everything)
    assert (good.name, good.read()) == ("b.json", b"b")
    with pytest.raises(SourceError, match=r"a\.tar\.gz"):
        bad.read()


def test_a_source_that_is_not_there_is_named() -> None:
    with pytest.raises(SourceError, match="/nowhere/at/all: no such file"):
        _read("/nowhere/at/all")


@pytest.fixture
def website() -> Iterator[str]:
    """Serves /data, /big and redirects."""

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = {"/data.json": b"{}", "/big": bytes(60_000)}.get(self.path.split("?")[0], b"")
            to = {"/once": "/data.json", "/loop": "/loop", "/file": "file:///etc/passwd"}.get(self.path)
            self.send_response(302 if to else 200 if body else 404)
            if to:
                self.send_header("Location", to)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    Handler.do_GET = Handler.answer  # type: ignore[attr-defined]
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def test_an_address_is_downloaded_redirects_included(website: str) -> None:
    assert _read(f"{website}/data.json?v=1") == {"data.json": b"{}"} and _read(f"{website}/once") == {"once": b"{}"}


@pytest.mark.parametrize(
    ("path", "reason"),
    [("/loop", "more than 5 redirects"), ("/file", "not followed"), ("/big", "larger than"), ("/none", "HTTP 404")],
)
def test_an_address_that_misbehaves_is_one_error(website: str, path: str, reason: str) -> None:
    with pytest.raises(SourceError, match=reason):
        _read(f"{website}{path}", SMALL)


def test_an_address_nobody_serves_is_one_error() -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        port = server.server_address[1]
    with pytest.raises(SourceError, match="ConnectError"):
        _read(f"http://127.0.0.1:{port}/x")
