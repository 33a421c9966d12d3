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
from typing import IO, BinaryIO, cast
from urllib.parse import urlsplit

import zstandard

from patchbay.importers.download import download

_ZSTD, _GZIP = b"\x28\xb5\x2f\xfd", b"\x1f\x8b"
_WINDOW = 1 << 27
_ARCHIVES = (".tar", ".tgz", ".tar.gz", ".tar.zst")

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
            if wanted(relative) and is_archive(path.name):
                yield from _archive_in_folder(path, relative, wanted, limits)
            elif wanted(relative):
                yield SourceFile(relative, partial(_read_plain, path, relative, limits))


def _archive_in_folder(path: Path, name: str, wanted: Wanted, limits: Limits) -> Iterator[SourceFile]:
    """Its members; a damaged archive is one file that cannot be read, and no reason to give up the folder."""
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
    data = file.read(limits.file_bytes + 1)
    if len(data) > limits.file_bytes:
        raise SourceError(f"{name}: is larger than {limits.file_bytes:,} bytes")
    return data


def _opened(name: str, file: BinaryIO, wanted: Wanted, limits: Limits) -> Iterator[SourceFile]:
    """One file as what its content says it is: the wanted members of an archive, or itself."""
    with _naming(name):
        stream = io.BufferedReader(_Bounded(name, _unpacked(name, file), limits.total_bytes), 1 << 16)
        if stream.peek(512)[257:262] == b"ustar":
            yield from _members(name, stream, wanted, limits)
        else:
            data = _bounded_read(name, stream, limits)
            yield SourceFile(name.removesuffix(".zst").removesuffix(".gz"), lambda: data)


def _members(name: str, stream: BinaryIO, wanted: Wanted, limits: Limits) -> Iterator[SourceFile]:
    """Wanted regular files of a tar stream, by name; until then they wait packed in memory, as a tar has no order."""
    held: dict[str, bytes] = {}
    packer = zstandard.ZstdCompressor(level=1)
    with tarfile.open(fileobj=cast("IO[bytes]", stream), mode="r|") as archive:
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


def _unpacked(name: str, file: BinaryIO) -> BinaryIO:
    """The stream without its compression, told by its first bytes."""
    magic = file.read(4)
    file.seek(0)
    if magic == _ZSTD:
        unpacker = zstandard.ZstdDecompressor(max_window_size=_WINDOW)
        return cast("BinaryIO", unpacker.stream_reader(file, read_across_frames=True))
    if magic[:2] == _GZIP:
        return cast("BinaryIO", gzip.GzipFile(filename=name, fileobj=file))
    return file


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
    except (tarfile.TarError, zstandard.ZstdError, zlib.error, EOFError, OSError) as error:
        raise SourceError(f"{name}: cannot be read: {' '.join(str(error).split())}") from error
