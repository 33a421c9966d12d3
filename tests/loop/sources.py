"""Counts straight from the public registries' files, by code that shares nothing with the importers."""

import csv
import io
import json
import tarfile
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import zstandard


@dataclass(frozen=True)
class Counts:
    """What is to be the same everywhere for one plugin."""

    releases: int
    dependencies: int
    warnings: int
    instances: int


class JenkinsFiles:
    """All monthly catalogues, oldest first, and the controllers' events."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.catalogues = [body for _, body in sorted(self._catalogues(), key=lambda found: found[0])]
        self.newest = self.catalogues[-1]
        self.versions: dict[str, set[str]] = defaultdict(set)
        self.warnings: dict[str, set[str]] = defaultdict(set)
        for catalogue in self.catalogues:
            for name, plugin in catalogue["plugins"].items():
                self.versions[name] |= {
                    plugin["version"],
                    *([plugin["previousVersion"]] if plugin.get("previousVersion") else []),
                }
            for warning in catalogue["warnings"]:
                self.warnings[warning["name"] if warning["type"] == "plugin" else ""].add(warning["id"])
        self.last: dict[str, dict[str, Any]] = {}
        for catalogue in self.catalogues:
            self.last.update(catalogue["plugins"])

    def _catalogues(self) -> Iterator[tuple[str, dict[str, Any]]]:
        for path in (self.data / "jenkins" / "update-center-sample").glob("*.json"):
            yield path.stem[-10:], _unwrapped(path.read_text())
        packed = (self.data / "jenkins" / "update-center-monthly.tar.zst").read_bytes()
        stream = zstandard.ZstdDecompressor(max_window_size=2**27).stream_reader(io.BytesIO(packed))
        with tarfile.open(fileobj=stream, mode="r|") as archive:
            for member in archive:
                if member.isfile() and member.name.endswith(".json"):
                    found = archive.extractfile(member)
                    assert found is not None
                    yield Path(member.name).stem[-10:], _unwrapped(found.read().decode())

    def counts(self, plugin: str) -> Counts:
        """The counts of one plugin."""
        return Counts(
            releases=len(self.versions[plugin]),
            dependencies=len(self.last[plugin]["dependencies"]),
            warnings=len(self.warnings[plugin]),
            instances=len(self.instances(plugin)),
        )

    def events(self) -> list[dict[str, str]]:
        """The controllers' dated add and remove events."""
        with (self.data / "jiro" / "derived" / "plugin-events.csv").open() as file:
            return list(csv.DictReader(file))

    def heads(self) -> list[dict[str, str]]:
        """What each controller has in the end."""
        with (self.data / "jiro" / "derived" / "instance-plugins-head.csv").open() as file:
            return list(csv.DictReader(file))

    def instances(self, plugin: str) -> set[str]:
        """Controllers that have the plugin after the last event, with what the end state shows added to it."""
        have: set[str] = set()
        mine = [event for event in self.events() if event["plugin"] == plugin]
        for event in sorted(mine, key=lambda e: (datetime.fromisoformat(e["commit_time"]), e["event"] == "add")):
            (have.add if event["event"] == "add" else have.discard)(event["instance"])
        return have | {row["instance"] for row in self.heads() if row["plugin"] == plugin}


def _unwrapped(text: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(text[text.index("{") : text.rindex("}") + 1])
    return found
