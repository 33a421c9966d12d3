"""Publishing: an immutable read-only DuckDB file per tenant, and one pointer moved at once.

Only tenants whose content changed get a new file. Nothing is published while a blocking rule fails, a table is unjudged or
a day of one is stale; then the last good publication stays.
"""

import hashlib
import os
import re
import shutil
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import duckdb

from patchbay.core.clock import utcnow
from patchbay.core.ids import new_id
from warehouse.bookkeeping import PARTITIONED, Bookkeeping
from warehouse.contracts import TABLES, TableContract
from warehouse.engines.duckdb import DuckDBEngine, quoted
from warehouse.sharing import IN_FORCE
from warehouse.snapshots import (
    CheckOutcome,
    Pointer,
    TenantEntry,
    pointer_file,
    read_pointer,
    sync_folder,
    write_durably,
)

KEEP = 3
"""Publications whose files are kept."""
SMALL_BLOCK, LARGE_BLOCK = 16_384, 262_144
"""Bytes of a snapshot's block. With the smallest that DuckDB has a tenant's file is about 1 MB and not 7; the operator's file
holds everybody's rows and is written faster with the usual one."""
PUBLISHED = tuple(contract for contract in TABLES.values() if contract.scope)
"""Tables that go into snapshots."""
_SAFE = re.compile(r"[A-Za-z0-9_-]{1,100}\Z")
# The id stands in the text, since DuckDB skips blocks of a sorted table by a literal and not by a variable.
_OWN = "tenant_id = '{tenant}'"
_GRANTED = (
    "EXISTS (SELECT 1 FROM granted_plugins g WHERE g.grantee_id = '{tenant}' AND g.owner_id = t.tenant_id "
    "AND g.plugin_id = t.plugin_id)"
)
_PUBLIC = "(tenant_id IN (FROM operators) AND plugin_id IN (FROM public_plugins))"
_HOST = "(tenant_id IN (FROM operators) AND plugin_id IS NULL)"
_FOR_ALL = {"public": _PUBLIC, "plugin": _PUBLIC, "advisory": f"({_PUBLIC} OR {_HOST})"}
"""What everybody sees of a table, by its scope."""
_SHARED = ("plugin", "advisory")
"""Scopes of tables that a grant shows."""


class PublishRefused(RuntimeError):
    """The warehouse is not fit to be shown; the last publication stays."""


@dataclass(frozen=True, slots=True)
class Published:
    """One publication: tenants whose file was written, and those whose last file still holds."""

    snapshot_id: str
    written: tuple[str, ...]
    kept: tuple[str, ...]
    bytes_written: int


def publish(engine: DuckDBEngine, folder: Path, run_id: str, keep: int = KEEP) -> Published:
    """Publish the warehouse as it stands.

    Raises `PublishRefused` when a rule fails, a table was not judged since it was built, or days of one are stale: raw rows
    that are in no fact would be told as repeats, and the publication would claim to reach further than it does.
    """
    checks = outcomes(engine)
    _refuse_unfit(engine, checks)
    publication = _Publication(engine, folder, run_id, checks)
    published = publication.write()
    _forget_old(folder, keep)
    return published


def outcomes(engine: DuckDBEngine) -> list[CheckOutcome]:
    """The last outcome of every rule, by table and rule."""
    Bookkeeping(engine)
    rows = engine.connection.execute(
        "SELECT check_name, table_name, severity, passed, observed, expected, failed_rows, checked_at FROM notes.results "
        "ORDER BY table_name, check_name"
    )
    names = [column[0] for column in rows.description or []]
    return [CheckOutcome.model_validate(dict(zip(names, row, strict=True))) for row in rows.fetchall()]


def _refuse_unfit(engine: DuckDBEngine, checks: list[CheckOutcome]) -> None:
    failed = [f"{c.table_name}.{c.check_name}" for c in checks if not c.passed and c.severity == "error"]
    unseen = set(TABLES) - {check.table_name for check in checks}
    # A registry without usage never builds the daily tables, and there is nothing in them to judge.
    unjudged = sorted(table for table in unseen if not TABLES[table].partitioned or engine.count(table))
    stale = [table for table in PARTITIONED if Bookkeeping(engine).stale_days(table)]
    if failed:
        raise PublishRefused(f"not published: {', '.join(failed)} failed")
    if stale:
        raise PublishRefused(f"not published: {', '.join(stale)} not built since usage of their days changed")
    if unjudged:
        raise PublishRefused(f"not published: {', '.join(unjudged)} not judged since built")


