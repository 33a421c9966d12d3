"""Which segments count now: the segments feed, folded."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any


@dataclass(frozen=True, slots=True)
class Segment:
    """One file of the lake; `origin_seq` is the feed position of the oldest segment it descends from."""

    segment_id: str
    stream: str
    path: str
    rows: int
    digest: str
    origin_seq: int


def live_segments(feed_rows: Iterable[dict[str, Any]]) -> dict[str, Segment]:
    """Fold all rows of the segments feed, in order, into the segments that count.

    A row brings its segment in, unless it says `replaced` or `erased` of a segment already known: that one goes. Whatever a
    row's segment replaces goes too. A successor keeps its ancestors' position, so that compaction cannot change which of two
    events with one id came first.
    """
    known: dict[str, Segment] = {}
    live: set[str] = set()
    for row in feed_rows:
        if row["op"] in ("replaced", "erased") and row["id"] in known:
            live.discard(row["id"])
            continue
        ancestors = [known[parent].origin_seq for parent in row["replaces"] if parent in known]
        live -= set(row["replaces"])
        known[row["id"]] = replace(_segment(row), origin_seq=min([row["seq"], *ancestors]))
        live.add(row["id"])
    return {segment_id: known[segment_id] for segment_id in known if segment_id in live}


def _segment(row: dict[str, Any]) -> Segment:
    return Segment(row["id"], row["stream"], row["path"], row["rows"], row["digest"], row["seq"])
