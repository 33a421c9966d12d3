"""What the warehouse reads from: an ordered feed with a head, and the storage port's files."""

from typing import Protocol

import pyarrow as pa


class FeedSource(Protocol):
    """The registry's feeds. Rows come in `seq` order and none at or below the head ever appears later."""

    def head_seq(self) -> int:
        """The highest sequence number committed now; 0 for an empty registry."""

    def read_feed(self, feed: str, after: int, limit: int) -> tuple[pa.Table, int, bool]:
        """Rows with `seq` > after, the `after` to go on from, and whether there are more."""


class RegistryWentBack(RuntimeError):
    """The registry stands before what was taken in: it was restored from a backup, or made anew."""

    def __init__(self, head: int, taken: int) -> None:
        super().__init__(
            f"the registry's head is {head}, yet the warehouse has taken in {taken}: it was restored or made anew, and the warehouse "
            "holds rows that it does not. Stop Patchbay, remove <home>/warehouse/warehouse.duckdb and build again "
            "(docs/how-to/rebuild-the-warehouse.md)"
        )


class SegmentMissing(RuntimeError):
    """A file that counts is not in the lake: without it the warehouse would be wrong, so nothing is taken in."""

    def __init__(self, path: str) -> None:
        super().__init__(f"the lake has no {path}, yet the feed says that it counts; restore the lake before ingesting")


class SegmentDamaged(RuntimeError):
    """A file of the lake is not the one that was registered."""

    def __init__(self, path: str, expected: str, found: str) -> None:
        super().__init__(f"{path} is damaged: registered as {expected}, found {found}; restore it before ingesting")
