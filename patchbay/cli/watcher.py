"""Ends what a supervisor started when the supervisor itself is gone, even by `kill -9`.

The parent-death signal of Linux reaches direct children only, and Dagster's servers have children of their own. So one
small process reads process groups from a pipe; when the pipe closes, its writer is dead, and what is left is ended.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import suppress

GRACE_SECONDS = 5.0


class Watcher:
    """The writing side, kept by the supervisor."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", __file__], stdin=subprocess.PIPE, start_new_session=True
        )

    def add(self, group: int) -> None:
        """End this process group when we die."""
        self._write(f"+{group}\n")

    def remove(self, group: int) -> None:
        """This group has ended; its number may come to mean another."""
        self._write(f"-{group}\n")

    def close(self) -> None:
        """Nothing more to watch; groups still listed are ended."""
        if self._process.stdin:
            self._process.stdin.close()
        self._process.wait()

    def _write(self, line: str) -> None:
        if self._process.stdin:
            self._process.stdin.write(line.encode())
            self._process.stdin.flush()


def end_groups(groups: Iterable[int], grace: float = GRACE_SECONDS, reap: Callable[[], object] = lambda: None) -> None:
    """TERM to each process group, KILL to those that are left after the grace.

    `reap` is called while waiting: a parent must collect its dead children, which otherwise count as left.
    """
    left = {group for group in groups if _signal(group, signal.SIGTERM)}
    deadline = time.monotonic() + grace
    while left and time.monotonic() < deadline:
        time.sleep(0.05)
        reap()
        left = {group for group in left if _signal(group, 0)}
    for group in left:
        _signal(group, signal.SIGKILL)


def _signal(group: int, number: int) -> bool:
    """Whether there was still a group to signal."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)
        return True
    return False


def main() -> None:
    """Read groups until the writer is gone, then end those that are left."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    groups: set[int] = set()
    for line in sys.stdin:
        (groups.add if line[0] == "+" else groups.discard)(int(line[1:]))
    end_groups(groups)


if __name__ == "__main__":
    main()
