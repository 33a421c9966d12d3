"""Bounds on how much is computed, which hold on a machine of any speed.

Processor time alone is not enough: the same work takes one machine three times as long as another, and the same machine
too when its neighbours are busy. So a piece of work is timed beside a yardstick, a bare loop of the interpreter, and what
it took is told in seconds of the machine the bounds were written on."""

import os
import time
from collections.abc import Callable

TURNS = 500_000
"""Of the bare loop in one measurement, about 20 ms."""
USUAL = 42e-9
"""Seconds a turn takes on the machine the bounds were written on: CPython 3.11, two cores."""


def slowness() -> float:
    """How many times longer this machine takes just now; at least 1."""
    began = time.process_time()
    for _ in range(TURNS):
        pass
    return max(1.0, (time.process_time() - began) / (TURNS * USUAL))


def children() -> float:
    """Processor seconds of the processes that this one has waited for."""
    told = os.times()
    return told.children_user + told.children_system


def under(seconds: float, work: Callable[[], object], clock: Callable[[], float] = time.process_time) -> bool:
    """Whether the work takes less than so much processor time, in the best of three attempts."""
    return any(_took(work, clock) < seconds for _ in range(3))


def _took(work: Callable[[], object], clock: Callable[[], float]) -> float:
    before, began = slowness(), clock()
    work()
    taken = clock() - began
    return taken / max(before, slowness())
