"""What is written down beside every model: how it was made, from which data, how well it did, and what it is no good for."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Self

import polars as pl

HASH_LENGTH = 16
"""Hexadecimal digits kept of a hash: 64 bits are plenty to tell one training from another."""
ROWS_A_PART = 1 << 16


@dataclass(frozen=True, slots=True)
class TrainedOn:
    """How much a model has seen, and from when: the first and last moment of its rows, None when it had none."""

    rows: int
    since: datetime | None
    until: datetime | None


@dataclass(frozen=True, slots=True)
class ModelCard:
    """One trained model's papers. `metrics` were measured as `protocol` says; `limits` says when not to trust it."""

    name: str
    version: str
    config: Mapping[str, Any]
    data_hash: str
    trained_on: TrainedOn
    metrics: Mapping[str, float]
    protocol: str
    limits: str

    def to_json(self) -> bytes:
        """The card as JSON with sorted keys; raises `ValueError` for a metric that is no finite number."""
        document = asdict(self)
        return json.dumps(document, indent=1, sort_keys=True, default=datetime.isoformat, allow_nan=False).encode()

    @classmethod
    def from_json(cls, text: bytes) -> Self:
        """The card that `to_json` wrote; raises `TypeError` for a missing or unknown field."""
        document = json.loads(text)
        seen = document.pop("trained_on")
        since, until = (datetime.fromisoformat(seen[key]) if seen[key] else None for key in ("since", "until"))
        return cls(trained_on=TrainedOn(seen["rows"], since, until), **document)

    def to_markdown(self) -> str:
        """The card for people: a table of facts, a table of metrics under their protocol, the limits."""
        seen = self.trained_on
        period = f", {seen.since:%Y-%m-%d} to {seen.until:%Y-%m-%d}" if seen.since and seen.until else ""
        facts = {
            "version": self.version,
            "trained on": f"{seen.rows:,} rows{period}",
            "data": f"`{self.data_hash}`",
            "config": f"`{json.dumps(dict(self.config), sort_keys=True)}`",
        }
        metrics = {name: f"{value:.4g}" for name, value in self.metrics.items()}
        parts = [f"# {self.name}", _table("", facts), "## Measured", self.protocol, _table("metric", metrics)]
        return "\n\n".join([*parts, "## Limits", self.limits]) + "\n"


def data_hash(frame: pl.DataFrame) -> str:
    """Hexadecimal hash of a frame's column names, types and values; the order of its rows does not matter.

    Every cell counts, so that a changed timestamp is another data set. Equal for equal data on every machine.
    """
    digest = hashlib.sha256(repr(list(frame.schema.items())).encode())
    rows = frame.sort(frame.columns) if frame.width else frame
    for part in rows.iter_slices(ROWS_A_PART):
        digest.update(part.write_csv(include_header=False).encode())
    return digest.hexdigest()[:HASH_LENGTH]


def config_hash(config: Mapping[str, Any]) -> str:
    """Hexadecimal hash of a config's content, whatever the order of its keys."""
    return hashlib.sha256(json.dumps(config, sort_keys=True, default=str).encode()).hexdigest()[:HASH_LENGTH]


def _table(title: str, rows: Mapping[str, str]) -> str:
    head = f"| {title} | |\n|---|---|\n"
    return head + "\n".join(f"| {name} | {_cell(value)} |" for name, value in rows.items())


def _cell(text: str) -> str:
    """A cell's text cannot end the cell."""
    return text.replace("|", "\\|")
