"""Questions about processes."""

import os
import time
from collections.abc import Callable
from pathlib import Path


def gone(pid: int, within: float = 10.0) -> bool:
    """Whether a process ends within so many seconds; a dead one that nobody has collected counts as ended."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        if not _runs(pid):
            return True
        time.sleep(0.05)
    return False


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (ProcessLookupError, FileNotFoundError):
        return False
    return state != "Z"


def eventually(question: Callable[[], bool], within: float = 15.0) -> bool:
    """Whether a question is answered with yes in time."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        if question():
            return True
        time.sleep(0.05)
    return False
