"""Catalogue, targets and usage for the intake's tests, and how they are sent."""

import io
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import update

from registry_api.db import Crossing
from registry_api.jobs.models import Job

NDJSON = "application/x-ndjson"
ARROW = "application/vnd.apache.arrow.stream"


def ago(**span: float) -> str:
    """A recent time as senders write it."""
    return (datetime.now(UTC) - timedelta(**span)).isoformat().replace("+00:00", "Z")


def event(event_id: str, /, **fields: Any) -> dict[str, Any]:
    """A good usage event with `fields` laid over it; a field set to None is left out."""
    base = {"id": event_id, "type": "use", "at": ago(minutes=30), "plugin": "jenkins:git", "version": "1.0.0"}
    return {name: value for name, value in (base | fields).items() if value is not None}


def lines(*rows: Any) -> bytes:
    """Rows as NDJSON; bytes and text go in as they are."""
    parts = [
        row if isinstance(row, bytes) else row.encode() if isinstance(row, str) else orjson.dumps(row) for row in rows
    ]
    return b"\n".join(parts) + b"\n"


def stream(table: pa.Table) -> bytes:
    """A table as an Arrow IPC stream."""
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


async def send(
    client: httpx.AsyncClient,
    body: bytes,
    key: str = "batch",
    kind: str = NDJSON,
    path: str = "/v1/usage/batches",
    **headers: str,
) -> httpx.Response:
    """Post a columnar batch."""
    named = {"Content-Type": kind, "Idempotency-Key": key, **{n.replace("_", "-"): v for n, v in headers.items()}}
    return await client.post(path, content=body, headers=named)


async def accepted(client: httpx.AsyncClient, body: bytes, key: str = "batch", **more: Any) -> dict[str, Any]:
    """Post a columnar batch that must be taken; its result."""
    answer = await send(client, body, key, **more)
    assert answer.status_code in (200, 201), answer.text
    return dict(answer.json())


async def reject(client: httpx.AsyncClient, body: bytes, **more: Any) -> dict[str, Any]:
    """Post a batch of which exactly one row must be refused; its reject."""
    result = await accepted(client, body, **more)
    assert result["rejected"] == 1, result
    return dict(result["rejects"][0])


def plugin(name: str, *versions: str, **fields: Any) -> dict[str, Any]:
    """A plugin document in the namespace jenkins."""
    return {"namespace": "jenkins", "name": name, "releases": [{"version": version} for version in versions], **fields}


async def post(
    client: httpx.AsyncClient, path: str, status: int = 201, key: str | None = None, **body: Any
) -> dict[str, Any]:
    """Post JSON and expect a status."""
    answer = await client.post(path, json=body, headers={"Idempotency-Key": key} if key else {})
    assert answer.status_code == status, answer.text
    return dict(answer.json())


async def items(client: httpx.AsyncClient, path: str, **params: Any) -> list[dict[str, Any]]:
    """All items of a list, page by page."""
    found: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        answer = await client.get(path, params={**params, **cursor})
        assert answer.status_code == 200, answer.text
        page = answer.json()
        found += page["items"]
        if page["next"] is None:
            return found
        cursor = {"cursor": page["next"]}


async def feed(client: httpx.AsyncClient, name: str) -> list[dict[str, Any]]:
    """Every row of a feed."""
    answer = await client.get(f"/v1/feeds/{name}", params={"limit": 50000}, headers={"Accept": NDJSON})
    assert answer.status_code == 200, answer.text
    return [orjson.loads(line) for line in answer.text.splitlines()]


async def fill(api: Any) -> None:
    """The operator's public jenkins:git 1.0.0 and 1.1.0, and acme's targets t1 and t2."""
    await post(api.operator, "/v1/catalogue/batches", plugins=[plugin("git", "1.0.0", "1.1.0")])
    targets = [{"name": name, "environment": "staging", "kind": "jenkins-controller"} for name in ("t1", "t2")]
    await post(api.acme, "/v1/targets/batches", targets=targets)


async def stored(api: Any, stream_name: str = "usage") -> list[dict[str, Any]]:
    """All rows of the segments that count, found by the feed alone and read from the lake."""
    live: dict[str, str] = {}
    for row in await feed(api.service, "segments"):
        if row["stream"] == stream_name:
            if row["op"] == "added":
                live[row["id"]] = row["path"]
            else:
                del live[row["id"]]
    storage = api.app.state.storage
    return [row for path in live.values() for row in pq.read_table(io.BytesIO(storage.read_bytes(path))).to_pylist()]


async def run_later_jobs(api: Any) -> None:
    """Run the jobs that wait for a later time as if it had come."""
    async with api.app.state.database.writing(Crossing.SETUP) as session:
        await session.execute(
            update(Job).where(Job.state == "queued").values(run_at=datetime.now(UTC) - timedelta(hours=1))
        )
        await session.commit()
    await api.drain_jobs()
