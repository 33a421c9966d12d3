"""How often each process was started, kept on disk: what a restart of a running system is told apart by."""

import json
from pathlib import Path


class Generations:
    """Counts by name of process in `run/generations.json`, replaced in one step."""

    def __init__(self, home: Path) -> None:
        self._path = home / "run" / "generations.json"
        self._counts: dict[str, int] = self._read()

    def of(self, name: str) -> int:
        """How often a process was started; 0 for never."""
        return self._counts.get(name, 0)

    def set(self, name: str, count: int) -> None:
        """Note a start."""
        self._counts[name] = count
        part = self._path.with_suffix(".part")
        part.write_text(json.dumps(self._counts))
        part.replace(self._path)

    def _read(self) -> dict[str, int]:
        try:
            known = json.loads(self._path.read_text())
        except (FileNotFoundError, ValueError):
            return {}
        return known if isinstance(known, dict) else {}
