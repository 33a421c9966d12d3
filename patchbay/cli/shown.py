"""Documents as commands print them: a table for people, JSON as the API has it, CSV for spreadsheets."""

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import orjson

from patchbay.cli import output
from patchbay.cli.forms import Form

ROWS_OF_A_TABLE = 100
"""Of a list whose length nobody said; JSON and CSV have all."""
LONGEST_CELL = 60


def show(told: Any, columns: Sequence[str], form: Form, limit: int | None = None) -> None:
    """Print what a call answered: a list's items, one document, a line of text, or nothing for None."""
    if told is None:
        return
    if isinstance(told, str):
        print(told)
    elif isinstance(told, Mapping):
        _ONE[form](told)
    else:
        _MANY[form](iter(told), columns, limit)


def plain(value: Any) -> str:
    """A value for people: times to the minute, nested values as JSON, nothing that a terminal would obey."""
    if value is None or isinstance(value, str):
        text = _to_the_minute(value or "")
    else:
        text = str(value) if isinstance(value, int | float) and not isinstance(value, bool) else _cell(value)
    return output.harmless(text)


def _table(items: Iterator[Any], columns: Sequence[str], limit: int | None) -> None:
    most = ROWS_OF_A_TABLE if limit is None else limit
    documents = list(islice(items, most))
    rows = [[_short(document.get(column)) for column in columns] for document in documents]
    output.answers.print(output.table(columns, rows))
    if limit is None and next(items, None) is not None:
        output.say(f"The first {most}; more with --limit, all with --output json or csv")


def _pairs(document: Mapping[str, Any]) -> None:
    output.answers.print(output.table(("", ""), [(name, plain(value)) for name, value in document.items()]))


def _json_list(items: Iterator[Any], columns: Sequence[str], limit: int | None) -> None:
    _write(b"[")
    for place, item in enumerate(islice(items, limit)):
        _write((b",\n" if place else b"\n") + orjson.dumps(item))
    _write(b"\n]\n")


def _json(document: Mapping[str, Any]) -> None:
    _write(orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))


def _csv(items: Iterable[Any], columns: Sequence[str], limit: int | None) -> None:
    """A header of the first document's keys; of an empty list, of the table's columns."""
    import csv

    documents = islice(items, limit)
    first = next(documents, None)
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(first or columns)
    for document in [] if first is None else [first]:
        writer.writerow([_cell(value) for value in document.values()])
    for document in documents:
        writer.writerow([_cell(document.get(name)) for name in first or ()])


def _csv_one(document: Mapping[str, Any]) -> None:
    _csv([document], (), None)


def _cell(value: Any) -> str:
    """Text as it is, null as nothing, all else as JSON."""
    if value is None:
        return ""
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _short(value: Any) -> Any:
    if isinstance(value, bool | int | float):
        return value
    text = plain(value)
    return text if len(text) <= LONGEST_CELL else text[: LONGEST_CELL - 1] + "…"


def _to_the_minute(text: str) -> str:
    is_time = len(text) >= 20 and text[4] == "-" and text[10] == "T"
    return text[:16].replace("T", " ") if is_time else text


def _write(content: bytes) -> None:
    sys.stdout.buffer.write(content)
    sys.stdout.buffer.flush()


_ONE = {Form.table: _pairs, Form.json: _json, Form.csv: _csv_one}
_MANY = {Form.table: _table, Form.json: _json_list, Form.csv: _csv}
