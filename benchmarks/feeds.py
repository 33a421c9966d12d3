"""Feed rows per second as Arrow and NDJSON over HTTP, beside a plain select of the same rows written as Arrow IPC.

`python -m benchmarks.feeds [--quick]`
"""

import asyncio
import io
import json
import sqlite3
import tempfile
import time
from argparse import ArgumentParser
from collections.abc import Callable
from pathlib import Path

import httpx
import pyarrow as pa
import pyarrow.json

from benchmarks.serving import registry
from patchbay.core.clock import utcnow
from patchbay.core.contracts import FEEDS
from patchbay.core.ids import new_id
from patchbay.core.settings import Settings
from registry_api.db import Crossing, Database, UnitOfWork, system_principal
from registry_api.feeds.encode import ARROW, NDJSON
from registry_api.tenancy.repository import find_operator_id

FEED = "releases"
PAGE = 50_000
ROWS_A_COMMIT = 10_000


def main() -> None:
    """Command line; the last line of output is one JSON object."""
    parser = ArgumentParser(prog="python -m benchmarks.feeds", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="100,000 rows instead of 500,000")
    print(json.dumps(measure(100_000 if parser.parse_args().quick else 500_000)))


def measure(rows: int) -> dict[str, object]:
    """Rows per second of each way to read the whole feed, best of three."""
    with tempfile.TemporaryDirectory() as folder, registry(Path(folder)) as (address, token):
        home = Path(folder)
        publishing = asyncio.run(_fill(home, rows))
        with httpx.Client(base_url=address, headers={"Authorization": f"Bearer {token}"}, timeout=60) as client:
            rates = {
                "arrow": _best(lambda: _read(client, ARROW), rows),
                "ndjson": _best(lambda: _read(client, NDJSON), rows),
            }
        bare = _best(lambda: _bare(home / "registry.db"), rows)
    share = {form: round(rate / bare, 3) for form, rate in rates.items()}
    found = {f"{form}_rows_per_second": rate for form, rate in rates.items()}
    return {
        "benchmark": "feeds",
        "database": "sqlite",
        "rows": rows,
        "bare_rows_per_second": bare,
        **found,
        "share_of_bare": share,
        "published_rows_per_second": publishing,
    }


def _best(read: Callable[[], int], rows: int) -> int:
    """Rows per second of the fastest of three readings; each must have read every row."""
    rates = []
    for _ in range(3):
        started = time.perf_counter()
        if (found := read()) != rows:
            raise RuntimeError(f"read {found} rows of {rows}")
        rates.append(rows / (time.perf_counter() - started))
    return round(max(rates))


def _read(client: httpx.Client, form: str) -> int:
    found, after, more = 0, "0", True
    while more:
        page = f"/v1/feeds/{FEED}?after={after}&limit={PAGE}"
        answer = client.get(page, headers={"Accept": form}).raise_for_status()
        found += _count(answer.content, form)
        after, more = answer.headers["Patchbay-Next-After"], answer.headers["Patchbay-More"] == "true"
    return found


def _count(content: bytes, form: str) -> int:
    if form == NDJSON:
        return content.count(b"\n")
    return int(pa.ipc.open_stream(io.BytesIO(content)).read_all().num_rows)


def _bare(path: Path) -> int:
    """The least anybody could do: select the rows, parse their JSON, write Arrow IPC, all in one process."""
    connection, after, found = sqlite3.connect(path), 0, 0
    while True:
        query = "SELECT seq, line FROM outbox WHERE feed = ? AND seq > ? ORDER BY seq LIMIT ?"
        rows = connection.execute(query, (FEED, after, PAGE)).fetchall()
        if not rows:
            connection.close()
            return found
        text = "\n".join(line for _, line in rows).encode()
        schema = pa.schema(field for field in FEEDS[FEED].arrow_schema() if field.name != "seq")
        table = pyarrow.json.read_json(io.BytesIO(text), parse_options=pyarrow.json.ParseOptions(_as_json(schema)))
        with pa.ipc.new_stream(pa.BufferOutputStream(), table.schema) as writer:
            writer.write_table(table)
        after, found = rows[-1][0], found + table.num_rows


def _as_json(schema: pa.Schema) -> pa.Schema:
    """Times read as text: Arrow's JSON reader knows no time with a zone."""
    plain = [pa.field(f.name, pa.string() if pa.types.is_timestamp(f.type) else f.type) for f in schema]
    return pa.schema(plain)


async def _fill(home: Path, rows: int) -> int:
    """Publish rows as a service would, in commits of ten thousand; rows per second."""
    database = Database(Settings(home=home).resolved_database_url)
    async with database.reading(Crossing.SETUP) as session:
        operator = await find_operator_id(session)
    if operator is None:
        raise RuntimeError("the registry is not set up")
    started = time.perf_counter()
    for _ in range(rows // ROWS_A_COMMIT):
        async with database.writing(Crossing.SETUP) as session:
            work = UnitOfWork(session, system_principal(operator, operator))
            for _ in range(ROWS_A_COMMIT):
                work.publish(FEED, "upsert", new_id(), _release(), tenant_id=operator, public=True)
            work.audit("benchmark.published", FEED)
            await work.commit()
    elapsed = time.perf_counter() - started
    await database.close()
    return round(rows / elapsed)


def _release() -> dict[str, object]:
    return {
        "plugin_id": new_id(),
        "version": "1.2.3",
        "version_scheme": "semver",
        "sort_key": "0001.0002.0003",
        "prerelease": False,
        "requires_host": None,
        "artifact_url": "https://registry.example/plugin-1.2.3.hpi",
        "digest": "sha256:" + "a" * 64,
        "size_bytes": 123_456,
        "yanked": False,
        "released_at": utcnow(),
    }


if __name__ == "__main__":
    main()
