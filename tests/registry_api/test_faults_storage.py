"""The lake's disk is full, really: a batch is refused with 503, and taken whole when there is room again."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.registry_api.intake_data import accepted, event, lines, send
from tests.registry_api.served import served

SMALL = "size=256k"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of its own with hardly any room; skips where mounting is not permitted."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", SMALL, "tmpfs", str(folder)]
    mounted = subprocess.run(mount, capture_output=True, text=True, check=False)
    if mounted.returncode != 0:
        pytest.skip(f"no disk can be mounted here: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def filled(disk: Path) -> Path:
    """A file that takes all the room there is."""
    filler = disk / ".filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while file.write(b"x" * 4096):
                pass
        except OSError:
            return filler
    raise AssertionError("the disk never filled up")


@pytest.mark.parametrize("backend", ["sqlite"])
async def test_a_lake_without_room_refuses_a_batch_and_takes_it_whole_later(registry: Any, small_disk: Path) -> None:
    settings, tokens = registry
    batch = lines(*(event(f"e{number}") for number in range(500)))
    headers = {"Authorization": f"Bearer {tokens['acme']}"}
    with served(settings, PATCHBAY_STORAGE_URL=f"file://{small_disk}") as server:
        async with httpx.AsyncClient(base_url=server.address, headers=headers, timeout=60) as client:
            filler = filled(small_disk)
            refused = await send(client, batch)
            assert (refused.status_code, refused.json()["type"].rsplit("/", 1)[1]) == (503, "unavailable"), refused.text
            assert int(refused.headers["Retry-After"]) >= 1
            assert (await client.get("/v1/plugins")).status_code == 200, "what needs no lake goes on"
            assert (await client.get("/v1/intake/batches")).json()["items"] == []
            filler.unlink()
            result = await accepted(client, batch)
            assert (result["accepted"] + result["rejected"], result["replayed"]) == (500, False)
            assert (await accepted(client, batch))["replayed"] is True
    leftovers = [path for path in small_disk.rglob(".*") if path.is_file()]
    assert leftovers == [], "nothing half-written stays"
