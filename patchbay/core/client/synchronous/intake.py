"""Columnar batches: usage events and outside statistics."""

from collections.abc import Iterator
from typing import Any

from patchbay.core.client.documents import IntakeBatch, MinuteCount
from patchbay.core.client.paths import segment
from patchbay.core.client.results import BatchResult, Reject, parse_reject
from patchbay.core.client.rows import NDJSON
from patchbay.core.client.synchronous.calls import Calls
from patchbay.core.client.uploads import OnProgress


class IntakeCalls(Calls):
    """Batches of rows. A batch id names the content: repeat a call with the same id and rows as often as you like.

    Rows are an Arrow table or record batch, a sequence of dicts, bytes of the content type, or a file (`Path`) or open
    binary stream, which is sent as it stands without being loaded; a file's name may tell its form, see `Upload`.
    """

    def post_usage(
        self, batch_id: str, rows: Any, *, content_type: str = NDJSON, progress: OnProgress | None = None
    ) -> BatchResult:
        """Post usage events."""
        return self._post_rows("/v1/usage/batches", batch_id, rows, content_type, progress)

    def post_statistics(
        self, batch_id: str, rows: Any, *, content_type: str = NDJSON, progress: OnProgress | None = None
    ) -> BatchResult:
        """Post counts of an outside registry."""
        return self._post_rows("/v1/statistics/batches", batch_id, rows, content_type, progress)

    def intake_batches(self, **filters: Any) -> Iterator[IntakeBatch]:
        """Batches taken so far."""
        return self._list(IntakeBatch, "/v1/intake/batches", **filters)

    def intake_batch(self, batch_id: str, stream: str | None = None) -> IntakeBatch:
        """One batch; the stream tells apart batches of the same id."""
        return self._read(IntakeBatch, f"/v1/intake/batches/{segment(batch_id)}", stream=stream)

    def rejects(self, batch_id: str, **filters: Any) -> Iterator[Reject]:
        """Every refused row of a batch."""
        for item in self.pages(f"/v1/intake/batches/{segment(batch_id)}/rejects", **({"limit": 500} | filters)):
            yield parse_reject(item)

    def counters(self, since: str | None = None, until: str | None = None, **filters: Any) -> Iterator[MinuteCount]:
        """Minute counters of usage from `since` until before `until`."""
        spanned = {"minute__gte": since, "minute__lt": until}
        return self._list(MinuteCount, "/v1/usage/counters", **(spanned | filters))


# Made by `make client` from patchbay/core/client/asynchronous/intake.py; edit that.
