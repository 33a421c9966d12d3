"""A small published world: two tenants, six plugins, every kind of row a page reads, and the pointer that names it.

Numbers are few enough to count by hand; tests compare pages with these rows, not with the pages' own SQL.
"""

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from warehouse.contracts import TABLES
from warehouse.snapshots import FOLDER, CheckOutcome, Pointer, TenantEntry, pointer_file, write_durably

TYPES = {
    "string": "VARCHAR",
    "int64": "BIGINT",
    "float64": "DOUBLE",
    "bool": "BOOLEAN",
    "timestamp": "TIMESTAMPTZ",
    "date": "DATE",
    "decimal": "DECIMAL(18,6)",
    "strings": "VARCHAR[]",
}
LAST = date(2026, 11, 20)
DAYS = 60
PLUGINS = ("git", "docker", "mailer", "slack", "theme-dark", "legacy")
TITLES = ("Git", "Docker", "Mailer", "Slack <b>Notify</b>", "Dark Theme", "Legacy Reports")


@dataclass(frozen=True)
class Tenants:
    """The ids of the two tenants."""

    operator: str
    acme: str


def at(days_ago: int, hour: int = 9) -> datetime:
    """An instant so many days before the last day."""
    return datetime(LAST.year, LAST.month, LAST.day, hour, tzinfo=UTC) - timedelta(days=days_ago)


def plugin_rows(tenants: Tenants) -> list[dict[str, Any]]:
    """Five public plugins of the operator and a private one of acme."""
    rows = []
    for i, (name, title) in enumerate(zip(PLUGINS, TITLES, strict=True)):
        rows.append(
            {
                "plugin_id": f"p{i}",
                "tenant_id": tenants.acme if name == "legacy" else tenants.operator,
                "ref": f"jenkins:{name}",
                "namespace": "jenkins",
                "name": name,
                "title": title,
                "summary": f"Summary of {name}.",
                "homepage_url": "javascript:alert(1)" if name == "slack" else f"https://example.org/{name}",
                "lifecycle": "deprecated" if name == "legacy" else "active",
                "visibility": "private" if name == "legacy" else "public",
                "labels": "notifier,scm" if i < 2 else "ui" if i == 4 else "",
                "maintainers": "ada,bo",
                "latest_release_id": f"r{i}-3",
                "latest_version": "3.0.0",
                "latest_released_at": at(10 + i),
                "release_count": 3,
                "dependency_count": int(i > 0),
                "dependant_count": 5 if i == 0 else 0,
                "advisory_count": 2 if i == 0 else 0,
                "unfixed_advisory_count": 1 if i == 0 else 0,
                "installed_targets": max(12 - 2 * i, 0),
            }
        )
    return rows


