"""The file form of a chain: NDJSON of one header, then the checkpoints, then every record with its hash.

A record's bytes stand in its line exactly as they were hashed, at a fixed place, so that no line need be parsed.
"""

import json
from binascii import unhexlify
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from typing import BinaryIO
from uuid import UUID

FORMAT = "patchbay-audit-1"
_HASH, _RECORD = b'{"hash":"', b'","record":'
_HEX = slice(len(_HASH), len(_HASH) + 64)
_BYTES = slice(_HEX.stop + len(_RECORD), -2)
AT_ONCE = 10_000


class BadExport(ValueError):
    """A file that is not an exported chain; the text says where it is not."""


@dataclass(frozen=True, slots=True)
class Header:
    """What an exported chain says of itself."""

    tenant: str
    records: int
    head: str
    checkpoints: int
    anchored: int = 0
    """Records that the registry remembers its checkpoints to cover."""

    def line(self) -> bytes:
        """The first line."""
        return json.dumps({"format": FORMAT, **asdict(self)}, separators=(",", ":")).encode() + b"\n"


def record_line(digest: bytes, canonical: bytes) -> bytes:
    """The line of a record."""
    return b"".join((_HASH, digest.hex().encode(), _RECORD, canonical, b"}\n"))


def checkpoint_line(note: str) -> bytes:
    """The line of a checkpoint."""
    return json.dumps({"checkpoint": note}).encode() + b"\n"


class ExportedChain:
    """An exported chain as it is read, once, from its beginning; raises `BadExport` where the file is none."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.header = _header(file.readline())
        self.notes = [_note(file.readline()) for _ in range(self.header.checkpoints)]

    def records(self) -> Iterator[list[tuple[bytes, bytes]]]:
        """The records (bytes, hash) in stretches; raises `BadExport` for a line that is none."""
        while lines := list(islice(self.file, AT_ONCE)):
            yield _pairs(lines)


def _pairs(lines: list[bytes]) -> list[tuple[bytes, bytes]]:
    for line in lines:
        if line[: _HEX.start] != _HASH or line[_HEX.stop : _BYTES.start] != _RECORD or line[-2:] != b"}\n":
            raise BadExport(f"this line is no record: {line[:80]!r}")
    try:
        return [(line[_BYTES], unhexlify(line[_HEX])) for line in lines]
    except ValueError as error:
        raise BadExport("a line has a hash that is none") from error


def _header(line: bytes) -> Header:
    try:
        said = json.loads(line)
        if said["format"] != FORMAT:
            raise BadExport(f"the file has the format {said['format']}; this reads {FORMAT}")
        figures = (int(said["checkpoints"]), int(said.get("anchored", 0)))
        return Header(str(UUID(said["tenant"])), int(said["records"]), str(said["head"]), *figures)
    except BadExport:
        raise
    except (ValueError, KeyError, TypeError) as error:
        raise BadExport("the file does not begin as an exported audit chain does") from error


def _note(line: bytes) -> str:
    try:
        return str(json.loads(line)["checkpoint"])
    except (ValueError, KeyError, TypeError) as error:
        raise BadExport(f"this line is no checkpoint: {line[:80]!r}") from error
