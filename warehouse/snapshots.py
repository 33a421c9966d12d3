"""The pointer to what is published, and where its files are. Light to import: readers need it too.

`<published>/current.json` names, for each tenant, the snapshot file that holds. It is replaced by rename, so a reader sees the
old publication or the new one. `<published>/history/<id>.json` keeps the last ones, and the files that they name are kept.
"""

import os
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

FOLDER = "published"
"""Folder under the state folder."""


class TenantEntry(BaseModel):
    """A tenant's snapshot: the file (relative to the folder), the id of the publication that wrote it, its content's digest.

    `operator` marks a tenant that sees everybody's rows.
    """

    model_config = ConfigDict(frozen=True)

    file: str
    snapshot_id: str
    digest: str
    rows: int
    operator: bool = False


class CheckOutcome(BaseModel):
    """The last outcome of one rule of one table."""

    model_config = ConfigDict(frozen=True)

    check_name: str
    table_name: str
    severity: str
    passed: bool
    observed: str
    expected: str
    failed_rows: int
    checked_at: datetime


class Pointer(BaseModel):
    """One publication; `head_seq` is the position of the registry's feeds that it stands at."""

    model_config = ConfigDict(frozen=True)

    snapshot_id: str
    published_at: datetime
    build_run_id: str
    data_until: datetime | None
    head_seq: int
    tenants: dict[str, TenantEntry]
    checks: list[CheckOutcome]


def pointer_file(folder: Path) -> Path:
    """Where the current publication is named."""
    return folder / "current.json"


def write_durably(path: Path, text: str) -> None:
    """Replace a file at once: after a crash it is the old one or the new one, whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp")
    with temporary.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_pointer(path: Path) -> Pointer:
    """The publication a file names; FileNotFoundError when nothing was published."""
    return Pointer.model_validate_json(path.read_bytes())


def outcome_rows(pointer: Pointer) -> list[dict[str, Any]]:
    """The check outcomes as plain rows."""
    return [outcome.model_dump() for outcome in pointer.checks]
