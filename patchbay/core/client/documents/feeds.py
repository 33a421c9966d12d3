"""Documents of feeds. Made by `make client` from the API document."""

from __future__ import annotations

from typing import TypedDict


class Column(TypedDict):
    """One column of a feed."""

    name: str
    type: str
    nullable: bool
    description: str


class Feed(TypedDict):
    """One feed: what a row is, and its columns."""

    name: str
    grain: str
    columns: list[Column]


class FeedList(TypedDict):
    """Every feed, and the newest sequence number over all of them."""

    items: list[Feed]
    head_seq: int
