"""Files out of a path, a folder, an archive or a URL. All of it is hostile: bounded, and never unpacked to disk."""

import gzip
import io
import os
import tarfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, BinaryIO, Self, cast
from urllib.parse import urlsplit

import zstandard

from patchbay.importers.download import download

_ZSTD, _GZIP = b"\x28\xb5\x2f\xfd", b"\x1f\x8b"
_WINDOW = 1 << 27
_ZSTD_PIECE = 1 << 10
"""Packed bytes unpacked at a time: at zstd's best ratio, about 1 to 32,000, that is at most 32 MiB."""
_PIECE = 1 << 16
_LONGEST_HEADER = 1 << 16
"""Bytes of a tar's own header members, such as a long name; tarfile reads them whole before it shows the member."""
_HEADERS = frozenset(
    [tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK, tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE]
)
_ARCHIVES = (".tar", ".tgz", ".tar.gz", ".tar.zst")
_PACKED = (".tar", ".tgz", ".gz", ".zst")

Wanted = Callable[[str], bool]


class SourceError(Exception):
    """The source, or one file of it, cannot be read; the message is one line that names it."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a source may hold, in bytes after unpacking unless said otherwise."""

    download_bytes: int = 512 * 1024 * 1024
    file_bytes: int = 64 * 1024 * 1024
    total_bytes: int = 4 * 1024 * 1024 * 1024
    files: int = 200_000


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file: its path inside the source (`archive!member`), and how to read it whole; may raise `SourceError`."""

    name: str
    read: Callable[[], bytes]


def source_files(source: str | Path, wanted: Wanted, limits: Limits | None = None) -> Iterator[SourceFile]:
    """The wanted files of a source, ordered by name inside each folder or archive.

    `wanted` is asked with each path, archives included; a source that is one plain file is given whatever its name.
    Raises `SourceError` when the source is missing, damaged or larger than the limits.
    """
    bounds = limits or Limits()
    address = urlsplit(str(source))
    if address.scheme in {"http", "https"}:
        data = download(str(source), bounds.download_bytes, SourceError)
        yield from _opened(PurePosixPath(address.path).name or "index", io.BytesIO(data), wanted, bounds)
        return
    path = Path(source)
    if path.is_dir():
        yield from _folder(path, wanted, bounds)
    elif path.is_file():
        with path.open("rb") as file:
            yield from _opened(path.name, file, wanted, bounds)
    else:
        raise SourceError(f"{source}: no such file or folder")


def is_archive(name: str) -> bool:
    """Whether a name is that of a tar archive."""
    return name.endswith(_ARCHIVES)


def _folder(folder: Path, wanted: Wanted, limits: Limits) -> Iterator[SourceFile]:
    for parent, folders, names in os.walk(folder):
        folders.sort()
        for path in (Path(parent, name) for name in sorted(names)):
            relative = path.relative_to(folder).as_posix()
            if wanted(relative) and path.name.endswith(_PACKED):
                yield from _packed_in_folder(path, relative, wanted, limits)
            elif wanted(relative):
                yield SourceFile(relative, partial(_read_plain, path, relative, limits))


def _packed_in_folder(path: Path, name: str, wanted: Wanted, limits: Limits) -> Iterator[SourceFile]:
    """What is in it; a damaged archive is one file that cannot be read, and no reason to give up the folder."""
    try:
        with path.open("rb") as file:
            yield from _opened(name, file, wanted, limits)
    except SourceError as error:
        yield SourceFile(name, partial(_raise, error))


def _raise(error: SourceError) -> bytes:
    raise error


def _read_plain(path: Path, name: str, limits: Limits) -> bytes:
    with path.open("rb") as file, _naming(name):
        return _bounded_read(name, file, limits)


def _bounded_read(name: str, file: BinaryIO, limits: Limits) -> bytes:
    data = bytearray()
    while piece := file.read(_PIECE):
        data += piece
        if len(data) > limits.file_bytes:
            raise SourceError(f"{name}: is larger than {limits.file_bytes:,} bytes")
    return bytes(data)


def _opened(name: str, file: BinaryIO, wanted: Wanted, limits: Limits) -> Iterator[SourceFile]:
    """One file as what its content says it is: the wanted members of an archive, or itself."""
    with _naming(name):
        stream = io.BufferedReader(_Bounded(name, _unpacked(name, file), limits.total_bytes), _PIECE)
        if stream.peek(512)[257:262] == b"ustar":
            yield from _members(name, stream, wanted, limits)
        else:
            data = _bounded_read(name, stream, limits)
            yield SourceFile(name.removesuffix(".zst").removesuffix(".gz"), lambda: data)


def _members(name: str, stream: BinaryIO, wanted: Wanted, limits: Limits) -> Iterator[SourceFile]:
    """Wanted regular files of a tar stream, by name; until then they wait packed in memory, as a tar has no order."""
    held: dict[str, bytes] = {}
    packer = zstandard.ZstdCompressor(level=1)
    with tarfile.open(fileobj=cast("IO[bytes]", stream), mode="r|", tarinfo=_Member) as archive:
        for count, member in enumerate(archive):
            if count >= limits.files:
                raise SourceError(f"{name}: holds more than {limits.files:,} files")
            content = archive.extractfile(member) if member.isfile() and wanted(member.name) else None
            if content is not None:
                held[member.name] = packer.compress(
                    _bounded_read(f"{name}!{member.name}", cast("BinaryIO", content), limits)
                )
    for member_name, packed in sorted(held.items()):
        yield SourceFile(f"{name}!{member_name}", partial(zstandard.decompress, packed))


class _Member(tarfile.TarInfo):
    """A member whose headers are bounded too: tarfile asks for each header block before it reads what follows it."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        """A header block. Raises `ReadError` for a sparse member, and for a header that is too long."""
        made = super().frombuf(buf, encoding, errors)
        if made.type == tarfile.GNUTYPE_SPARSE:
            raise tarfile.ReadError("holds a sparse file")
        if made.type in _HEADERS and made.size > _LONGEST_HEADER:
            raise tarfile.ReadError(f"holds a header of {made.size:,} bytes")
        return made


def _unpacked(name: str, file: BinaryIO) -> BinaryIO:
    """The stream without its compression, told by its first bytes."""
    magic = file.read(4)
    file.seek(0)
    if magic == _ZSTD:
        return cast("BinaryIO", _ZstdFile(file))
    if magic[:2] == _GZIP:
        return cast("BinaryIO", gzip.GzipFile(filename=name, fileobj=file))
    return file


class _ZstdFile:
    """Frames one after the other. zstandard's own reader takes a file that breaks off for whole; not this one."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._unpacker = zstandard.ZstdDecompressor(max_window_size=_WINDOW)
        self._frame = self._unpacker.decompressobj()
        self._packed, self._ready = b"", io.BytesIO()
        self._is_inside = False

    def read(self, size: int) -> bytes:
        """Up to `size` bytes, none at the end; EOFError when a frame breaks off."""
        while not (given := self._ready.read(size)):
            self._packed = self._packed or self._file.read(_ZSTD_PIECE)
            if not self._packed:
                if self._is_inside:
                    raise EOFError("it breaks off in the middle")
                return b""
            self._unpack()
        return given

    def _unpack(self) -> None:
        self._is_inside = True
        self._ready = io.BytesIO(self._frame.decompress(self._packed))
        self._packed = b""
        if self._frame.eof:
            self._packed, self._is_inside = self._frame.unused_data, False
            self._frame = self._unpacker.decompressobj()


class _Bounded(io.RawIOBase):
    """A raw stream that refuses to give more than a number of bytes, however well they were packed."""

    def __init__(self, name: str, inner: BinaryIO, most: int) -> None:
        self._name, self._inner, self._most, self._given = name, inner, most, 0

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: "memoryview[int]") -> int:  # type: ignore[override]
        """Fill the buffer; less only at the end of the stream."""
        filled = 0
        while filled < len(buffer) and (piece := self._inner.read(len(buffer) - filled)):
            buffer[filled : filled + len(piece)] = piece
            filled += len(piece)
        self._given += filled
        if self._given > self._most:
            raise SourceError(f"{self._name}: unpacks to more than {self._most:,} bytes")
        return filled


@contextmanager
def _naming(name: str) -> Iterator[None]:
    try:
        yield
    except (tarfile.TarError, zstandard.ZstdError, zlib.error, EOFError, OSError, RecursionError) as error:
        raise SourceError(f"{name}: cannot be read: {' '.join(str(error).split())}") from error
