"""The last step of a build: what passed becomes what people see."""

import dagster as dg

from pipelines.conditions import WRITER_POOL, fresh_within
from pipelines.defs.warehouse.partitions import SNAPSHOTS
from pipelines.resources.warehouse import Warehouse
from warehouse.contracts import TABLES


@dg.asset(
    name=SNAPSHOTS,
    deps=list(TABLES),
    group_name="published",
    owners=["team:data-engineering"],
    kinds={"duckdb"},
    pool=WRITER_POOL,
    freshness_policy=fresh_within(26),
)
def snapshots(context: dg.AssetExecutionContext, warehouse: Warehouse) -> dg.MaterializeResult[None]:
    """A read-only DuckDB file for each tenant, and the pointer that dashboards follow, moved at once.

    Refused while a blocking check fails; then the last good publication stays. Only tenants whose content changed get a new file.
    """
    published = warehouse.publish(context.run.run_id)
    return dg.MaterializeResult(
        metadata={
            "snapshot_id": published.snapshot_id,
            "tenants_written": len(published.written),
            "tenants_unchanged": len(published.kept),
            "megabytes_written": round(published.bytes_written / 1e6, 2),
        }
    )
