"""An archive of rows and files: NDJSON for each table, the files as they are, and a manifest with counts and digests."""

import base64
import hashlib
import io
import tarfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import zstandard

from patchbay.core.storage import Storage
from registry_api.db.encoding import stored_json

LEVEL = 6
MANIFEST = "manifest.json"


@dataclass(slots=True)
class Archive:
    """Collects in a folder, then packs it; everything here works on files, so it belongs into a thread."""

    folder: Path
    tables: dict[str, dict[str, Any]] = field(default_factory=dict)
    files: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """Rows of all tables so far."""
        return sum(facts["rows"] for facts in self.tables.values())

    def begin(self, table: str, left_out: Iterable[str]) -> None:
        """Begin a table's file; `left_out` are its columns that are not in it."""
        self.tables[str(table)] = {"rows": 0, "left_out": sorted(left_out)}
        (self.folder / f"{table}.ndjson").write_bytes(b"")

    def add(self, table: str, rows: Iterable[Mapping[str, Any]]) -> None:
        """Append rows to the table that was begun."""
        lines = [stored_json({name: _plain(value) for name, value in row.items()}) for row in rows]
        with (self.folder / f"{table}.ndjson").open("ab") as file:
            file.writelines(line + b"\n" for line in lines)
        self.tables[table]["rows"] += len(lines)

    def pack(self, facts: Mapping[str, Any], storage: Storage, keys: Iterable[str], into: Path) -> None:
        """Write the archive: tables, the storage's objects under those keys, and the manifest last."""
        compressor = zstandard.ZstdCompressor(level=LEVEL)
        with (
            into.open("wb") as raw,
            compressor.stream_writer(raw) as packed,
            tarfile.open(fileobj=packed, mode="w|") as tar,
        ):
            for name, table in self.tables.items():
                path = self.folder / f"{name}.ndjson"
                table["sha256"] = digest_of(path)
                tar.add(path, f"tables/{name}.ndjson", filter=_plain_file)
            for key in keys:
                content = storage.read_bytes(key)
                self.files[key] = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
                _add(tar, f"files/{key}", content)
            manifest = {**facts, "tables": self.tables, "files": self.files}
            _add(tar, MANIFEST, orjson.dumps(manifest, option=orjson.OPT_INDENT_2))


def digest_of(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _plain(value: Any) -> Any:
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value


def _plain_file(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    """Without the names of this machine's users."""
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    entry.mode = 0o644
    return entry


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    tar.addfile(_plain_file(entry), io.BytesIO(content))
