"""Usage rows per second from the door to the acknowledgement, fsync included, beside pyarrow writing the same rows to Parquet.

`python -m benchmarks.intake [--quick] [--kind arrow|ndjson]`. The server is a process of its own on SQLite; one client sends
batch after batch. 90 days of usage of 500 plugins with 18 releases each, 20,000 persons and 200 targets, as the generated world has.
"""

import io
import json
import os
import tempfile
import time
from argparse import ArgumentParser
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.serving import registry

PLUGINS, RELEASES, PERSONS, TARGETS, DAYS = 500, 18, 20_000, 200, 90
BATCH = 250_000
KINDS = {"arrow": "application/vnd.apache.arrow.stream", "ndjson": "application/x-ndjson"}


def main() -> None:
    """Command line; the last line of output is one JSON object."""
    parser = ArgumentParser(prog="python -m benchmarks.intake", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="500,000 rows instead of 2,000,000")
    parser.add_argument("--kind", choices=sorted(KINDS), default="arrow")
    told = parser.parse_args()
    result = measure(500_000 if told.quick else 2_000_000, told.kind)
    seconds, share = result["seconds"], result["share_of_bare"]
    print(f"{result['rows']:,} rows in {seconds} s; {share:.0%} of the rate of writing them to Parquet with fsync")
    print(json.dumps(result))


def measure(rows: int, kind: str) -> dict[str, Any]:
    """Rows per second of the intake and of the bare write."""
    tables = [_events(BATCH, seed) for seed in range(rows // BATCH)]
    bodies = [_body(table, kind) for table in tables]
    with tempfile.TemporaryDirectory() as folder:
        bare = min(_bare(tables, Path(folder)) for _ in range(2))
        home = Path(folder) / "home"
        with registry(home) as (address, token):
            headers = {"Authorization": f"Bearer {token}"}
            with httpx.Client(base_url=address, headers=headers, timeout=300) as client:
                _prepare(client)
                seconds = [_send(client, body, kind, f"batch-{place}") for place, body in enumerate(bodies)]
    total = sum(seconds)
    return {
        "benchmark": "intake",
        "database": "sqlite",
        "kind": kind,
        "rows": rows,
        "batch_rows": BATCH,
        "seconds": round(total, 2),
        "rows_per_second": round(rows / total),
        "best_batch_rows_per_second": round(BATCH / min(seconds)),
        "bare_rows_per_second": round(rows / bare),
        "share_of_bare": round(bare / total, 3),
    }


def _events(rows: int, seed: int) -> pa.Table:
    random = np.random.default_rng(seed)
    start = datetime.now(UTC) - timedelta(days=DAYS)
    at = np.sort(random.integers(0, DAYS * 86_400_000_000, rows)) + int(start.timestamp() * 1_000_000)

    def one_of(values: list[str]) -> pa.Array:
        return pa.array(values).take(pa.array(random.integers(0, len(values), rows)))

    return pa.table(
        {
            "id": [f"{seed}-{place:08x}" for place in range(rows)],
            "type": one_of(["use"] * 9 + ["error"]),
            "at": pa.array(at, pa.timestamp("us", "UTC")),
            "plugin": one_of([f"bench:plugin-{place}" for place in range(PLUGINS)]),
            "version": one_of([f"1.{place}.0" for place in range(RELEASES)]),
            "target": one_of([f"target-{place}" for place in range(TARGETS)]),
            "person": one_of([f"person-{place}@example.org" for place in range(PERSONS)]),
            "outcome": one_of(["ok"] * 19 + ["error"]),
            "duration_ms": random.gamma(2, 100, rows),
        }
    )


def _body(table: pa.Table, kind: str) -> bytes:
    if kind == "ndjson":
        return b"".join(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) for row in table.to_pylist())
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


def _bare(tables: list[pa.Table], folder: Path) -> float:
    started = time.perf_counter()
    for place, table in enumerate(tables):
        with (folder / f"{place}.parquet").open("wb") as file:
            pq.write_table(table, file, compression="zstd", compression_level=1)
            file.flush()
            os.fsync(file.fileno())
    return time.perf_counter() - started


def _prepare(client: httpx.Client) -> None:
    releases = [{"version": f"1.{place}.0"} for place in range(RELEASES)]
    plugins = [{"namespace": "bench", "name": f"plugin-{place}", "releases": releases} for place in range(PLUGINS)]
    client.post("/v1/catalogue/batches", json={"plugins": plugins}).raise_for_status()
    targets = [{"name": f"target-{place}", "environment": "production", "kind": "bench"} for place in range(TARGETS)]
    client.post("/v1/targets/batches", json={"targets": targets}).raise_for_status()


def _send(client: httpx.Client, body: bytes, kind: str, key: str) -> float:
    started = time.perf_counter()
    answer = client.post(
        "/v1/usage/batches", content=body, headers={"Content-Type": KINDS[kind], "Idempotency-Key": key}
    )
    seconds = time.perf_counter() - started
    if answer.status_code != 201 or answer.json()["accepted"] != BATCH:
        raise RuntimeError(f"{key} was not taken whole: {answer.text[:500]}")
    return seconds


if __name__ == "__main__":
    main()
