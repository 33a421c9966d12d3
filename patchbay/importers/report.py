"""What an import did: every row read is accounted for, every refused one is named."""

import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from patchbay.core.client import BatchResult

Progress = Callable[[str, int, int | None], None]
"""Told (stage, rows or files done, how many there are or None) as an import goes on."""


@dataclass(frozen=True, slots=True)
class Where:
    """Where a row stands: the file inside the source, and its JSON pointer or `line N`."""

    source: str
    line: str = ""
    parts: tuple[str | int, ...] = ()

    def below(self, *parts: str | int) -> "Where":
        """A place further down."""
        return Where(self.source, self.line, self.parts + parts)

    @property
    def pointer(self) -> str:
        """The place inside the file: `line N` or an RFC 6901 JSON pointer; made only when asked for, as few are."""
        escaped = (str(part).replace("~", "~0").replace("/", "~1") for part in self.parts)
        return self.line + "".join(f"/{part}" for part in escaped)


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """One row that is not in the registry, and why."""

    kind: str
    source: str
    pointer: str
    code: str
    reason: str


@dataclass(slots=True)
class Tally:
    """Rows of one kind: received = accepted + duplicates + rejected; the other counts are parts of accepted."""

    received: int = 0
    accepted: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    duplicates: int = 0
    rejected: int = 0

    @property
    def adds_up(self) -> bool:
        """Whether every row received is accounted for."""
        known = self.created + self.updated + self.unchanged
        return self.received == self.accepted + self.duplicates + self.rejected and known <= self.accepted

    def add(self, result: BatchResult, *, events: bool) -> None:
        """Count a batch. A replayed one did nothing now: its events count as duplicates, its entities as unchanged."""
        self.received += result.received
        self.rejected += result.rejected
        self.duplicates += result.duplicates
        if result.replayed and events:
            self.duplicates += result.accepted
            return
        self.accepted += result.accepted
        if result.replayed:
            self.unchanged += result.accepted
            return
        self.created += result.created or 0
        self.updated += result.updated or 0
        self.unchanged += result.unchanged or 0

    def count_accepted(self, rows: int = 1) -> None:
        """Count rows that were taken."""
        self.received += rows
        self.accepted += rows

    def count_unchanged(self, rows: int = 1) -> None:
        """Count rows that say what was said before."""
        self.count_accepted(rows)
        self.unchanged += rows

    def count_duplicate(self, rows: int = 1) -> None:
        """Count rows that were there already."""
        self.received += rows
        self.duplicates += rows

    def count_rejected(self, rows: int = 1) -> None:
        """Count rows that were refused."""
        self.received += rows
        self.rejected += rows


@dataclass(slots=True)
class Report:
    """The account of one import.

    `details` holds figures that are no tallies, such as how many releases were restated. `rejects` names every row that
    was refused (of the kind it is counted under) and, as kind `fields`, every field left out of a row that was taken.
    """

    importer: str
    source: str
    totals: dict[str, Tally] = field(default_factory=dict)
    details: dict[str, int | str] = field(default_factory=dict)
    rejects: list[RejectedRow] = field(default_factory=list)

    def tally(self, kind: str) -> Tally:
        """The tally of a kind, new when there was none."""
        return self.totals.setdefault(kind, Tally())

    def reject(self, kind: str, where: Where, code: str, reason: str) -> None:
        """Count and keep a row that was refused before it was sent."""
        self.tally(kind).count_rejected()
        self.note_reject(kind, where, code, reason)

    def ignore_field(self, where: Where, code: str, reason: str) -> None:
        """Keep a field that is left out of a row which is otherwise taken."""
        self.details["ignored_fields"] = int(self.details.get("ignored_fields", 0)) + 1
        self.note_reject("fields", where, code, reason)

    def note_reject(self, kind: str, where: Where, code: str, reason: str) -> None:
        """Keep a refused row that is counted elsewhere."""
        self.rejects.append(RejectedRow(kind, where.source, where.pointer, code, reason))

    @property
    def adds_up(self) -> bool:
        """Whether every kind adds up."""
        return all(tally.adds_up for tally in self.totals.values())

    def write(self, path: Path) -> None:
        """Write the report as JSON, atomically."""
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        temporary.write_text(json.dumps(asdict(self), ensure_ascii=False, indent=1), encoding="utf-8")
        temporary.replace(path)
