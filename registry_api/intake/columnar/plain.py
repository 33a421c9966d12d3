"""Whether an Arrow stream is plain: its own compression is refused, as it says only while unpacking how much it unpacks to.

PyArrow does not tell, so the one field that does is looked up in each message's FlatBuffer; PyArrow has verified that one before.
"""

import struct

import pyarrow as pa

_DICTIONARY, _BATCH = 2, 3
_KIND, _HEADER, _DATA, _COMPRESSION = 1, 2, 1, 3
"""Slots of the tables Message, DictionaryBatch and RecordBatch, in the order of Message.fbs."""


def require_plain(data: bytes) -> None:
    """Raises ValueError when a message's buffers are compressed, ArrowInvalid when the stream cannot be read."""
    for message in pa.ipc.MessageReader.open_stream(pa.py_buffer(data)):
        if _compressed(message.metadata.to_pybytes()):
            raise ValueError(
                "its buffers are compressed; send them plain and pack the body with Content-Encoding: zstd"
            )


def _compressed(message: bytes) -> bool:
    root = struct.unpack_from("<I", message)[0]
    kind, header = _field(message, root, _KIND), _field(message, root, _HEADER)
    if kind is None or header is None or message[kind] not in (_DICTIONARY, _BATCH):
        return False
    batch = _pointed(message, header)
    if message[kind] == _DICTIONARY:
        held = _field(message, batch, _DATA)
        return held is not None and _field(message, _pointed(message, held), _COMPRESSION) is not None
    return _field(message, batch, _COMPRESSION) is not None


def _field(message: bytes, table: int, slot: int) -> int | None:
    """Where a table's field lies; None when it has none."""
    index = table - struct.unpack_from("<i", message, table)[0]
    place = 4 + 2 * slot
    if place >= struct.unpack_from("<H", message, index)[0]:
        return None
    offset = struct.unpack_from("<H", message, index + place)[0]
    return table + offset if offset else None


def _pointed(message: bytes, field: int) -> int:
    return int(field + struct.unpack_from("<I", message, field)[0])
