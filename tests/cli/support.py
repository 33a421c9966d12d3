"""Questions about processes, and the command line without one."""

import io
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from unittest.mock import patch


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


def listeners(port: int) -> int:
    """How many sockets of this machine listen on a port of IPv4: state 0A of proc_net_tcp(5)."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(row[1].endswith(f":{port:04X}") and row[3] == "0A" for row in rows)


def here(*arguments: str, environment: Mapping[str, str], stdin: str = "") -> "subprocess.CompletedProcess[str]":
    """Run `patchbay` to its end in this process, which starts none and so takes a tenth of the time."""
    from patchbay.cli import main

    command, code = ["patchbay", *arguments], 0
    streams = {"stdin": _stream(stdin), "stdout": _stream(), "stderr": _stream()}
    with ExitStack() as changed:
        changed.enter_context(patch.dict(os.environ, environment, clear=True))
        changed.enter_context(patch.object(sys, "argv", command))
        for name, stream in streams.items():
            changed.enter_context(patch.object(sys, name, stream))
        try:
            main()
        except SystemExit as ended:
            code = int(ended.code or 0)
    return subprocess.CompletedProcess(command, code, *(_text(streams[name]) for name in ("stdout", "stderr")))


def _stream(text: str = "") -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(text.encode()), encoding="utf-8")


def _text(stream: io.TextIOWrapper) -> str:
    stream.flush()
    written: io.BytesIO = stream.buffer  # type: ignore[assignment]
    return written.getvalue().decode()
