"""CSV rows with their line numbers; a damaged row is named and left out, the others are kept."""

import csv
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from patchbay.importers.report import Report, Where

REPLACED = "\N{REPLACEMENT CHARACTER}"
Row = dict[str, str]


def csv_rows(data: bytes, source: str, columns: Sequence[str], report: Report) -> Iterator[tuple[Row, Where]]:
    """The rows of a file that has at least these columns; a file without them is rejected as a whole."""
    lines = data.decode("utf-8-sig", "replace").split("\n")
    header = _cells(lines[0]) or []
    missing = [column for column in columns if column not in header]
    if missing:
        report.reject("files", Where(source, "line 1"), "malformed_file", f"lacks the columns {', '.join(missing)}")
        return
    report.tally("files").count_accepted()
    for number, line in enumerate(lines[1:], 2):
        if not line.strip():
            continue
        cells, where = _cells(line), Where(source, f"line {number}")
        if fault := _fault(cells, header):
            report.reject("observations", where, *fault)
        else:
            yield dict(zip(header, cells or (), strict=True)), where


def _cells(line: str) -> list[str] | None:
    """One line's cells, None when it is no CSV. Lines are read alone, so that an open quote costs one row only."""
    try:
        return next(csv.reader([line.removesuffix("\r")], strict=True), [])
    except csv.Error:
        return None


def _fault(cells: list[str] | None, header: list[str]) -> tuple[str, str] | None:
    if cells is None:
        return "malformed_row", "is no CSV, such as a quote that is not closed"
    if len(cells) != len(header):
        return "malformed_row", f"has {len(cells)} cells, the header {len(header)}"
    if any(REPLACED in cell for cell in cells):
        return "invalid_utf8", "is not UTF-8"
    return None


def as_utc(text: str) -> str | None:
    """An ISO 8601 time with its zone as UTC; None when it is none."""
    try:
        moment = datetime.fromisoformat(text)
        utc = moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return utc.isoformat(timespec="seconds").replace("+00:00", "Z") if moment.tzinfo else None
