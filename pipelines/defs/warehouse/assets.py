"""One asset for each table contract, from staging to marts."""

from datetime import date

import dagster as dg

from pipelines.catalogue import built_metadata, description, spec_metadata
from pipelines.conditions import CHANGED_ONLY, SINGLE_RUN, WRITER_POOL, fresh_within
from pipelines.defs.warehouse.partitions import USAGE_DAYS, partition_of, requested_days
from pipelines.resources.warehouse import Warehouse
from warehouse.build import Built
from warehouse.contracts import BUILD_DAYS, TABLES, TableContract
from warehouse.transforms import inputs_of


def table_asset(contract: TableContract) -> dg.AssetsDefinition:
    """The asset that builds a contract's table."""

    @dg.asset(
        name=contract.name,
        deps=[name for name in inputs_of(contract.name) if name != BUILD_DAYS.name],
        group_name=contract.layer,
        description=description(contract),
        owners=[contract.owner],
        kinds={"duckdb", "ibis"},
        metadata=spec_metadata(contract),
        pool=WRITER_POOL,
        partitions_def=USAGE_DAYS if contract.partitioned else None,
        backfill_policy=SINGLE_RUN if contract.partitioned else None,
        freshness_policy=fresh_within(contract.fresh_hours),
    )
    def build(context: dg.AssetExecutionContext, warehouse: Warehouse) -> dg.MaterializeResult[None]:
        built = warehouse.build(contract.name, _days(context))
        _report_other_days(context, built)
        return dg.MaterializeResult(metadata=built_metadata(warehouse, contract, built))

    return build


def _days(context: dg.AssetExecutionContext) -> list[date]:
    """The days to replace whatever happened; stale ones are built in any case."""
    return [] if CHANGED_ONLY in context.run.tags else requested_days(context)


def _report_other_days(context: dg.AssetExecutionContext, built: Built) -> None:
    """Tell Dagster of stale days that were built though the run's range does not hold them."""
    asked = set(requested_days(context))
    for day in built.days:
        if date.fromisoformat(partition_of(day)) not in asked:
            context.log_event(dg.AssetMaterialization(context.asset_key, partition=partition_of(day)))


table_assets = [table_asset(contract) for contract in TABLES.values()]
