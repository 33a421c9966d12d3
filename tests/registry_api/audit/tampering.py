"""What somebody with the whole database in hand can do to an audit chain, hashing everything anew where that helps."""

import io
import json
from collections.abc import Callable
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import delete, insert, select, update

from patchbay.core.audit.export import ExportedChain
from patchbay.core.audit.merkle import Frontier, leaf_hash
from patchbay.core.audit.notes import notes_in, public_key_of
from patchbay.core.audit.records import GENESIS, link, opening
from patchbay.core.audit.verify import Verdict, verify_export
from patchbay.core.clock import as_utc
from registry_api.audit.models import AuditHead, AuditRecord
from registry_api.tenancy.models import Tenant

RECORDS, HEADS = AuditRecord.__table__, AuditHead.__table__
Rows = list[dict[str, Any]]


async def history(api: Any, times: int = 4) -> None:
    """Some changes; each leaves one record."""
    for number in range(times):
        answer = await api.acme.post("/v1/tokens", json={"name": f"t{number}", "role": "viewer"})
        assert answer.status_code == 201


async def checkpoint(api: Any, caller: str = "acme") -> dict[str, Any]:
    """Have a checkpoint written through the door; the job that did it."""
    asked = (await getattr(api, caller).post("/v1/jobs", json={"kind": "audit.checkpoint"})).json()
    await api.drain_jobs()
    return dict((await getattr(api, caller).get(f"/v1/jobs/{asked['id']}")).json())


async def verdict(api: Any, caller: str = "acme") -> dict[str, Any]:
    """What the registry says of its own chain."""
    answer = await getattr(api, caller).get("/v1/audit/verify")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def exported(api: Any, caller: str = "acme") -> bytes:
    """The chain as a file."""
    answer = await getattr(api, caller).get("/v1/audit/export")
    assert answer.status_code == 200, answer.text
    return bytes(answer.content)


async def offline(api: Any, file: bytes, *, trusting: bool = True, notes: list[str] | None = None) -> Verdict:
    """What the file says to somebody who has only it and the key."""
    key = public_key_of((await api.acme.get("/v1/audit/key")).json()["public_key"])
    return verify_export(ExportedChain(io.BytesIO(file)), notes or [], key if trusting else None)


async def anchored_history(api: Any) -> None:
    """Seven records, all of them covered by a checkpoint."""
    await history(api)
    job = await checkpoint(api)
    assert (job["state"], job["result"]) == ("succeeded", {"anchored": 7})
    found = await verdict(api)
    assert (found["valid"], found["checkpoints"], found["anchored"]) == (True, 1, 7)


async def is_found(api: Any, reason: str, *, signed: bool = False) -> bytes:
    """Both the registry and whoever has the exported file say no, also after the next checkpoint, which is refused.

    One is `signed` where only records were touched that are anchored: it goes on from the tree that was signed, which they do
    not fit any more than before.
    """
    found = await verdict(api)
    assert not found["valid"], found
    assert reason in found["reason"]
    file = await exported(api)
    assert not (await offline(api, file)).valid
    notes = kept_notes(api)
    job = await checkpoint(api)
    assert (job["state"], len(kept_notes(api)) - len(notes)) == (("succeeded", 1) if signed else ("dead", 0)), job
    assert not (await verdict(api))["valid"]
    return file


def kept_notes(api: Any) -> list[str]:
    """Every checkpoint in the folder of anchors."""
    files = (api.settings.root / "anchors").glob("*")
    return [note for file in files for note in notes_in(file.read_text())]


async def tenant_id(connection: Any, slug: str) -> Any:
    return (await connection.execute(select(Tenant.id).where(Tenant.slug == slug))).scalar_one()


async def stolen(api: Any, slug: str = "acme") -> tuple[Rows, Rows]:
    """A copy of the rows of a chain and of its head: a backup."""
    async with api.app.state.database.engine.connect() as connection:
        tenant = await tenant_id(connection, slug)
        rows = await connection.execute(select(RECORDS).where(RECORDS.c.tenant_id == tenant).order_by("position"))
        heads = await connection.execute(select(HEADS).where(HEADS.c.tenant_id == tenant))
        return [dict(row._mapping) for row in rows], [dict(row._mapping) for row in heads]


async def put_back(api: Any, rows: Rows, heads: Rows, slug: str = "acme") -> None:
    """Make the chain what these rows say."""
    async with api.app.state.database.engine.begin() as connection:
        tenant = await tenant_id(connection, slug)
        theirs = RECORDS.c.id.in_([row["id"] for row in rows])  # where another tenant has them by now
        await connection.execute(delete(RECORDS).where((RECORDS.c.tenant_id == tenant) | theirs))
        await connection.execute(delete(HEADS).where(HEADS.c.tenant_id == tenant))
        await connection.execute(insert(RECORDS), [row | {"tenant_id": tenant} for row in rows])
        await connection.execute(insert(HEADS), [head | {"tenant_id": tenant} for head in heads])


async def rewritten(api: Any, edit: Callable[[Rows], Rows], *, covering: bool = False) -> None:
    """Change the records as documents, then hash the chain, its head and its tree anew, so that it is whole in itself.

    `covering` also rewrites what the database remembers of the newest checkpoint.
    """
    rows, [head] = await stolen(api)
    documents = edit([orjson.loads(row["canonical"]) for row in rows])
    forged, previous, tree = [], GENESIS, Frontier()
    for position, document in enumerate(documents, 1):
        at = document["at"]
        rest = orjson.dumps({k: v for k, v in document.items() if k not in ("tenant", "position", "at")})
        canonical = opening(document["tenant"], position) + at.encode() + b'",' + rest[1:]
        digest = link(previous, canonical)
        columns = {name: document[name] for name in ("action", "subject", "actor")}
        moment = as_utc(rows[0]["recorded_at"].fromisoformat(at))
        forged.append({"id": UUID(document["id"]), "recorded_at": moment, "position": position, **columns})
        forged[-1] |= {"canonical": canonical, "previous_hash": previous, "hash": digest}
        tree.append(leaf_hash(canonical))
        previous = digest
    head |= {"position": len(forged), "hash": previous, "frontier": tree.stored}
    head |= {"anchored_size": tree.size, "anchored_frontier": tree.stored} if covering else {}
    await put_back(api, forged, [head])


async def set_head(api: Any, **columns: Any) -> None:
    async with api.app.state.database.engine.begin() as connection:
        tenant = await tenant_id(connection, "acme")
        await connection.execute(update(HEADS).where(HEADS.c.tenant_id == tenant).values(**columns))


def lines(content: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in content.splitlines()]
