"""A registry to import into: an in-memory twin that keeps what it is sent, and the real API in a process of its own."""

import io
import json
import os
import socket
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import zstandard

from patchbay.core.client import ApiError, BatchResult, Client, Reject


class Twin:
    """The client's methods that importers use, over dicts: upserts by name, duplicates by id, replays by key."""

    def __init__(self) -> None:
        self.documents: dict[str, dict[str, dict[str, Any]]] = {
            "plugins": {},
            "advisories": {},
            "targets": {},
            "observations": {},
        }
        self.releases: dict[tuple[str, str], dict[str, Any]] = {}
        self.statistics: list[dict[str, Any]] = []
        self.tenants: list[str] = []
        self.acting: str | None = None
        self.batches: dict[str, BatchResult] = {}
        self.posts = 0

    def acting_in(self, tenant: str) -> "Twin":
        self.acting = tenant
        return self

    def me(self) -> dict[str, Any]:
        return {"tenant": {"slug": "operator"}}

    def tenant(self, slug: str) -> dict[str, Any]:
        if slug not in self.tenants:
            raise ApiError(404, {"title": "Not found"})
        return {"slug": slug}

    def create_tenant(self, slug: str, name: str) -> None:
        self.tenants.append(slug)

    def plugins(self, **filters: Any) -> Iterator[dict[str, Any]]:
        return iter(list(self.documents["plugins"].values()))

    def rejects(self, batch_id: str) -> Iterator[Reject]:
        return iter(self.batches[batch_id].rejects)

    def post_catalogue(self, items: Sequence[dict[str, Any]], *, batch_id: str) -> BatchResult:
        for item in items:
            for release in item["releases"]:
                self.releases.setdefault((item["name"], release["version"]), {}).update(release)
        return self._upsert("plugins", items, lambda item: f"{item['namespace']}:{item['name']}", batch_id)

    def post_advisories(self, items: Sequence[dict[str, Any]], *, batch_id: str) -> BatchResult:
        return self._upsert("advisories", items, lambda item: item["external_id"], batch_id)

    def post_targets(self, items: Sequence[dict[str, Any]], *, batch_id: str) -> BatchResult:
        return self._upsert("targets", items, lambda item: item["name"], batch_id)

    def post_observations(self, items: Sequence[dict[str, Any]], *, batch_id: str) -> BatchResult:
        return self._append("observations", items, lambda row: row["id"], batch_id)

    def post_statistics(self, batch_id: str, rows: bytes, *, content_type: str) -> BatchResult:
        with pa.ipc.open_stream(rows) as reader:
            items = reader.read_all().to_pylist()
        result = self._append("statistics", items, None, batch_id)
        if not result.replayed:
            self.statistics += [item for item in items if item["plugin"] in self.documents["plugins"]]
        return result

    def _upsert(self, kind: str, items: Sequence[dict[str, Any]], name: Callable[[Any], str], key: str) -> BatchResult:
        stored, created = self.documents[kind], 0
        for item in items:
            created += name(item) not in stored
            stored.setdefault(name(item), {}).update(item)
        return self._answer(key, kind, len(items), created=created, updated=len(items) - created)

    def _append(
        self, kind: str, items: Sequence[dict[str, Any]], name: Callable[[Any], str] | None, key: str
    ) -> BatchResult:
        known = self.documents["plugins"].keys()
        bad = tuple(
            Reject(i, "plugin", "unknown_plugin", "unknown")
            for i, item in enumerate(items)
            if item["plugin"] not in known
        )
        duplicates = 0
        for item in items:
            if name is not None and item["plugin"] in known:
                duplicates += name(item) in self.documents[kind]
                self.documents[kind].setdefault(name(item), item)
        return self._answer(key, kind, len(items), duplicates=duplicates, rejects=bad)

    def _answer(self, key: str, stream: str, received: int, **given: Any) -> BatchResult:
        if key in self.batches:
            return BatchResult(
                **{**{f: getattr(self.batches[key], f) for f in BatchResult.__slots__}, "replayed": True}
            )
        self.posts += 1
        rejects = given.pop("rejects", ())
        counts = {"created": 0, "updated": 0, "unchanged": 0, "duplicates": 0} | given
        accepted = received - counts["duplicates"] - len(rejects)
        result = BatchResult(
            batch_id=key,
            stream=stream,
            received=received,
            accepted=accepted,
            rejected=len(rejects),
            replayed=False,
            rejects=rejects,
            **counts,
        )
        self.batches[key] = result
        return result


