"""One page of a feed."""

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import httpx
    import pyarrow as pa


class FeedPage(NamedTuple):
    """Rows in seq order, the cursor to go on from, and whether more rows are there already."""

    table: "pa.Table"
    next_after: int
    more: bool


def parse_feed_page(answer: "httpx.Response") -> FeedPage:
    """The page that an Arrow answer holds."""
    import pyarrow as pa

    with pa.ipc.open_stream(answer.content) as reader:
        table = reader.read_all()
    return FeedPage(table, int(answer.headers["Patchbay-Next-After"]), answer.headers["Patchbay-More"] == "true")
