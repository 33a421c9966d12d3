"""What commands print: answers on standard output, everything about getting there on standard error."""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

Tell = Callable[[str, int, int | None], None]
"""Told (stage, done, total or None) by long work."""
SILENT_SECONDS = 2.0
"""Off a terminal a stage says nothing before this, then now and then."""
SPEAK_EVERY = 10.0

PIPED_WIDTH = 160
"""Columns where no terminal says how many it has."""

answers = Console(highlight=False, width=None if sys.stdout.isatty() else PIPED_WIDTH)
notes = Console(stderr=True, highlight=False, width=None if sys.stderr.isatty() else PIPED_WIDTH)


def say(text: str) -> None:
    """One line about what goes on."""
    notes.print(text, markup=False, soft_wrap=True)


@contextmanager
def timed(title: str, times: dict[str, float] | None = None) -> Iterator[None]:
    """Say how long a stage took when it ends well; the seconds are also put into `times`."""
    started = time.monotonic()
    say(f"{title} …")
    yield
    seconds = time.monotonic() - started
    if times is not None:
        times[title] = seconds
    say(f"{title}: {seconds:.1f} s")


@contextmanager
def diverted(log: Path) -> Iterator[None]:
    """Let what libraries write to standard error go into a log, while our own lines stay where they were."""
    log.parent.mkdir(parents=True, exist_ok=True)
    notes.file = sys.stderr
    try:
        with log.open("a") as sink, redirect_stderr(sink):
            yield
    finally:
        notes.file = None  # type: ignore[assignment]  # whatever standard error then is


@contextmanager
def progress() -> Iterator[Tell]:
    """A function to tell progress to: bars on a terminal, a line every ten seconds elsewhere."""
    if not notes.is_terminal:
        yield _spoken()
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("  {task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=notes, redirect_stderr=False) as bars:
        tasks: dict[str, Any] = {}

        def tell(stage: str, done: int, total: int | None) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage, total=total)
            bars.update(tasks[stage], completed=done, total=total)

        yield tell


def _spoken() -> Tell:
    """Progress as lines."""
    due = time.monotonic() + SILENT_SECONDS

    def tell(stage: str, done: int, total: int | None) -> None:
        nonlocal due
        if time.monotonic() >= due:
            due = time.monotonic() + SPEAK_EVERY
            say(f"  {stage} {done:,}" + (f" of {total:,}" if total else ""))

    return tell


def one_bar(title: str, tell: Tell) -> Tell:
    """Progress whose first word changes all the time, told as one stage."""
    return lambda _what, done, total: tell(title, done, total)


def table(columns: Sequence[str], rows: Sequence[Sequence[object]], title: str | None = None) -> "Table":
    """A plain table; numbers stand to the right with thousands separated."""
    from rich import box
    from rich.table import Table

    made = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left", title_style="bold")
    for place, column in enumerate(columns):
        numeric = bool(rows) and all(isinstance(row[place], int | float) for row in rows)
        made.add_column(column, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        made.add_row(*[_cell(value) for value in row])
    return made


def harmless(text: str) -> str:
    """A text without what a terminal would obey: names and titles come from strangers."""
    return "".join(sign if sign.isprintable() or sign == "\n" else "�" for sign in text)


def _cell(value: object) -> "Text":
    from rich.text import Text

    if value is None:
        return Text("")
    if isinstance(value, bool):
        return Text("yes" if value else "no")
    return Text(f"{value:,}" if isinstance(value, int) else harmless(str(value)))
