"""Files and streams as batches."""

import io
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from patchbay.client import ARROW, NDJSON
from tests.core.client.server import RESULT, Registry, failing, ok

ROWS = b'{"id": "1"}\n' * 20_000


def test_a_file_is_sent_from_disk_with_its_progress(registry: Registry, client: Any, tmp_path: Path) -> None:
    registry.will_answer(ok(RESULT, 201))
    file = tmp_path / "events.ndjson"
    file.write_bytes(ROWS)
    told: list[tuple[int, int | None]] = []
    client.post_usage("b-1", file, progress=lambda done, total: told.append((done, total)))
    (request,) = registry.requests
    assert request.length == len(ROWS) and ROWS.startswith(request.body)
    assert told[-1] == (len(ROWS), len(ROWS)) and len(told) == 4
    assert [done for done, _ in told] == sorted(done for done, _ in told)


def test_an_upload_that_was_cut_off_is_sent_again_from_its_start(
    registry: Registry, client: Any, tmp_path: Path
) -> None:
    registry.will_answer(None, failing(503), ok(RESULT))
    file = tmp_path / "events.ndjson"
    file.write_bytes(b"header\n" + ROWS[:1200])
    with file.open("rb") as stream:
        stream.readline()
        client.post_usage("b-1", stream)
    assert {request.body for request in registry.requests} == {ROWS[:1200]} and len(registry.requests) == 3


def test_a_large_file_is_never_whole_in_memory(registry: Registry, client: Any, tmp_path: Path) -> None:
    registry.will_answer(ok(RESULT))
    file = tmp_path / "events.arrow"
    with file.open("wb") as sink:
        sink.truncate(48 * 1024 * 1024)
    tracemalloc.start()
    client.post_usage("b-1", file)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert registry.requests[0].length == 48 * 1024 * 1024 and peak < 8 * 1024 * 1024


@pytest.mark.parametrize(
    ("name", "form", "packing"),
    [
        ("a.ndjson", NDJSON, None),
        ("a.jsonl.gz", NDJSON, "gzip"),
        ("a.arrow", ARROW, None),
        ("a.arrow.zst", ARROW, "zstd"),
        ("a", NDJSON, None),
    ],
)
def test_a_files_name_tells_its_form(
    registry: Registry, client: Any, tmp_path: Path, name: str, form: str, packing: str | None
) -> None:
    registry.will_answer(ok(RESULT))
    (tmp_path / name).write_bytes(b"{}")
    client.post_statistics("b", tmp_path / name)
    headers = registry.requests[0].headers
    assert (headers["Content-Type"], headers["Content-Encoding"]) == (form, packing)


def test_progress_is_told_of_rows_as_well(registry: Registry, client: Any) -> None:
    registry.will_answer(ok(RESULT))
    told: list[tuple[int, int | None]] = []
    client.post_usage("b", [{"id": str(number)} for number in range(500)], progress=lambda *done: told.append(done))
    (request,) = registry.requests
    assert told == [(request.length, request.length)] and request.headers["Content-Encoding"] == "zstd"


def test_a_stream_in_memory_is_sent_from_where_it_stands(registry: Registry, client: Any) -> None:
    registry.will_answer(ok(RESULT))
    stream = io.BytesIO(b"xx{}\n")
    stream.seek(2)
    client.post_usage("b", stream)
    assert registry.requests[0].body == b"{}\n"