def rows(tenants: Tenants) -> dict[str, list[dict[str, Any]]]:
    """Every table's rows, of both tenants."""
    owner = {row["plugin_id"]: row["tenant_id"] for row in plugin_rows(tenants)}
    targets = [
        {
            "target_id": f"t{i}",
            "tenant_id": tenants.acme,
            "name": f"acme.team-{i:02d}",
            "title": None,
            "kind": "jenkins-controller",
            "environment": "staging" if i % 4 == 0 else "production",
            "lifecycle": "active",
        }
        for i in range(12)
    ] + [
        {
            "target_id": "t-op",
            "tenant_id": tenants.operator,
            "name": "operator.lab",
            "title": "Lab",
            "kind": "lab",
            "environment": "dev",
            "lifecycle": "active",
        }
    ]
    intervals = [
        {
            "tenant_id": tenants.acme,
            "target_id": f"t{t}",
            "plugin_id": f"p{p}",
            "interval_number": 1,
            "version": "2.0.0",
            "origin": "base" if p < 2 else "extra",
            "source": "test",
            "from_at": at(400 - 20 * t - p),
            "to_at": None,
            "opening": "installed",
            "closing": None,
        }
        for t in range(12)
        for p in range(6)
        if t < 12 - 2 * p
    ]
    intervals.append(
        {
            "tenant_id": tenants.operator,
            "target_id": "t-op",
            "plugin_id": "p0",
            "interval_number": 1,
            "version": "1.0.0",
            "origin": None,
            "source": "test",
            "from_at": at(30),
            "to_at": at(3),
            "opening": "installed",
            "closing": "removed",
        }
    )
    usage = [
        {
            "tenant_id": tenants.acme,
            "plugin_id": f"p{p}",
            "release_id": f"r{p}-2",
            "day": LAST - timedelta(days=d),
            "uses": 100 // (p + 1) + d % 7,
            "errors": d % 3,
            "failures": 0,
            "views": 0,
            "duration_ms_sum": 1e3,
            "duration_ms_count": 10,
            "cost": 0,
            "persons": 20 - p,
            "targets": 5,
        }
        for p in range(3)
        for d in range(DAYS)
    ]
    return {
        "dim_tenant": [
            {
                "tenant_id": tenants.operator,
                "slug": "operator",
                "name": "Operator",
                "kind": "operator",
                "status": "active",
            },
            {"tenant_id": tenants.acme, "slug": "acme", "name": "Acme Works", "kind": "customer", "status": "active"},
        ],
        "dim_plugin": plugin_rows(tenants),
        "dim_release": [
            {
                "release_id": f"r{p}-{v}",
                "plugin_id": f"p{p}",
                "tenant_id": owner[f"p{p}"],
                "version": f"{v}.0.0",
                "version_scheme": "semver",
                "sort_key": str(v),
                "prerelease": False,
                "yanked": v == 1 and p == 1,
                "released_at": at(10 + p + 100 * (3 - v)),
                "is_latest": v == 3,
                "position": v,
            }
            for p in range(6)
            for v in (1, 2, 3)
        ],
        "fct_dependency": [
            {
                "dependency_id": f"d{p}",
                "tenant_id": owner[f"p{p}"],
                "release_id": f"r{p}-3",
                "plugin_id": f"p{p}",
                "dependency_ref": "jenkins:git",
                "dependency_plugin_id": "p0",
                "requirement": "2.0.0",
                "optional": p > 3,
                "of_latest": True,
            }
            for p in range(1, 6)
        ],
        "dim_advisory": [
            {
                "advisory_id": f"a{i}",
                "tenant_id": tenants.operator,
                "external_id": f"SECURITY-{i}",
                "subject_kind": "plugin",
                "subject_ref": "jenkins:git",
                "plugin_id": "p0",
                "summary": f"Hole {i}",
                "url": "https://example.org/s",
                "severity": "high" if i else None,
                "ranges": json.dumps([{"last_version": "1.9"}] if i else [{"first_version": "2.0"}]),
                "unfixed": i == 0,
                "published_at": at(50),
            }
            for i in range(2)
        ],
        "dim_target": targets,
        "fct_installation_interval": intervals,
        "fct_usage_daily": usage,
        "mart_adoption": adoption(usage, intervals),
        "mart_retention": [
            {
                "tenant_id": tenants.acme,
                "plugin_id": "p0",
                "subject_kind": "person",
                "cohort_month": date(2026, 9 + c, 1),
                "months_since": m,
                "cohort_size": 10,
                "retained": 10 - 5 * m,
            }
            for c in range(3)
            for m in range(3 - c)
        ],
        "mart_plugin_performance": [
            {
                "tenant_id": tenants.acme,
                "plugin_id": "p0",
                "release_id": f"r0-{v}",
                "version": f"{v}.0.0",
                "week": date(2026, 11, 2),
                "uses": 100,
                "errors": v,
                "error_rate": v / 100,
                "duration_ms_p50": 10.0 * v,
                "duration_ms_p95": 90.0 * v,
                "cpu_percent_mean": None,
                "memory_bytes_mean": None,
            }
            for v in (1, 2)
        ],
        "mart_install_transitions": [
            {
                "tenant_id": tenants.acme,
                "plugin_id": "p0",
                "month": date(2026, m, 1),
                "transition": "installed",
                "to_version": "2.0.0",
                "targets": 3,
            }
            for m in (9, 10)
        ],
        "mart_outside_popularity": [
            {
                "plugin_id": "p0",
                "tenant_id": tenants.operator,
                "month": date(2026, m, 1),
                "metric": "installs",
                "source": "public",
                "count": 1000 * m,
                "rank": 1,
                "share": 0.5,
            }
            for m in range(1, 7)
        ]
        + [  # what acme claims of the operator's plugin, in a month and by a source of its own too
            {
                "plugin_id": "p0",
                "tenant_id": tenants.acme,
                "month": date(2026, m, 1),
                "metric": "installs",
                "source": source,
                "count": 9_000_000,
                "rank": 1,
                "share": 1.0,
            }
            for m in range(1, 9)
            for source in ("public", "acme")
        ],
        "mart_data_quality": [
            {"tenant_id": tenants.acme, "stream": "usage", "day": LAST, "code": code, "rows": n}
            for code, n in (("accepted", 900), ("duplicate", 60), ("unknown_plugin", 40), ("repeated_event", 7))
        ],
    }


