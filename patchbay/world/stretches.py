"""Time in stretches: real time as it passes, and a piece of the past at once. Times are microseconds."""

import time
from collections.abc import Iterator
from typing import Protocol

from patchbay.core.clock import utcnow
from patchbay.world.adoption import OPEN
from patchbay.world.times import MINUTE, SECOND

Stretch = tuple[int, int]
"""`[since, until)`; stretches that follow each other leave nothing out."""
STEP = 5 * SECOND
"""Between two posts in real time, as a collector would send."""
LONGEST = MINUTE
"""What was missed is caught up in pieces of at most this, since rates hold for a few minutes only."""
PAST_STEP = 30 * SECOND


class Clock(Protocol):
    """What tells the time and lets it pass."""

    def now(self) -> int:
        """The present."""

    def wait(self, seconds: float) -> None:
        """Return that much later."""


class WallClock:
    """The machine's own."""

    def now(self) -> int:
        """The present."""
        return round(utcnow().timestamp() * SECOND)

    def wait(self, seconds: float) -> None:
        """Sleep."""
        time.sleep(seconds)


def passing(clock: Clock, since: int, seconds: float | None) -> Iterator[Stretch]:
    """Stretches from `since` on, each once it is over, until `seconds` have passed; None is for good.

    Whoever takes long over one gets the next ones at once until the present is reached again.
    """
    end = OPEN if seconds is None else since + round(seconds * SECOND)
    while since < end:
        due = min(since + STEP, end)
        clock.wait(max(0, due - clock.now()) / SECOND)
        until = min(max(due, clock.now()), since + LONGEST, end)
        yield since, until
        since = until


def past(since: int, end: int) -> Iterator[Stretch]:
    """Stretches of half a minute, the last one what is left; none where the end is not after the start."""
    for start in range(since, end, PAST_STEP):
        yield start, min(start + PAST_STEP, end)
