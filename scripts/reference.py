"""Writes the pages of docs/reference that follow from the code: `python -m scripts.reference`, or `make reference`.

A test compares the committed pages with what this makes, so that they cannot drift.
"""

import json
import os
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from patchbay.core.contracts import FEEDS, STATISTIC, USAGE_EVENT, Column
from patchbay.core.contracts.feeds import ENVELOPE
from patchbay.core.settings import Settings
from registry_api.http import StrictRoute
from registry_api.identity.roles import ANYONE, ROLE_SCOPES, ROLE_WORDS, SCOPE_WORDS, SCOPES
from registry_api.routers import ROUTERS
from registry_api.webhooks.events import EVENTS, PREFIX
from warehouse.contracts import TABLES

ROOT = Path(__file__).resolve().parent.parent
FOLDER, PROBLEMS = ROOT / "docs" / "reference", ROOT / "docs" / "problems"
MODULE = ROOT / "registry_api" / "problem_pages.py"
NOTE = "<!-- Made by `make reference` from the code; edit that. -->\n"


def pages() -> dict[str, str]:
    """Every page by file name."""
    made = {
        "cli.md": cli(),
        "settings.md": settings(),
        "feeds.md": feeds(),
        "tables.md": tables(),
        "events.md": events(),
        "permissions.md": permissions(),
        "lists.md": lists(),
    }
    return {name: f"{text.rstrip()}\n\n{NOTE}" for name, text in made.items()}


def problem_pages() -> dict[str, str]:
    """Every page of docs/problems by file name, and what the registry says of each code, by path."""
    return {f"{code}.md": f"{_problem_page(code, *said)}\n{NOTE}" for code, said in _problems().items()}


def problem_module() -> str:
    """The module that lets the registry say what docs/reference/problems.md says."""
    rows = "".join(
        f"    {_quoted(code)}: (\n        {_quoted(when)},\n        {_quoted(fix)},\n    ),\n"
        for code, (_, when, fix) in _problems().items()
    )
    doc = '"""What each problem means and what to do about it. Made by `make reference` from docs/reference/problems.md; edit that."""'
    return f"{doc}\n\nPAGES: dict[str, tuple[str, str]] = {{\n{rows}}}\n"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _problems() -> dict[str, tuple[str, str, str]]:
    """Status, occasion and remedy of every code of the page that people write."""
    page = (FOLDER / "problems.md").read_text()
    found = re.findall(r"^\| `(\w+)` \| (\d+) \| (.+?) \| (.+?) \|$", page, re.MULTILINE)
    return {code: (status, when, fix) for code, status, when, fix in found}


def _problem_page(code: str, status: str, when: str, fix: str) -> str:
    return f"# {code}\n\nStatus {status}: {when}.\n\nWhat to do: {fix}.\n\n[All problems](../reference/problems.md)\n"


def cli() -> str:
    """Each command with its help."""
    parts = [
        f"## patchbay {command}".rstrip() + f"\n\n```text\n{_help(command)}\n```\n" for command in ("", *commands())
    ]
    return "# Command line\n\nWhat `patchbay --help` says, command by command.\n\n" + "\n".join(parts)


def settings() -> str:
    """Each PATCHBAY_* variable with its default."""
    rows = [
        (f"`PATCHBAY_{name.upper()}`", _default(field.default), field.description or "")
        for name, field in Settings.model_fields.items()
    ]
    rows.append(("`PATCHBAY_PROFILE`", "the one in use", "Which profile of the command line; see `patchbay profile`."))
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


def events() -> str:
    """What webhooks are told."""
    rows = [(f"`{type}`", meaning) for type, meaning in EVENTS.items()]
    intro = f"Types of events for the filter of a webhook; in a CloudEvent each begins with `{PREFIX}`."
    return f"# Webhook events\n\n{intro}\n\n" + _table(("type", "when"), rows)


