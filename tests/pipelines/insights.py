"""A registry in memory that takes insights and ticks, with counters to read: what the pipelines need of the API."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pyarrow as pa


class MemoryInsights:
    """Sets by kind, the active one last; ticks by id, each answered once; counters as they are added."""

    def __init__(self) -> None:
        self.sets: dict[str, list[dict[str, Any]]] = {}
        self.ticks: dict[str, dict[str, Any]] = {}
        self.sent: list[str] = []
        self.answers: list[dict[str, Any]] = []
        self.rows: list[dict[str, Any]] = []

    def close(self) -> None:
        """Nothing is open."""

    def publish_set(self, kind: str, rows: pa.Table, **facts: Any) -> UUID:
        made = uuid4()
        facts |= {"id": str(made), "rows": rows, "activated_at": datetime(2026, 6, 1, tzinfo=UTC).isoformat()}
        self.sets.setdefault(kind, []).append(facts)
        return made

    def active_set(self, kind: str) -> dict[str, Any] | None:
        return self.sets[kind][-1] if kind in self.sets else None

    def risks(self, **_: Any) -> Iterator[dict[str, Any]]:
        yield from (row for row in self.active("risk") if row["tenant_id"] is None)

    def active(self, kind: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.sets[kind][-1]["rows"].to_pylist()
        return rows

    def counters(self, since: str, **_: Any) -> Iterator[dict[str, Any]]:
        yield from (row for row in self.rows if row["minute"] >= since)

    def tick(self, id: UUID | str, at: Any, samples: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        self.sent.append(str(id))
        if str(id) not in self.ticks:
            answer = self.answers.pop(0) if self.answers else {"transitions": []}
            self.ticks[str(id)] = {"at": at, "samples": list(samples), "answer": answer}
        answered: dict[str, Any] = self.ticks[str(id)]["answer"]
        return answered
