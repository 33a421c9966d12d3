"""Bodies that are sent from disk, piece by piece, with their progress told."""

import io
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from patchbay.core.client.rows import ARROW, NDJSON, encoded, packed

OnProgress = Callable[[int, int | None], None]
"""Told the bytes done so far, and of how many; None where nobody knows. Starts anew when a request is sent again."""
PIECE = 64 * 1024
_FORMS = {".ndjson": NDJSON, ".jsonl": NDJSON, ".arrow": ARROW, ".arrows": ARROW}
_PACKINGS = {".gz": "gzip", ".zst": "zstd"}


class Upload:
    """A file or an open binary stream, from where it stands, as the body of a request.

    What cannot be read twice, such as a pipe, is sent once. `headers` say the length where it is known; of a file they
    also say what its name tells: `.ndjson`, `.jsonl` and `.arrow`, each maybe with `.gz` or `.zst` behind.
    """

    def __init__(self, source: Path | BinaryIO, progress: OnProgress | None = None) -> None:
        self._path = source if isinstance(source, Path) else None
        self._stream = None if isinstance(source, Path) else source
        self._progress = progress
        self.repeatable = self._stream is None or self._stream.seekable()
        self._start = self._stream.tell() if self._stream and self.repeatable else 0
        self.size = self._sized()

    @property
    def headers(self) -> dict[str, str]:
        """Content-Length, Content-Type and Content-Encoding, as far as known."""
        told = {} if self.size is None else {"Content-Length": str(self.size)}
        suffixes = self._path.suffixes[-2:] if self._path else []
        if suffixes and suffixes[-1] in _PACKINGS:
            told["Content-Encoding"] = _PACKINGS[suffixes.pop()]
        return told | ({"Content-Type": _FORMS[suffixes[-1]]} if suffixes and suffixes[-1] in _FORMS else {})

    def pieces(self) -> Iterator[bytes]:
        """The bytes from the start, each piece told once the next one is asked for."""
        if self._stream is not None:
            if self.repeatable:
                self._stream.seek(self._start)
            yield from self._read(self._stream)
        elif self._path is not None:
            with self._path.open("rb") as source:
                yield from self._read(source)

    def _read(self, source: BinaryIO) -> Iterator[bytes]:
        done = 0
        while piece := source.read(PIECE):
            yield piece
            done += len(piece)
            if self._progress:
                self._progress(done, self.size)

    def _sized(self) -> int | None:
        if self._path is not None:
            return self._path.stat().st_size
        if self._stream is None or not self.repeatable:
            return None
        end = self._stream.seek(0, os.SEEK_END)
        self._stream.seek(self._start)
        return end - self._start


def batch(rows: Any, content_type: str, progress: OnProgress | None) -> tuple[bytes | Upload, dict[str, str]]:
    """Rows as a body with its headers: files and streams as they are, from disk; all else encoded, and packed."""
    if isinstance(rows, Path) or hasattr(rows, "read"):
        upload = Upload(rows, progress)
        return upload, {"Content-Type": content_type} | upload.headers
    body, form = encoded(rows, content_type)
    body, headers = packed(body, {"Content-Type": form})
    if progress is None:
        return body, headers
    upload = Upload(io.BytesIO(body), progress)
    return upload, headers | upload.headers
