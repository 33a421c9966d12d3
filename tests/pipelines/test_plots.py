"""The small pictures are real PNGs that show what they say."""

import struct
import zlib
from datetime import date

import numpy as np

from pipelines.plots import HEIGHT, WIDTH, bars_markdown, bars_png


def pixels(png: bytes) -> np.ndarray:
    """Decode our own plain PNGs: whether each pixel is inked."""
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", png[16:24])
    begin = png.index(b"IDAT") + 4
    length = struct.unpack(">I", png[begin - 8 : begin - 4])[0]
    raw = np.frombuffer(zlib.decompress(png[begin : begin + length]), dtype="uint8").reshape(height, 1 + width * 3)
    return raw[:, 1::3] < 255


def test_bars_are_as_high_as_their_values() -> None:
    inked = pixels(bars_png([0, 50, 100]))
    assert inked.shape == (HEIGHT, WIDTH)
    heights = inked.sum(axis=0)
    assert heights[10] == 0
    assert abs(heights[WIDTH // 2] - HEIGHT / 2) <= 1
    assert heights[-10] == HEIGHT - 1


def test_more_values_than_pixels_fit() -> None:
    assert pixels(bars_png(range(5_000))).shape == (HEIGHT, WIDTH)


def test_the_picture_comes_with_its_numbers_in_words() -> None:
    text = bars_markdown([(date(2026, 3, 1), 5), (date(2026, 3, 2), 1200)], "rows")
    assert "2026-03-01 to 2026-03-02; most on 2026-03-02: 1,200; last: 1,200" in text
    assert bars_markdown([], "rows") == "No rows."