@pytest.fixture
def twin() -> Twin:
    """An empty registry in memory."""
    return Twin()


@pytest.fixture(scope="session")
def registry_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the real registry keeps its state."""
    return tmp_path_factory.mktemp("registry")


@pytest.fixture(scope="session")
def real_registry(registry_home: Path) -> Iterator[Client]:
    """The real API on SQLite in its own process, and a platform client for it."""
    home = registry_home
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    env = os.environ | {"PATCHBAY_HOME": str(home), "PATCHBAY_API_PORT": str(port), "PATCHBAY_LOG_LEVEL": "WARNING"}
    with (home / "log").open("w") as log:
        server = subprocess.Popen([sys.executable, "-m", "registry_api"], env=env, stdout=log, stderr=subprocess.STDOUT)
    try:
        _wait_for(port, server, home / "log")
        with Client(
            f"http://127.0.0.1:{port}", (home / "secrets" / "admin.token").read_text().strip(), timeout=120
        ) as client:
            yield client
    finally:
        server.terminate()
        server.wait(30)


def _wait_for(port: int, server: "subprocess.Popen[bytes]", log: Path) -> None:
    for _ in range(600):
        assert server.poll() is None, log.read_text()
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError(f"the API did not start: {log.read_text()}")


@pytest.fixture
def catalogue() -> Callable[..., bytes]:
    """Makes an update-center.json of plugin rows by name; each row is laid over a good one."""

    def make(plugins: dict[str, Any], *, warnings: Any = (), **more: Any) -> bytes:
        rows = {name: row if not isinstance(row, dict) else _plugin(name) | row for name, row in plugins.items()}
        root = {"plugins": rows, "warnings": warnings, "updateCenterVersion": 1} | more
        return b"updateCenter.post(\n" + json.dumps(root).encode() + b"\n);"

    return make


def _plugin(name: str) -> dict[str, Any]:
    return {
        "name": name,
        "version": "1.0",
        "title": name.title(),
        "excerpt": "Does <b>things</b>.",
        "requiredCore": "2.387.3",
        "url": f"https://example.org/{name}.hpi",
        "sha256": "9/PBrQjc0+Y139RuHFZ4A2bW9U/1FMHHK/w84G/HCR0=",
        "size": 606219,
        "releaseTimestamp": "2023-06-07T18:55:39.00Z",
        "labels": ["scm"],
        "developers": [{"developerId": "ada", "name": "Ada"}],
        "dependencies": [],
    }


@pytest.fixture
def folder(tmp_path: Path) -> Callable[..., Path]:
    """A folder of files by name."""

    def make(**files: bytes) -> Path:
        for name, data in files.items():
            (tmp_path / _file_name(name)).write_bytes(data)
        return tmp_path

    return make


def _file_name(name: str) -> str:
    """`d2023_01_01` is a dated catalogue, `stats_git` a plugin's counts."""
    if name.startswith("d2"):
        return f"update-center-{name[1:].replace('_', '-')}.json"
    return {"deprecations": "deprecations.properties", "current": "update-center.json"}.get(
        name, f"{name[6:]}.stats.json"
    )


@pytest.fixture
def tar() -> Callable[[dict[str, bytes]], bytes]:
    """Makes a tar archive of files by name."""

    def make(files: dict[str, bytes]) -> bytes:
        sink = io.BytesIO()
        with tarfile.open(fileobj=sink, mode="w") as archive:
            for name, data in files.items():
                member = tarfile.TarInfo(name)
                member.size = len(data)
                archive.addfile(member, io.BytesIO(data))
        return sink.getvalue()

    return make


@pytest.fixture
def zstd() -> Callable[[bytes], bytes]:
    """Compresses with zstandard."""
    return zstandard.ZstdCompressor(write_checksum=True).compress
