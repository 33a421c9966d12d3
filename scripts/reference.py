"""Writes the pages of docs/reference that follow from the code: `python -m scripts.reference`, or `make reference`.

A test compares the committed pages with what this makes, so that they cannot drift.
"""

import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from patchbay.core.contracts import FEEDS, STATISTIC, USAGE_EVENT, Column
from patchbay.core.contracts.feeds import ENVELOPE
from patchbay.core.settings import Settings
from warehouse.contracts import TABLES

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "reference"
NOTE = "<!-- Made by `make reference` from the code; edit that. -->\n"
COMMANDS = ("", "demo", "up", "simulate", "import jenkins", "import jiro", "status", "feed")
TOKEN_COMMANDS = ("token create", "token list", "token revoke")


def pages() -> dict[str, str]:
    """Every page by file name."""
    made = {"cli.md": cli(), "settings.md": settings(), "feeds.md": feeds(), "tables.md": tables()}
    return {name: f"{text.rstrip()}\n\n{NOTE}" for name, text in made.items()}


def cli() -> str:
    """Each command with its help."""
    parts = [f"## patchbay {command}".rstrip() + f"\n\n```text\n{_help(command)}\n```\n" for command in _commands()]
    return "# Command line\n\nWhat `patchbay --help` says, command by command.\n\n" + "\n".join(parts)


def settings() -> str:
    """Each PATCHBAY_* variable with its default."""
    rows = [
        (f"`PATCHBAY_{name.upper()}`", _default(field.default), field.description or "")
        for name, field in Settings.model_fields.items()
    ]
    rows.append(("`PATCHBAY_CHROMIUM`", "found by itself", "Path of the browser that the tests drive."))
    rows.append(
        ("`PATCHBAY_SHARED`", "`../shared`", "Folder whose data/ holds the real registries that some tests read.")
    )
    rows.append(
        ("`PATCHBAY_REQUIRE_SHARED`", "unset", "1 makes tests on real registries fail, not skip, where it is absent.")
    )
    intro = "Every process reads its settings once, from these environment variables."
    return f"# Settings\n\n{intro} The defaults run everything embedded, below one folder.\n\n" + _table(
        ("variable", "default", "meaning"), rows
    )


def feeds() -> str:
    """The columns that cross the API."""
    parts = [
        "# Feeds and intake\n",
        "Columns that cross the API: feeds are read at `GET /v1/feeds/{feed}`, rows are posted to the batch routes. "
        "A feed's row is the whole entity after the change; its first columns are these.\n",
        _columns(ENVELOPE),
    ]
    for name, contract in FEEDS.items():
        parts += [f"## Feed `{name}`\n", f"A row is {contract.grain}.\n", _columns(contract.columns[len(ENVELOPE) :])]
    for title, posted in (("Posted usage", USAGE_EVENT), ("Posted statistics", STATISTIC)):
        parts += [f"## {title}\n", f"A row is {posted.grain}.\n", _columns(posted.columns)]
    return "\n".join(parts)


def tables() -> str:
    """The warehouse's tables."""
    parts = ["# Warehouse tables\n", "Built in this order; every table's checks run before anything after it.\n"]
    for name, contract in TABLES.items():
        days = ", replaced by days" if contract.partitioned else ""
        facts = f"A row is {contract.grain}. Layer {contract.layer}{days}; key {', '.join(contract.key)}.\n"
        parts += [f"## `{name}`\n", f"{contract.description}\n", facts, _columns(contract.columns)]
    return "\n".join(parts)


def _commands() -> Sequence[str]:
    return (*COMMANDS, *TOKEN_COMMANDS)


def _help(command: str) -> str:
    from typer.testing import CliRunner

    from patchbay.cli.app import app

    runner = CliRunner(env={"COLUMNS": "100", "TERMINAL_WIDTH": "100"})
    return runner.invoke(app, [*command.split(), "--help"], prog_name="patchbay").output.strip()


def _default(value: object) -> str:
    return "unset" if value is None else f"`{os.fspath(value) if isinstance(value, Path) else value}`"


def _columns(columns: Iterable[Column]) -> str:
    rows = [(f"`{c.name}`", c.type, "yes" if c.nullable else "", c.description) for c in columns]
    return _table(("column", "type", "may be null", "meaning"), rows)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)


def main() -> int:
    """Write the pages that changed."""
    for name, text in pages().items():
        file = FOLDER / name
        if not file.exists() or file.read_text() != text:
            file.write_text(text)
            print(f"wrote docs/reference/{name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
