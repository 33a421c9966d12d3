"""Runs the processes of Patchbay: starts them, waits until they serve, restarts what crashes, leaves none behind."""

import fcntl
import json
import signal
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, TracebackType
from typing import Self

from patchbay.cli.children import Child, Program
from patchbay.cli.errors import CommandError
from patchbay.cli.generations import Generations
from patchbay.cli.watcher import Watcher, end_groups

READY_SECONDS = 120.0
STOP_SECONDS = 8.0
LONGEST_DELAY = 30.0
"""Seconds between two restarts of a process that keeps crashing."""
STEADY_SECONDS = 60.0
"""A process that lived this long starts again without delay."""


@dataclass(frozen=True)
class Ending:
    """A process that ended by itself, and how long its restart waits."""

    child: Child
    delay: float


class Supervisor:
    """The processes of one state folder; use it in a `with` block, whose end stops all of them."""

    def __init__(self, home: Path, environment: Mapping[str, str], say: Callable[[str], None]) -> None:
        self._home = home
        self._environment = environment
        self._say = say
        self._children: dict[str, Child] = {}
        self._due: dict[str, float] = {}
        self._stopping = threading.Event()
        self._launching = False

    def __enter__(self) -> Self:
        """Take the state folder; raises `CommandError` when another supervisor has it."""
        (self._home / "run").mkdir(parents=True, exist_ok=True)
        self._lock = (self._home / "run" / "supervisor.lock").open("a+")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._lock.close()
            raise CommandError(
                f"Patchbay already runs on {self._home}: stop that one first, or choose another state with --home"
            ) from None
        self.generations = Generations(self._home)
        self._watcher = Watcher()
        self._handlers = {number: signal.signal(number, self._on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop everything, within ten seconds."""
        self.stop()
        self._watcher.close()
        self._lock.close()
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        """Leave whatever is going on, a launch once it is over; a second signal while stopping changes nothing."""
        if not self._stopping.is_set():
            self._stopping.set()
            if not self._launching:
                raise KeyboardInterrupt

    def start(self, programs: Sequence[Program], within: float = READY_SECONDS) -> None:
        """Start programs, return when all serve; raises `CommandError` with the end of the log of one that does not."""
        for program in programs:
            _require_free_port(program)
        started = [self._begin(program) for program in programs]
        deadline = time.monotonic() + within
        waiting = list(started)
        while waiting:
            for child in waiting:
                _require_life(child, deadline)
            waiting = [child for child in waiting if not child.program.answers()]
            time.sleep(0.1 if waiting else 0)

    def run(self, check_seconds: float = 0.5, beat: Callable[[], None] = lambda: None) -> None:
        """Keep the processes alive until SIGINT or SIGTERM; `beat` is called after each look."""
        with suppress(KeyboardInterrupt):
            while not self._stopping.wait(check_seconds):
                self.mend()
                beat()

    def mend(self) -> list[Ending]:
        """Notice processes that ended and start those whose delay is over; what ended since the last call."""
        ended = [self._note_end(child) for child in self._children.values() if self._ended_unnoticed(child)]
        for name, due in list(self._due.items()):
            if time.monotonic() >= due:
                del self._due[name]
                child = self._children[name]
                self._launch(child)
                self._count(child.program)
        return ended

    @property
    def programs(self) -> list[Program]:
        """What it runs, each once."""
        return list({child.program.name: child.program for child in self._children.values()}.values())

    def alive(self, name: str) -> list[Child]:
        """Replicas of a program that run now."""
        return [child for child in self._replicas(name) if child.exit_code is None]

    def all_run(self, name: str) -> bool:
        """Whether none of its replicas has ended."""
        return len(self.alive(name)) == len(self._replicas(name))

    def scale(self, program: Program, replicas: int) -> None:
        """Run so many of a program: the newest go first."""
        while len(self._replicas(program.name)) < replicas:
            taken = {child.name for child in self._replicas(program.name)}
            fresh = (self._child(program, number) for number in range(1, replicas + 1))
            self._launch(next(child for child in fresh if child.name not in taken))
        for child in self._replicas(program.name)[replicas:]:
            self._retire(child)

    def restart(self, program: Program, generation: int) -> None:
        """End all replicas of a program and start them again, as the start of that number."""
        self._say(f"{program.name}: starting it again, as was asked for")
        replicas = self._replicas(program.name)
        for child in replicas:
            self._retire(child)
        for child in replicas:
            self._launch(child)
        self.generations.set(program.name, generation)

    def stop(self) -> None:
        """TERM to every process group, KILL to what is left after the grace. Safe to call twice."""
        self._stopping.set()
        children = list(self._children.values())
        end_groups([child.pid for child in children], STOP_SECONDS, lambda: [child.exit_code for child in children])
        for child in children:
            self._watcher.remove(child.pid)
        self._children.clear()
        self._write_pids()

    def _begin(self, program: Program) -> Child:
        child = self._launch(self._child(program, 1))
        self._count(program)
        return child

    def _child(self, program: Program, replica: int) -> Child:
        return Child(program, self._home / "logs", self._environment, replica)

    def _replicas(self, name: str) -> list[Child]:
        return [child for child in self._children.values() if child.program.name == name]

    def _count(self, program: Program) -> None:
        self.generations.set(program.name, self.generations.of(program.name) + 1)

    def _retire(self, child: Child) -> None:
        """End one child for good."""
        end_groups([child.pid], STOP_SECONDS, lambda: [child.exit_code])
        self._watcher.remove(child.pid)
        self._children.pop(child.name, None)
        self._due.pop(child.name, None)
        self._write_pids()

    def _launch(self, child: Child) -> Child:
        """Start a child and note it; a signal waits for both, or nobody would know of the child and end it."""
        self._launching = True
        try:
            child.start()
            self._watcher.add(child.pid)
            self._children[child.name] = child
            self._write_pids()
        finally:
            self._launching = False
        if self._stopping.is_set():
            raise KeyboardInterrupt
        return child

    def _ended_unnoticed(self, child: Child) -> bool:
        return child.exit_code is not None and child.name not in self._due

    def _note_end(self, child: Child) -> Ending:
        """Clear up what a crashed process left in its group, and set the time of its restart."""
        end_groups([child.pid], 1.0)
        self._watcher.remove(child.pid)
        child.restarts = 0 if child.age > STEADY_SECONDS else child.restarts + 1
        delay = 0.0 if child.restarts == 0 else min(2.0 ** (child.restarts - 1), LONGEST_DELAY)
        self._due[child.name] = time.monotonic() + delay
        self._say(f"{child.name} ended with {child.exit_code}; starting it again in {delay:.0f} s (log: {child.log})")
        return Ending(child, delay)

    def _write_pids(self) -> None:
        pids = {name: child.pid for name, child in self._children.items()}
        (self._home / "run" / "pids.json").write_text(json.dumps(pids))


def _require_free_port(program: Program) -> None:
    if program.port is None:
        return
    host, number = program.port
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, number))
        except OSError as error:
            setting = f"PATCHBAY_{program.name.replace('-', '_').upper()}_PORT"
            raise CommandError(
                f"port {number} for {program.title} cannot be used ({error.strerror}): set {setting} to a free one"
            ) from None


def _require_life(child: Child, deadline: float) -> None:
    name = child.program.name
    if child.exit_code is not None:
        raise CommandError(
            f"{name} ended with {child.exit_code} before it served; the end of {child.log}:\n{child.last_lines()}"
        )
    if time.monotonic() > deadline:
        raise CommandError(f"{name} did not serve in time; the end of {child.log}:\n{child.last_lines()}")
