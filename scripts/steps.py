"""Runs the commands of the set-up: a line that counts seconds, the output kept in a log and shown when it fails."""

import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TextIO

QUIET_SECONDS = 2.0
"""A step shorter than this prints its closing line only."""
HEARTBEAT_SECONDS = 10.0
"""How often a long step says that it lives where no terminal can be redrawn."""
STOP_SECONDS = 5.0
"""What a child gets between being asked to stop and being killed."""


class SetupError(Exception):
    """Set-up cannot go on; the text says what is wrong and the command that mends it."""


def run(title: str, command: Sequence[str], log: Path, env: Mapping[str, str] | None = None) -> None:
    """Run one command to its end; raises `SetupError` with the last lines of its output when it fails."""
    started = time.monotonic()
    with log.open("ab") as sink:
        sink.write(f"\n$ {' '.join(command)}\n".encode())
        sink.flush()
        offset = sink.tell()
        child = subprocess.Popen(command, stdout=sink, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, env=env)
        try:
            _watch(title, child, started, sys.stderr)
        finally:
            _stop(child)
    if child.returncode:
        raise SetupError(
            f"{title} failed:\n{_tail(log, offset)}\nThe whole output is in {log}; run the same make again to resume."
        )
    print(f"  {title} ({time.monotonic() - started:.1f} s)", file=sys.stderr)


def _watch(title: str, child: "subprocess.Popen[bytes]", started: float, out: TextIO) -> None:
    """Wait for the child, redrawing one line on a terminal, printing one now and then elsewhere."""
    redraw, period = out.isatty(), 0.5 if out.isatty() else HEARTBEAT_SECONDS
    due = started + QUIET_SECONDS
    while child.poll() is None:
        try:
            child.wait(timeout=0.1)
        except subprocess.TimeoutExpired:
            if time.monotonic() < due:
                continue
            due = time.monotonic() + period
            line = f"  {title} … {time.monotonic() - started:.0f} s"
            print(f"\r{line}" if redraw else line, end="" if redraw else "\n", file=out, flush=True)
    if redraw:
        print("\r\033[K", end="", file=out, flush=True)


def _stop(child: "subprocess.Popen[bytes]") -> None:
    """End a child that still runs, as after Ctrl-C."""
    if child.poll() is not None:
        return
    child.terminate()
    try:
        child.wait(timeout=STOP_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def _tail(log: Path, offset: int, lines: int = 15) -> str:
    """The last lines a command wrote after `offset`."""
    text = log.read_bytes()[offset:].decode(errors="replace")
    return "\n".join(f"    {line}" for line in text.strip().splitlines()[-lines:])
