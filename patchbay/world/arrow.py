"""Arrow arrays straight from NumPy buffers: `pa.array` and `pyarrow.compute` import pandas, a second per process."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from patchbay.world.events import Array
from patchbay.world.times import Flags


def fixed(values: Array, kind: pa.DataType, stated: Flags | None = None) -> pa.Array:
    """Values of a fixed width as an array of `kind`, whose layout they must have already; null where not stated."""
    bitmap = None if stated is None else pa.py_buffer(np.packbits(stated, bitorder="little"))
    return pa.Array.from_buffers(kind, len(values), [bitmap, pa.py_buffer(np.ascontiguousarray(values))])


def strings(words: Sequence[str]) -> pa.StringArray:
    """Words as a string array without nulls."""
    encoded = [word.encode() for word in words]
    offsets = np.cumsum([0, *map(len, encoded)], dtype=np.int32)
    return pa.StringArray.from_buffers(len(encoded), pa.py_buffer(offsets), pa.py_buffer(b"".join(encoded)))


def named(index: Array, names: pa.StringArray) -> pa.StringArray:
    """The name at each index; null where it is negative."""
    kind = pa.from_numpy_dtype(index.dtype)
    return pa.DictionaryArray.from_arrays(fixed(index, kind, index >= 0), names, safe=False).dictionary_decode()


def numbered(prefix: str, numbers: Array, digits: int) -> pa.StringArray:
    """Prefix and number, padded with zeros to so many digits; null where the number is negative."""
    head = np.frombuffer(prefix.encode(), dtype=np.uint8)
    width, stated = len(head) + digits, numbers >= 0
    text = np.empty((len(numbers), width), dtype=np.uint8)
    text[:, : len(head)] = head
    rest = np.where(stated, numbers, 0)
    for place in range(width - 1, len(head) - 1, -1):
        rest, digit = np.divmod(rest, 10)
        text[:, place] = digit + ord("0")
    offsets = np.arange(len(numbers) + 1, dtype=np.int32) * width
    bitmap = pa.py_buffer(np.packbits(stated, bitorder="little"))
    return pa.StringArray.from_buffers(len(numbers), pa.py_buffer(offsets), pa.py_buffer(text), bitmap)
