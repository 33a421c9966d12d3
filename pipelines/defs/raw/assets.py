"""Raw tables: one step takes in all feeds up to one head, so that they agree with each other."""

from collections.abc import Iterator

import dagster as dg

from pipelines.catalogue import spec_metadata
from pipelines.conditions import INGEST_RETRY, WRITER_POOL, fresh_within
from pipelines.resources.registry import Registry
from pipelines.resources.warehouse import Warehouse
from warehouse.contracts import RAW_TABLES, RawTable
from warehouse.feeds import RegistryWentBack, SegmentDamaged, SegmentMissing
from warehouse.quality.records import markdown_table

GROUP = "raw"


def _spec(table: RawTable) -> dg.AssetSpec:
    return dg.AssetSpec(
        table.name,
        description=table.description,
        group_name=GROUP,
        owners=["team:data-engineering"],
        kinds={"duckdb", "arrow"},
        metadata=spec_metadata(table),
        freshness_policy=fresh_within(6),
    )


@dg.multi_asset(
    name="ingest", specs=[_spec(table) for table in RAW_TABLES.values()], pool=WRITER_POOL, retry_policy=INGEST_RETRY
)
def ingest(
    context: dg.AssetExecutionContext, warehouse: Warehouse, registry: Registry
) -> Iterator[dg.MaterializeResult[None]]:
    """Every new feed row and the files the feeds name, with the cursors, in one transaction: all of it or nothing."""
    try:
        taken = warehouse.ingest(registry.feeds, registry.storage)
    except (RegistryWentBack, SegmentMissing, SegmentDamaged) as error:
        raise dg.Failure(str(error), allow_retries=False) from error
    context.log.info("read up to %s; usage of %s days changed", taken.head_seq, taken.days_changed)
    for name in RAW_TABLES:
        yield dg.MaterializeResult(
            asset_key=name,
            metadata={
                "dagster/row_count": warehouse.engine.count(name),
                "rows_new": taken.rows.get(name, 0),
                "head_seq": taken.head_seq,
                "preview": dg.MetadataValue.md(markdown_table(warehouse.sample(name))),
            },
        )