def adoption(usage: list[dict[str, Any]], intervals: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The adoption mart by a loop over days, apart from any SQL."""
    days: dict[tuple[str, str, date], dict[str, int]] = {}
    for row in usage:
        days[row["tenant_id"], row["plugin_id"], row["day"]] = {
            "active_targets": row["targets"],
            "active_persons": row["persons"],
            "uses": row["uses"],
        }
    for row in intervals:
        for moment in (row["from_at"], row["to_at"]):
            if moment:
                days.setdefault(
                    (row["tenant_id"], row["plugin_id"], moment.date()),
                    {"active_targets": 0, "active_persons": 0, "uses": 0},
                )
    return [
        {
            "tenant_id": tenant,
            "plugin_id": plugin,
            "day": day,
            **use,
            "installed_targets": sum(
                1
                for row in intervals
                if (row["tenant_id"], row["plugin_id"]) == (tenant, plugin)
                and row["from_at"].date() <= day
                and (row["to_at"] is None or row["to_at"].date() > day)
            ),
        }
        for (tenant, plugin, day), use in sorted(days.items())
    ]


def renamed(row: dict[str, Any], ids: dict[str, str]) -> dict[str, Any]:
    """The row with other ids."""
    return {name: ids.get(value, value) if isinstance(value, str) else value for name, value in row.items()}


def visible(table: str, row: dict[str, Any], tenant: str, tenants: Tenants) -> bool:
    """What publishing lets a tenant see: its own rows, and the operator's public catalogue."""
    if tenant == tenants.operator or row["tenant_id"] == tenant:
        return True
    return table in ("dim_plugin", "dim_release", "fct_dependency", "dim_advisory", "mart_outside_popularity")


def write_file(path: Path, tables: dict[str, list[dict[str, Any]]]) -> None:
    """A snapshot file with the tables of the contracts, filled with these rows."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(str(path)) as connection:
        for name, contract in TABLES.items():
            if contract.scope is None:
                continue
            names = [column.name for column in contract.columns]
            columns = ", ".join(f"{column.name} {TYPES[column.type]}" for column in contract.columns)
            connection.execute(f"CREATE TABLE {name} ({columns})")
            if filled := tables.get(name):
                marks = ", ".join("?" for _ in names)
                connection.executemany(
                    f"INSERT INTO {name} VALUES ({marks})", [[row.get(n) for n in names] for row in filled]
                )


def publish(
    home: Path,
    tenants: Tenants,
    name: str = "first",
    published_at: datetime | None = None,
    ids: dict[str, str] | None = None,
) -> None:
    """Publish the world for both tenants under the state folder; `ids` are those of a registry for the world's own."""
    published_at = published_at or datetime.now(UTC) - timedelta(minutes=5)
    everything = {table: [renamed(row, ids or {}) for row in found] for table, found in rows(tenants).items()}
    entries = {}
    for tenant in (tenants.operator, tenants.acme):
        file = f"{name}/{tenant}.duckdb"
        seen = {table: [r for r in found if visible(table, r, tenant, tenants)] for table, found in everything.items()}
        if not (home / FOLDER / file).exists():
            write_file(home / FOLDER / file, seen)
        entries[tenant] = TenantEntry(file=file, snapshot_id=f"snapshot-{name}", digest=name, rows=1)
    move_pointer(home, name, published_at, entries)


def move_pointer(home: Path, name: str, published_at: datetime, entries: dict[str, TenantEntry]) -> None:
    """Make these files the current publication."""
    checks = [
        CheckOutcome(
            check_name=check,
            table_name=table,
            severity="warn",
            passed=(check, table) != ("references", "fct_usage_daily"),
            observed="0",
            expected="0",
            failed_rows=0,
            checked_at=published_at,
        )
        for table in ("dim_plugin", "fct_usage_daily")
        for check in ("not_null", "references")
    ]
    facts = {"published_at": published_at, "build_run_id": "run", "data_until": published_at, "head_seq": 41}
    pointer = Pointer(snapshot_id=f"snapshot-{name}", tenants=entries, checks=checks, **facts)
    write_durably(pointer_file(home / FOLDER), pointer.model_dump_json())
