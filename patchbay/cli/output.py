"""What commands print: answers on standard output, everything about getting there on standard error."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console

if TYPE_CHECKING:
    from rich.table import Table

Tell = Callable[[str, int, int | None], None]
"""Told (stage, done, total or None) by long work."""
SILENT_SECONDS = 2.0
"""Off a terminal a stage says nothing before this, then now and then."""
SPEAK_EVERY = 10.0

answers = Console(highlight=False)
notes = Console(stderr=True, highlight=False)


def say(text: str) -> None:
    """One line about what goes on."""
    notes.print(text, markup=False)


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
def progress() -> Iterator[Tell]:
    """A function to tell progress to: bars on a terminal, a line every ten seconds elsewhere."""
    if not notes.is_terminal:
        yield _spoken()
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("  {task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=notes) as bars:
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


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,}" if isinstance(value, int) else str(value)
