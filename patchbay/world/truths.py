"""Planted truths: what happened, when, to whom, and what it does to the data. Only evaluation reads the file."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from patchbay.world.config import WorldConfig
from patchbay.world.times import iso

SCHEMA_VERSION = 1

TruthKind = Literal["surge", "outage", "bad_release", "leaky_release", "credential_misuse"]


@dataclass(frozen=True, slots=True)
class Truth:
    """One planted truth; times in microseconds, `[starts_at, ends_at)`.

    Indices are the world's own; None means all of them. `expected` says what the data should show, in numbers.
    """

    id: str
    kind: TruthKind
    starts_at: int
    ends_at: int
    tenant: int | None = None
    plugin: int | None = None
    release: int | None = None
    person: int | None = None
    targets: tuple[int, ...] = ()
    expected: dict[str, Any] = field(default_factory=dict)

    @property
    def minutes(self) -> float:
        """Length in minutes."""
        return (self.ends_at - self.starts_at) / 60e6


@dataclass(frozen=True, slots=True)
class Names:
    """How indices are called on the wire."""

    tenants: tuple[str, ...]
    plugins: list[str]
    versions: tuple[str, ...]
    targets: tuple[str, ...]
    persons: tuple[str, ...]


def as_document(truth: Truth, names: Names) -> dict[str, Any]:
    """A truth with the names the registry knows, times in ISO 8601."""
    return {
        "id": truth.id,
        "kind": truth.kind,
        "starts_at": iso(truth.starts_at),
        "ends_at": iso(truth.ends_at),
        "tenant": None if truth.tenant is None else names.tenants[truth.tenant],
        "plugin": None if truth.plugin is None else names.plugins[truth.plugin],
        "version": None if truth.release is None else names.versions[truth.release],
        "person": None if truth.person is None else names.persons[truth.person],
        "targets": [names.targets[target] for target in truth.targets],
        "expected": truth.expected,
    }


def write_truths(path: Path, config: WorldConfig, truths: tuple[Truth, ...], names: Names) -> None:
    """Write the truth file, whole or not at all: `{schema_version, world, defects, truths}`."""
    document = {
        "schema_version": SCHEMA_VERSION,
        "world": {"key": config.key, **config.as_json()},
        "defects": asdict(config.defects),
        "truths": [as_document(truth, names) for truth in truths],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(path.name + ".part")
    draft.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    draft.replace(path)
