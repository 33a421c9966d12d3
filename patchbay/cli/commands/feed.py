"""`patchbay feed`."""

from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from patchbay.cli.commands.options import Home, Url

if TYPE_CHECKING:
    import pyarrow as pa


LONGEST_CELL = 36


class Format(StrEnum):
    """How rows are printed."""

    table = "table"
    ndjson = "ndjson"


def feed(
    name: Annotated[str | None, typer.Argument(help="Which feed; without it, the feeds are listed.")] = None,
    after: Annotated[int, typer.Option(help="Sequence number to go on from.", min=0)] = 0,
    limit: Annotated[int, typer.Option(help="Rows at most.", min=1, max=50_000)] = 20,
    format: Annotated[Format, typer.Option(help="A table for people, NDJSON for programs.")] = Format.table,
    home: Home = None,
    url: Url = None,
) -> None:
    """Read one of the registry's ordered feeds, which never skip: every change once, in commit order.

    The last line, on standard error, says where to go on.

    Examples:

        patchbay feed

        patchbay feed plugins --limit 5

        patchbay feed observations --after 1200 --limit 50000 --format ndjson > observations.ndjson
    """
    from patchbay.cli import output
    from patchbay.cli.reaching import reach

    with reach(home=home, url=url) as client:
        if name is None:
            output.answers.print(_listing())
            return
        page = client.read_feed(name, after, limit)
    _show(page.table, format)
    end = "" if page.more else ", where the feed ends for now"
    output.say(f"{page.table.num_rows} rows; go on with --after {page.next_after}{end}")


def _show(rows: "pa.Table", format: Format) -> None:

    if format is Format.table:
        _show_table(rows)
        return
    import sys

    import orjson

    options = orjson.OPT_APPEND_NEWLINE | orjson.OPT_UTC_Z
    for row in rows.to_pylist():
        sys.stdout.buffer.write(orjson.dumps(row, default=str, option=options))
    sys.stdout.buffer.flush()


def _show_table(rows: "pa.Table") -> None:
    """As many columns as the terminal has room for, and the names of those left out."""
    from patchbay.cli import output

    texts = {name: [_short(value) for value in rows[name].to_pylist()] for name in _for_people(rows.column_names)}
    room, shown = output.answers.width, list[str]()
    for name, values in texts.items():
        room -= max(map(len, [name, *values])) + 2
        if room < 0:
            break
        shown.append(name)
    output.answers.print(output.table(shown, list(zip(*(texts[name] for name in shown), strict=True))))
    if hidden := [name for name in rows.column_names if name not in shown]:
        output.say(f"Not shown: {', '.join(hidden)}; --format ndjson has everything.")


def _for_people(names: list[str]) -> list[str]:
    """What tells rows apart first, ids last."""
    ids = [name for name in names if name.endswith("_id") or name == "id"]
    return [name for name in names if name not in ids] + ids


def _short(value: object) -> str:
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    text = ", ".join(map(str, value)) if isinstance(value, list) else "" if value is None else str(value)
    return text if len(text) <= LONGEST_CELL else text[: LONGEST_CELL - 1] + "…"


def _listing() -> Any:
    from patchbay.cli import output
    from patchbay.core.contracts import FEEDS

    rows = [(name, contract.grain, ", ".join(contract.column_names[6:])) for name, contract in FEEDS.items()]
    return output.table(("feed", "a row is", "columns beside the envelope"), rows)
