"""Columnar batches: usage events and outside statistics."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import orjson
import zstandard

from patchbay.core.client.calls import Calls, segment
from patchbay.core.client.results import BatchResult, Reject, parse_reject

if TYPE_CHECKING:
    import pyarrow as pa

NDJSON = "application/x-ndjson"
ARROW = "application/vnd.apache.arrow.stream"
_WORTH_PACKING = 1024


class IntakeCalls(Calls):
    """Batches of rows. A batch id names the content: repeat a call with the same id and rows as often as you like."""

    def post_usage(self, batch_id: str, rows: Any, *, content_type: str = NDJSON) -> BatchResult:
        """Post usage events: an Arrow table or record batch, a sequence of dicts, or bytes of the content type."""
        return self._post_rows("/v1/usage/batches", batch_id, rows, content_type)

    def post_statistics(self, batch_id: str, rows: Any, *, content_type: str = NDJSON) -> BatchResult:
        """Post counts of an outside registry, in the same forms as `post_usage`."""
        return self._post_rows("/v1/statistics/batches", batch_id, rows, content_type)

    def intake_batches(self, **filters: Any) -> Iterator[dict[str, Any]]:
        """Batches taken so far."""
        return self.pages("/v1/intake/batches", **({"limit": 500} | filters))

    def rejects(self, batch_id: str) -> Iterator[Reject]:
        """Every refused row of a batch."""
        return map(parse_reject, self.pages(f"/v1/intake/batches/{segment(batch_id)}/rejects", limit=500))

    def counters(self, **filters: Any) -> Iterator[dict[str, Any]]:
        """Minute counters of usage; filters are plugin, since and until."""
        return self.pages("/v1/usage/counters", **({"limit": 500} | filters))

    def _post_rows(self, path: str, batch_id: str, rows: Any, content_type: str) -> BatchResult:
        body, content_type = encoded(rows, content_type)
        body, headers = packed(body, {"Idempotency-Key": batch_id, "Content-Type": content_type})
        return BatchResult.parse(self._transport.json("POST", path, body=body, headers=headers))


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
