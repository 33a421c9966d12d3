"""Small pictures for materialisation metadata: a bar chart as an inline PNG, drawn without a plotting library."""

import base64
import struct
import zlib
from collections.abc import Sequence
from datetime import date

import numpy as np

WIDTH, HEIGHT = 720, 120
_INK = (37, 99, 235)
_PAPER = (255, 255, 255)


def bars_markdown(rows: Sequence[tuple[date, int]], what: str) -> str:
    """Rows by date as a picture with its numbers in words; a sentence when there are none."""
    if not rows:
        return f"No {what}."
    first, last = rows[0][0], rows[-1][0]
    most = max(rows, key=lambda row: row[1])
    picture = base64.b64encode(bars_png([count for _, count in rows])).decode()
    words = f"{what} by date, {first} to {last}; most on {most[0]}: {most[1]:,}; last: {rows[-1][1]:,}"
    return f"![{words}](data:image/png;base64,{picture})\n\n{words}"


def bars_png(values: Sequence[int]) -> bytes:
    """A PNG of one bar per value, the tallest as high as the picture; of more values than pixels the largest of each group."""
    groups = np.array_split(np.asarray(values, dtype="float64"), min(len(values), WIDTH))
    heights = np.array([group.max() for group in groups])
    scaled = np.round(heights / max(heights.max(), 1) * (HEIGHT - 1)).astype(int)
    columns = scaled[np.arange(WIDTH) * len(scaled) // WIDTH]
    inked = np.arange(HEIGHT)[:, None] >= HEIGHT - columns[None, :]
    pixels = np.where(inked[:, :, None], np.array(_INK), np.array(_PAPER)).astype("uint8")
    return _png(pixels)


def _png(pixels: np.ndarray) -> bytes:
    height, width, _ = pixels.shape
    lines = b"".join(b"\0" + row.tobytes() for row in pixels)
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(lines, 9)) + _chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
