"""The warehouse as a resource: opened once a run, held alone until the run ends."""

from collections.abc import Iterator

import dagster as dg

from patchbay.core.settings import Settings
from warehouse.session import Progress, Record, WarehouseSession, open_session

Warehouse = dg.ResourceParam[WarehouseSession]
"""The annotation of an asset's `warehouse` parameter."""


def warehouse_resource(
    settings: Settings | None = None, record: Record | None = None, progress: Progress = lambda _: None
) -> dg.ResourceDefinition:
    """The warehouse of the settings, by default those of the environment in which the run starts."""

    @dg.resource(description="The DuckDB warehouse, open for writing; one run at a time.")
    def warehouse(_: dg.InitResourceContext) -> Iterator[WarehouseSession]:
        with open_session(settings or Settings(), record=record, progress=progress) as session:
            yield session

    return warehouse
