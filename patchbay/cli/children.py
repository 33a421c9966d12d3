"""One supervised process: how it is started, where it logs, when it counts as ready."""

import subprocess
import time
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

ROTATE_BYTES = 20 * 1024 * 1024
"""A log above this size is set aside as `<name>.log.1` when its process starts."""

_DIRECTLY = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""A proxy from the environment cannot reach this machine's own loopback."""


@dataclass(frozen=True)
class Program:
    """What to run. `ready` is a URL that answers 2xx or 3xx when it serves; without one, running is being ready."""

    name: str
    command: tuple[str, ...]
    title: str = ""
    ready: str | None = None
    port: tuple[str, int] | None = None
    address: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    max_replicas: int = 1
    """How many may run at once; more than one only where they share a port."""

    def answers(self, timeout: float = 2.0) -> bool:
        """Whether the ready URL answers now."""
        if self.ready is None:
            return True
        try:
            with _DIRECTLY.open(self.ready, timeout=timeout) as answer:
                return bool(answer.status < 400)
        except OSError:
            return False


class Child:
    """A program that runs, in a process group of its own."""

    def __init__(self, program: Program, logs: Path, environment: Mapping[str, str], replica: int = 1) -> None:
        self.program = program
        self.name = program.name if replica == 1 else f"{program.name}-{replica}"
        self.log = logs / f"{self.name}.log"
        self._environment = {**environment, **program.environment}
        self._process: subprocess.Popen[bytes] | None = None
        self.started_at = 0.0
        self.restarts = 0

    @property
    def pid(self) -> int:
        """Process id, which is the process group's too; raises when it was never started."""
        if self._process is None:
            raise RuntimeError(f"{self.program.name} was not started")
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """How it ended; None while it runs."""
        return self._process.poll() if self._process else None

    @property
    def age(self) -> float:
        """Seconds since it was last started."""
        return time.monotonic() - self.started_at

    def start(self) -> None:
        """Start it, its output appended to its log."""
        with self._open_log() as sink:
            self._process = subprocess.Popen(
                self.program.command,
                stdout=sink,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                env=self._environment,
                start_new_session=True,
            )
        self.started_at = time.monotonic()

    def last_lines(self, count: int = 12) -> str:
        """The end of its log."""
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return "\n".join(f"    {line}" for line in lines[-count:])

    def _open_log(self) -> BinaryIO:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        if self.log.exists() and self.log.stat().st_size > ROTATE_BYTES:
            self.log.replace(self.log.with_suffix(".log.1"))
        return self.log.open("ab")
