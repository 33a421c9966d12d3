"""Rows as the bytes of a batch."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import orjson
import zstandard

if TYPE_CHECKING:
    import pyarrow as pa

NDJSON = "application/x-ndjson"
ARROW = "application/vnd.apache.arrow.stream"
_WORTH_PACKING = 1024


def packed(body: bytes, headers: dict[str, str]) -> tuple[bytes, dict[str, str]]:
    """Body and headers, packed where that is worth it."""
    if len(body) < _WORTH_PACKING:
        return body, headers
    return zstandard.compress(body, 3), headers | {"Content-Encoding": "zstd"}


def encoded(rows: Any, content_type: str) -> tuple[bytes, str]:
    """Rows as bytes and their content type: bytes as they are, dicts as NDJSON, a table as an Arrow stream."""
    if isinstance(rows, bytes):
        return rows, content_type
    if isinstance(rows, Sequence):
        return b"".join(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) for row in rows), NDJSON
    return arrow_stream(rows), ARROW


def arrow_stream(rows: "pa.Table | pa.RecordBatch") -> bytes:
    """A table as the bytes of an Arrow IPC stream, to post with the content type ARROW."""
    import pyarrow as pa

    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, rows.schema) as writer:
        writer.write(rows)
    return bytes(sink.getvalue())
