"""Ordered feeds and the segments they name."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from patchbay.core.client.calls import Calls, segment
from patchbay.core.client.intake import ARROW

if TYPE_CHECKING:
    import pyarrow as pa


class FeedPage(NamedTuple):
    """Rows in seq order, the cursor to go on from, and whether more rows are there already."""

    table: "pa.Table"
    next_after: int
    more: bool


class FeedCalls(Calls):
    """What pipelines read; needs the scope feeds:read."""

    def feeds(self) -> Any:
        """The feeds with their columns."""
        return self.get("/v1/feeds")

    def read_feed(self, feed: str, after: int = 0, limit: int = 5000) -> FeedPage:
        """One page after a cursor: an empty table, the same cursor and False at the end."""
        import pyarrow as pa

        path = f"/v1/feeds/{segment(feed)}"
        answer = self._transport.send("GET", path, params={"after": after, "limit": limit}, headers={"Accept": ARROW})
        with pa.ipc.open_stream(answer.content) as reader:
            table = reader.read_all()
        return FeedPage(table, int(answer.headers["Patchbay-Next-After"]), answer.headers["Patchbay-More"] == "true")

    def follow_feed(self, feed: str, after: int = 0, limit: int = 50_000) -> Iterator[FeedPage]:
        """Pages until the feed has no more now; none when nothing is after the cursor."""
        more = True
        while more:
            page = self.read_feed(feed, after, limit)
            after, more = page.next_after, page.more
            if page.table.num_rows:
                yield page

    def segment_content(self, segment_id: str) -> bytes:
        """A segment's Parquet bytes."""
        return self._transport.send(
            "GET", f"/v1/segments/{segment(segment_id)}/content", headers={"Accept": "*/*"}
        ).content
