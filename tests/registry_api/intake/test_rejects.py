"""Rejects: all are kept, a page at a time, and however many there are they do not fill the memory."""

import io
import json
import subprocess
import sys
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from registry_api.intake.columnar.parsed import PIECE_ROWS
from registry_api.intake.rejects import GROUP_ROWS
from tests.registry_api.intake_data import ARROW, accepted, event, feed, fill, lines, stream


@pytest.fixture
def backend() -> str:
    """Rejects lie in the lake, so one database is enough here."""
    return "sqlite"


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["arrow", "ndjson"])
def test_a_million_refused_rows_fit_into_a_small_part_of_the_memory(kind: str) -> None:
    command = [sys.executable, "-m", "tests.registry_api.intake.weigh", kind]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout)
    assert found["rows"] == 1_000_000 and found["judged"] < 350, "three at once stay far below 2 GiB"
    assert found["page"] == [555_555, 555_556] and found["read"] < 100, "a page costs a page, not the file"


@pytest.mark.parametrize("kind", ["arrow", "ndjson"])
async def test_every_reject_of_a_batch_of_several_pieces_is_kept_in_order(api: Any, kind: str) -> None:
    await fill(api)
    rows = PIECE_ROWS + 10
    bad = {7, 9_999, 10_000, PIECE_ROWS - 1, PIECE_ROWS, rows - 1, *range(20_000, 31_000)}
    result = await _send(api, kind, [event(str(n), type="x" if n in bad else "use") for n in range(rows)])
    assert (result["received"], result["accepted"], result["rejected"]) == (rows, rows - len(bad), len(bad))
    assert [row["row_index"] for row in result["rejects"]] == sorted(bad)[:100]
    (kept,) = [row for row in await feed(api.service, "intake_batches") if row["rejected"] == len(bad)]
    file = pq.ParquetFile(io.BytesIO(api.app.state.storage.read_bytes(kept["rejects_path"])))
    assert file.read().column("row_index").to_pylist() == sorted(bad)
    assert max(file.metadata.row_group(n).num_rows for n in range(file.num_row_groups)) <= GROUP_ROWS
    assert await _pages(api) == [(place, str(place)) for place in sorted(bad)]


async def _pages(api: Any) -> list[tuple[int, str]]:
    """Place and event id of every reject, read in pages, of which some lie in two row groups."""
    found: list[tuple[int, str]] = []
    params: dict[str, Any] | None = {"limit": 490}
    while params is not None:
        page = (await api.acme.get("/v1/intake/batches/batch/rejects", params=params)).json()
        found += [(row["row_index"], json.loads(row["row"])["id"]) for row in page["items"]]
        params = {"limit": 490, "cursor": page["next"]} if page["next"] else None
    return found


async def _send(api: Any, kind: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    if kind == "ndjson":
        return await accepted(api.acme, lines(*rows))
    table = pa.Table.from_pylist(rows)
    times = pa.array([datetime(2026, 5, 1, tzinfo=UTC)] * len(rows), pa.timestamp("us", "UTC"))
    body = stream(table.set_column(table.schema.get_field_index("at"), "at", times))
    return await accepted(api.acme, body, kind=ARROW)
