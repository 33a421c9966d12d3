"""The warehouse as a resource: opened once a run, held alone until the run ends."""

from collections.abc import Iterator
from threading import Thread

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
        # Great Expectations takes seconds to import; beside DuckDB's first steps, which need no Python, it takes none.
        Thread(target=_warm_quality, daemon=True).start()
        with open_session(settings or Settings(), record=record, progress=progress) as session:
            yield session

    return warehouse


def _warm_quality() -> None:
    from warehouse.quality import suites

    suites.warm()
