"""Ordered feeds and the segments they name."""

from collections.abc import AsyncIterator
from typing import BinaryIO

from patchbay.core.client.asynchronous.calls import Calls
from patchbay.core.client.documents import FeedList
from patchbay.core.client.pages import FeedPage, parse_feed_page
from patchbay.core.client.paths import segment
from patchbay.core.client.rows import ARROW
from patchbay.core.client.uploads import OnProgress


class FeedCalls(Calls):
    """What pipelines read; needs the scope feeds:read."""

    async def feeds(self) -> FeedList:
        """The feeds with their columns."""
        return await self._read(FeedList, "/v1/feeds")

    async def read_feed(self, feed: str, after: int = 0, limit: int = 5000) -> FeedPage:
        """One page after a cursor: an empty table, the same cursor and False at the end."""
        path, params = f"/v1/feeds/{segment(feed)}", {"after": after, "limit": limit}
        return parse_feed_page(await self._transport.send("GET", path, params=params, headers={"Accept": ARROW}))

    async def follow_feed(self, feed: str, after: int = 0, limit: int = 50_000) -> AsyncIterator[FeedPage]:
        """Pages until the feed has no more now; none when nothing is after the cursor."""
        more = True
        while more:
            page = await self.read_feed(feed, after, limit)
            after, more = page.next_after, page.more
            if page.table.num_rows:
                yield page

    async def segment_content(self, segment_id: str) -> bytes:
        """A segment's Parquet bytes."""
        return (await self._transport.send("GET", _content(segment_id), headers={"Accept": "*/*"})).content

    async def download_segment(self, segment_id: str, sink: BinaryIO, progress: OnProgress | None = None) -> None:
        """Write a segment's Parquet bytes into a binary file; `ApiUnreachable` when they break off."""
        await self._transport.download(_content(segment_id), sink, progress)


def _content(segment_id: str) -> str:
    return f"/v1/segments/{segment(segment_id)}/content"