class _Publication:
    """One publication being made."""

    def __init__(self, engine: DuckDBEngine, folder: Path, run_id: str, checks: list[CheckOutcome]) -> None:
        self._engine = engine
        self._connection = engine.connection
        self._folder = folder
        self._run_id = run_id
        self._checks = checks
        self._id = str(new_id())
        self._at = utcnow()
        self._until = Bookkeeping(engine).data_until()
        self._head = Bookkeeping(engine).head()

    def write(self) -> Published:
        self._prepare()
        before = self._last()
        digests = self._digests()
        kept = {tenant: entry for tenant, entry in before.items() if digests.get(tenant) == entry.digest}
        fresh = {tenant: self._write_tenant(tenant, digest) for tenant, digest in digests.items() if tenant not in kept}
        pointer = self._pointer({**kept, **fresh})
        text = pointer.model_dump_json()
        write_durably(self._folder / "history" / f"{self._id}.json", text)
        write_durably(pointer_file(self._folder), text)
        size = sum((self._folder / entry.file).stat().st_size for entry in fresh.values())
        return Published(self._id, tuple(sorted(fresh)), tuple(sorted(kept)), size)

    def _pointer(self, tenants: dict[str, TenantEntry]) -> Pointer:
        return Pointer(
            snapshot_id=self._id,
            published_at=self._at,
            build_run_id=self._run_id,
            data_until=self._until,
            head_seq=self._head,
            tenants=tenants,
            checks=self._checks,
        )

    def _last(self) -> dict[str, TenantEntry]:
        try:
            tenants = read_pointer(pointer_file(self._folder)).tenants
        except FileNotFoundError:
            return {}
        return {tenant: entry for tenant, entry in tenants.items() if (self._folder / entry.file).is_file()}

    def _prepare(self) -> None:
        self._connection.execute("""
            CREATE OR REPLACE TEMP TABLE operators AS SELECT tenant_id FROM dim_tenant WHERE kind = 'operator';
            CREATE OR REPLACE TEMP TABLE public_plugins AS
                SELECT plugin_id FROM dim_plugin WHERE visibility = 'public' AND tenant_id IN (FROM operators);
        """)
        self._connection.execute(f"CREATE OR REPLACE TEMP TABLE granted_plugins AS {IN_FORCE}", [self._at])

    def _digests(self) -> dict[str, str]:
        """A digest of what each tenant may see. Check outcomes are not in it: readers take them from the pointer.

        Grants in force are in it by the rows they show, so a beginning or an end is a change although no row became another.
        """
        own, given = defaultdict[str, list[str]](list), defaultdict[str, list[str]](list)
        for_all: list[str] = [duckdb.__version__]
        for contract in PUBLISHED:
            for_all.append(f"{contract.name}{contract.columns}")
            for_all += [
                line for _, line in self._hashes(contract, f"WHERE {_FOR_ALL.get(contract.scope or '', 'FALSE')}")
            ]
            for tenant, line in self._hashes(contract):
                own[tenant].append(line)
            for tenant, line in self._granted_hashes(contract):
                given[tenant].append(f"granted {line}")
        everything = sorted(line for lines in own.values() for line in lines)
        return {
            tenant: _digest(for_all + (everything if operator else own[tenant] + given[tenant]))
            for tenant, operator in self._tenants().items()
        }

    def _granted_hashes(self, contract: TableContract) -> list[tuple[str, str]]:
        """The same of the rows that grants in force show, by who is shown them."""
        join = "JOIN granted_plugins g ON g.owner_id = t.tenant_id AND g.plugin_id = t.plugin_id"
        return self._hashes(contract, join, "g.grantee_id") if contract.scope in _SHARED else []

    def _hashes(self, contract: TableContract, which: str = "", by: str = "t.tenant_id") -> list[tuple[str, str]]:
        """Tenant and `table:tenant|rows|hash` of a table's rows, by tenant.

        A sum has no order. An exclusive or would not do: a row's hash is that of its columns, or-ed in turn, so that two rows
        whose last column changes alike would cancel out.
        """
        columns = f"* EXCLUDE ({', '.join(_RECOUNTS)})" if contract.name == "dim_plugin" else "*"
        rows = self._connection.execute(
            f"SELECT {by}, count(*), sum(hash(hash(t))::HUGEINT) "  # noqa: S608
            f"FROM (SELECT {columns} FROM {quoted(contract.name)}) t {which} GROUP BY {by} ORDER BY {by}"
        )
        return [(str(row[0]), f"{contract.name}:{'|'.join(map(str, row))}") for row in rows.fetchall()]

    def _tenants(self) -> dict[str, bool]:
        """Tenants, and whether each is an operator."""
        rows = self._connection.execute("SELECT tenant_id, kind = 'operator' FROM dim_tenant ORDER BY tenant_id")
        return dict(rows.fetchall())

    def _write_tenant(self, tenant: str, digest: str) -> TenantEntry:
        if not _SAFE.match(tenant):
            raise ValueError(f"tenant id {tenant!r} cannot name a file")
        file = f"{self._id}/{tenant}.duckdb"
        path = self._folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        escaped = str(path).replace("'", "''")
        operator = self._is_operator(tenant)
        block = LARGE_BLOCK if operator else SMALL_BLOCK
        self._connection.execute(f"ATTACH '{escaped}' AS snapshot (BLOCK_SIZE {block})")
        try:
            rows = self._fill(tenant, everything=operator)
        finally:
            self._connection.execute("DETACH snapshot")
        _sync(path)
        return TenantEntry(file=file, snapshot_id=self._id, digest=digest, rows=rows, operator=operator)

    def _fill(self, tenant: str, *, everything: bool) -> int:
        for contract in sorted(PUBLISHED, key=lambda c: c.name == "dim_plugin"):
            self._connection.execute(_copy_sql(contract, tenant, everything=everything))
        self._about(tenant)
        counts = (f"SELECT count(*) AS n FROM snapshot.{quoted(c.name)}" for c in PUBLISHED)  # noqa: S608
        return self._engine.scalar(f"SELECT sum(n) FROM ({' UNION ALL '.join(counts)})")  # noqa: S608

    def _is_operator(self, tenant: str) -> bool:
        return bool(self._engine.scalar("SELECT count(*) FROM operators WHERE tenant_id = ?", [tenant]))

    def _about(self, tenant: str) -> None:
        """The snapshot's own description, for whoever opens the file by hand."""
        facts = {
            "snapshot_id": self._id,
            "published_at": self._at.isoformat(),
            "build_run_id": self._run_id,
            "data_until": self._until.isoformat() if self._until else None,
            "tenant_id": tenant,
        }
        self._connection.execute(
            "CREATE TABLE snapshot.snapshot_info AS SELECT unnest(?::VARCHAR[]) AS key, unnest(?::VARCHAR[]) AS value",
            [list(facts), list(facts.values())],
        )


