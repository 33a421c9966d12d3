"""What the feed list answers."""

from registry_api.schemas import Output


class ColumnView(Output):
    """One column of a feed."""

    name: str
    type: str
    nullable: bool
    description: str


class FeedView(Output):
    """One feed: what a row is, and its columns."""

    name: str
    grain: str
    columns: list[ColumnView]


class FeedList(Output):
    """Every feed, and the newest sequence number over all of them."""

    items: list[FeedView]
    head_seq: int