def tables() -> str:
    """The warehouse's tables."""
    parts = ["# Warehouse tables\n", "Built in this order; every table's checks run before anything after it.\n"]
    for name, contract in TABLES.items():
        days = ", replaced by days" if contract.partitioned else ""
        facts = f"A row is {contract.grain}. Layer {contract.layer}{days}; key {', '.join(contract.key)}.\n"
        parts += [f"## `{name}`\n", f"{contract.description}\n", facts, _columns(contract.columns)]
    return "\n".join(parts)


def permissions() -> str:
    """What each role may do, and what each route asks for."""
    parts = [
        "# Permissions\n",
        "A role is a set of scopes, a token has a role or some scopes of its own, and every route asks for a scope, a few for a second.\n",
        _table(("role", "what it is for"), [(f"`{role}`", words) for role, words in ROLE_WORDS.items()]),
        "## Scopes of each role\n",
        _table(("scope", "allows", *(f"`{role}`" for role in ROLE_SCOPES)), map(_scope_row, sorted(SCOPES))),
        "## The scope of each route\n",
        f"`{ANYONE}` is any live token or session, `public` needs none.\n",
        _table(("route", "", "scope"), sorted(_route_rows())),
    ]
    return "\n".join(parts)


def _scope_row(scope: str) -> Sequence[str]:
    return (f"`{scope}`", SCOPE_WORDS[scope], *("yes" if scope in held else "" for held in ROLE_SCOPES.values()))


def _route_rows() -> Iterator[tuple[str, str, str]]:
    for router in ROUTERS:
        for route in router.routes:
            assert isinstance(route, StrictRoute)
            for method in route.methods or ():
                asked = (route.required_scope or "public", route.also_scope)
                yield f"`{method} {route.path}`", route.summary or "", " and ".join(f"`{one}`" for one in asked if one)


def lists() -> str:
    """What each list can be filtered by, and what can be included."""
    parts = [
        "# Lists\n",
        "What each list can be filtered by, and with which operators. A plain `name=value` is `eq`; an operator is written in brackets. "
        "A filter with an index finds its rows by `eq`, `in` and, where they are offered, `gt`, `gte`, `lt` and `lte` without reading "
        "through the list.\n",
    ]
    for route in (one for router in ROUTERS for one in router.routes if isinstance(one, StrictRoute)):
        if route.filters:
            rows = _filter_rows(route)
            parts += [f"## `GET {route.path}`\n", _table(("filter", "holds", "operators", "index"), rows)]
        if route.choice.included:
            needs = [f"`{name}` (`{scope}`)" for name, scope in route.choice.included.items()]
            parts += [
                "" if route.filters else f"## `GET {route.path}`\n",
                f"`include`, with the scope each needs: {', '.join(needs)}.\n",
            ]
    return "\n".join(parts)


def _filter_rows(route: StrictRoute) -> Iterator[tuple[str, str, str, str]]:
    for name, same in groupby(route.filters, lambda one: one.name.partition("[")[0]):
        mine = list(same)
        by, schema = mine[0].by, mine[0].kind.schema
        holds = ", ".join(schema.get("enum", ())) or schema.get("format", schema["type"])
        yield f"`{name}`", holds, ", ".join(f"`{one.operator}`" for one in mine), "yes" if by.is_indexed else ""


def commands() -> list[str]:
    """Every command of the command line, those of a group with its name before theirs."""
    from typer.main import get_command

    from patchbay.cli.app import app

    return list(_leaves(get_command(app), ""))


def _leaves(command: Any, name: str) -> Iterator[str]:
    inner = getattr(command, "commands", None)
    if inner is None:
        yield name
        return
    for word, one in inner.items():
        yield from _leaves(one, f"{name} {word}".strip())


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
    made = {FOLDER / name: text for name, text in pages().items()}
    made |= {PROBLEMS / name: text for name, text in problem_pages().items()} | {MODULE: problem_module()}
    PROBLEMS.mkdir(exist_ok=True)
    for file, text in made.items():
        if not file.exists() or file.read_text() != text:
            file.write_text(text)
            print(f"wrote {file.relative_to(ROOT)}")
    for old in set(PROBLEMS.glob("*.md")) - set(made):
        old.unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main())