def _copy_sql(contract: TableContract, tenant: str, *, everything: bool) -> str:
    visible = "TRUE" if everything else _visible(contract).format(tenant=tenant)
    order = f"ORDER BY {', '.join(quoted(name) for name in contract.key)}" if contract.partitioned else ""
    name = quoted(contract.name)
    recounts = ", ".join(f"({sql}) AS {name}" for name, sql in _RECOUNTS.items())
    columns = f"t.* REPLACE ({recounts})" if contract.name == "dim_plugin" else "*"
    return f"CREATE TABLE snapshot.{name} AS SELECT {columns} FROM {name} t WHERE {visible} {order}"  # noqa: S608


def _visible(contract: TableContract) -> str:
    """The condition on a table's rows `t` for a tenant that is no operator."""
    for_all = [_FOR_ALL[contract.scope]] if contract.scope in _FOR_ALL else []
    return f"({' OR '.join([_OWN, *for_all, *([_GRANTED] if contract.scope in _SHARED else [])])})"


_RECOUNTS = {
    "installed_targets": "SELECT count(DISTINCT target_id) FROM snapshot.fct_installation_interval i "
    "WHERE i.plugin_id = t.plugin_id AND i.to_at IS NULL",
    "dependant_count": "SELECT count(DISTINCT plugin_id) FROM snapshot.fct_dependency d "
    "WHERE d.dependency_plugin_id = t.plugin_id AND d.of_latest AND d.plugin_id <> t.plugin_id",
    "advisory_count": "SELECT count(*) FROM snapshot.dim_advisory a WHERE a.plugin_id = t.plugin_id",
    "unfixed_advisory_count": "SELECT count(*) FROM snapshot.dim_advisory a WHERE a.plugin_id = t.plugin_id AND a.unfixed",
}
"""A plugin's counts over what this tenant may see, so that nothing about other tenants can be read off them."""


def _digest(lines: list[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
    sync_folder(path.parent)
    sync_folder(path.parent.parent)


def _forget_old(folder: Path, keep: int) -> None:
    """Remove files that no kept publication names, leftovers of broken ones included.

    The current one is kept whatever its name: names follow the clock, and a clock may have been set back.
    """
    current = read_pointer(pointer_file(folder))
    pointers = sorted(
        (folder / "history").glob("*.json"), key=lambda path: (path.stem == current.snapshot_id, path.name)
    )
    for stale in pointers[:-keep]:
        stale.unlink()
    named = {folder / entry.file for path in pointers[-keep:] for entry in read_pointer(path).tenants.values()}
    named |= {folder / entry.file for entry in current.tenants.values()}
    for file in folder.glob("*/*.duckdb*"):
        if file not in named:
            file.unlink()
    for place in folder.iterdir():
        if place.is_dir() and place.name != "history" and not any(place.iterdir()):
            shutil.rmtree(place)
