"""A whole build and one more day, with every check and publication, beside hand-written SQL that makes the same facts and marts.

`python -m benchmarks.build [--quick]`

The bare limit reads the Parquet files and writes the daily facts and the three marts of usage into a DuckDB file: no contracts,
no checks, no history, no snapshots, no Dagster. It is what the machine can do at all.
"""

import json
import resource
import tempfile
import time
from argparse import ArgumentParser
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import duckdb

from benchmarks.build_world import BuildWorld
from patchbay.core.settings import Settings
from pipelines.resources.registry import RegistryOf
from pipelines.run import BuildSummary, build

TENANTS, PLUGINS, DAYS = 41, 500, 90
BARE = """
CREATE OR REPLACE TABLE event AS
    SELECT *, CAST("at" AS DATE) AS day FROM read_parquet($files) WHERE plugin_id IS NOT NULL
    QUALIFY row_number() OVER (PARTITION BY tenant_id, event_id ORDER BY row_index) = 1;
CREATE OR REPLACE TABLE daily AS
    SELECT tenant_id, plugin_id, release_id, day, sum(quantity) FILTER (type = 'use') AS uses,
        sum(quantity) FILTER (type = 'error' OR outcome = 'error') AS errors, sum(duration_ms) AS duration_ms_sum,
        count(DISTINCT subject_id) FILTER (type = 'use') AS persons, count(DISTINCT target_id) FILTER (type = 'use') AS targets
    FROM event GROUP BY ALL;
CREATE OR REPLACE TABLE person_daily AS
    SELECT tenant_id, plugin_id, subject_id, day, sum(quantity) AS uses FROM event WHERE type = 'use' GROUP BY ALL;
CREATE OR REPLACE TABLE target_daily AS
    SELECT tenant_id, plugin_id, target_id, day, sum(quantity) AS uses FROM event WHERE type = 'use' GROUP BY ALL;
CREATE OR REPLACE TABLE adoption AS
    SELECT tenant_id, plugin_id, day, count(DISTINCT subject_id) AS persons, sum(uses) AS uses FROM person_daily GROUP BY ALL;
CREATE OR REPLACE TABLE performance AS
    SELECT tenant_id, plugin_id, release_id, date_trunc('week', day) AS week, quantile_cont(duration_ms, 0.5) AS p50,
        quantile_cont(duration_ms, 0.95) AS p95, avg(cpu_percent) AS cpu, avg(memory_bytes) AS memory FROM event GROUP BY ALL;
CREATE OR REPLACE TABLE retention AS
    WITH present AS (SELECT DISTINCT tenant_id, plugin_id, subject_id, date_trunc('month', day) AS month FROM person_daily),
    began AS (SELECT tenant_id, plugin_id, subject_id, min(month) AS cohort FROM present GROUP BY ALL)
    SELECT tenant_id, plugin_id, cohort, datediff('month', cohort, month) AS since, count(*) AS retained
    FROM present JOIN began USING (tenant_id, plugin_id, subject_id) GROUP BY ALL;
"""


def main() -> None:
    """Command line; the last line of output is one JSON object."""
    parser = ArgumentParser(prog="python -m benchmarks.build", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="200,000 events instead of 2,000,000")
    print(json.dumps(measure(200_000 if parser.parse_args().quick else 2_000_000)))


def measure(events: int) -> dict[str, object]:
    """Seconds of a build from nothing, of one more day, of nothing new, and of the bare SQL; peak memory of this process."""
    with tempfile.TemporaryDirectory(prefix="patchbay-bench-") as folder:
        home = Path(folder)
        world = BuildWorld(home, tenants=TENANTS, plugins=PLUGINS)
        world.add_days(0, DAYS, events // DAYS)
        bare_spent = time.process_time()
        bare, uses = _timed(lambda: _bare(home))
        bare_spent = time.process_time() - bare_spent
        spent = time.process_time()
        full = _build(home, world, "full build")
        spent = time.process_time() - spent
        _agree(home, uses)
        world.add_days(DAYS, 1, events // DAYS)
        day, idle = _build(home, world, "one more day"), _build(home, world, "nothing new")
    return {
        "benchmark": "build",
        "events": events,
        "checks": full.checks_passed,
        "bare_seconds": round(bare, 1),
        "bare_cpu_seconds": round(bare_spent, 1),
        "full_seconds": full.seconds,
        "full_cpu_seconds": round(spent, 1),
        "day_seconds": day.seconds,
        "idle_seconds": idle.seconds,
        "full_to_bare": round(full.seconds / bare, 2),
        "day_to_full": round(day.seconds / full.seconds, 2),
        "peak_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }


def _build(home: Path, world: BuildWorld, what: str) -> BuildSummary:
    summary = build(Settings(home=home), registry=RegistryOf(world, world.storage))
    print(what, json.dumps(asdict(summary)), flush=True)
    if not summary.success:
        raise SystemExit(f"{what} failed")
    return summary


def _timed(work: Callable[[], int]) -> tuple[float, int]:
    began = time.perf_counter()
    answer = work()
    return time.perf_counter() - began, answer


def _bare(home: Path) -> int:
    files = sorted(str(path) for path in (home / "lake" / "usage").glob("*.parquet"))
    with duckdb.connect(str(home / "bare.duckdb"), config={"memory_limit": "1GB"}) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for statement in filter(str.strip, BARE.split(";")):
            connection.execute(statement, {"files": files} if "$files" in statement else None)
        return _one(connection, "SELECT sum(uses) FROM daily")


def _agree(home: Path, uses: int) -> None:
    """The two ways count the same uses, else the comparison means nothing."""
    with duckdb.connect(str(home / "warehouse" / "warehouse.duckdb"), read_only=True) as connection:
        found = _one(connection, "SELECT sum(uses) FROM fct_usage_daily")
    if found != uses:
        raise SystemExit(f"the build counts {found:,} uses, the bare SQL {uses:,}")


def _one(connection: duckdb.DuckDBPyConnection, sql: str) -> int:
    row = connection.execute(sql).fetchone()
    return int(row[0]) if row else 0


if __name__ == "__main__":
    main()
