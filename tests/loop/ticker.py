"""A process that ticks without end, its cursor in a file as Dagster keeps the sensor's, and a journal of what it was answered."""

import hashlib
import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

from patchbay.core.client import ApiError, ApiUnreachable, Client
from patchbay.core.clock import utcnow
from patchbay.core.settings import Settings
from pipelines.defs.live.ticking import tick
from pipelines.resources.insights import InsightsRoom, insights_of


class Journal:
    """The service's client, which writes down every tick it sends and every answer it is given."""

    def __init__(self, service: Client, file: Path) -> None:
        self._service = service
        self._file = file

    def __getattr__(self, name: str) -> Any:
        return getattr(self._service, name)

    def tick(self, id: UUID | str, at: str, samples: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """The answer, of which there is a line before anybody else knows it."""
        told = hashlib.sha256(json.dumps([at, *samples], sort_keys=True).encode()).hexdigest()
        self._write({"id": str(id), "told": told})
        answer = self._service.tick(id, at, samples)
        self._write({"id": str(id), "answer": answer})
        return answer

    def _write(self, line: dict[str, Any]) -> None:
        with self._file.open("ab", buffering=0) as file:
            file.write(json.dumps(line).encode() + b"\n")


def journal_of(settings: Settings) -> Path:
    """Where ticks and answers are written down."""
    return settings.root / "ticks.ndjson"


def room_of(settings: Settings) -> InsightsRoom:
    """What a tick works in, with a journal."""
    room = insights_of(settings)
    return replace(room, client=Journal(room.client, journal_of(settings)))  # type: ignore[arg-type]


def once(settings: Settings, room: InsightsRoom, now: Any = None) -> str:
    """One tick from the cursor that is kept to the next one; its id."""
    cursor = settings.root / "cursor"
    ticked = tick(room, now or utcnow(), cursor.read_text() if cursor.exists() else None)
    fresh = cursor.with_suffix(".new")
    fresh.write_text(ticked.id)
    fresh.replace(cursor)
    return ticked.id


def tick_on(settings: Settings, every: float) -> None:
    """Tick until killed; a registry that is away or stops in the middle is asked again, as by the sensor's next tick."""
    room = room_of(settings)
    while True:
        try:
            once(settings, room)
        except (ApiUnreachable, ApiError) as error:
            if isinstance(error, ApiError) and error.status < 500:
                raise
            print(error, file=sys.stderr, flush=True)
        time.sleep(every)
