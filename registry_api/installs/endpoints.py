"""HTTP of targets and observed installations."""

from typing import Annotated, Any

from fastapi import Depends, Path, Request, Response

from registry_api.access import Actor, acting, reading, writing
from registry_api.catalog.endpoints import PluginPath
from registry_api.catalog.repository import Catalogue
from registry_api.db import Crossing, Reader, UnitOfWork, crossing
from registry_api.filtering import Asked
from registry_api.http import api_router
from registry_api.installs import filters
from registry_api.installs.blocks import lift_block
from registry_api.installs.checks import check_install
from registry_api.installs.models import Target
from registry_api.installs.repository import Installs
from registry_api.installs.schemas import (
    InstallAnswer,
    Installation,
    InstalledPlugin,
    InstallQuestion,
    ObservationsBatch,
    TargetRead,
    TargetsBatch,
    TargetView,
)
from registry_api.installs.service import apply_observations, apply_targets
from registry_api.intake.documents import JsonBatch
from registry_api.intake.ledger import KeyHeader
from registry_api.intake.schemas import REPLAYED, BatchResult
from registry_api.pagination import Page, PagingQuery, Some, first
from registry_api.selecting import WantedParts

router = api_router("installs")

TargetPath = Annotated[str, Path(max_length=200, description="Id or name.")]
InstallsReader = Annotated[Reader, reading("installs:read")]
InstallsActor = Annotated[Actor, acting("installs:write")]
InstallsWork = Annotated[UnitOfWork, writing("installs:write")]

TARGETS = JsonBatch("targets", "targets", apply_targets)
OBSERVATIONS = JsonBatch("observations", "observations", apply_observations)


@router.get("/targets", summary="List targets by name")
async def list_targets(
    paging: PagingQuery, asked: Annotated[Asked, Depends(filters.TARGETS)], reader: InstallsReader
) -> Page[TargetView]:
    """The tenant's targets."""
    query = asked.where(reader.repository(Installs).targets())
    return (await paging.rows(reader.session, query, [Target.name, Target.id])).page(TargetView.model_validate)


@router.get("/targets/{target}", summary="Read a target", response_model_exclude_unset=True)
async def read_target(target: TargetPath, wanted: WantedParts, reader: InstallsReader) -> TargetRead:
    """One target."""
    installs = reader.repository(Installs)
    found = await installs.target(target)
    view = TargetRead(**TargetView.model_validate(found).model_dump())
    if "installations" not in wanted:
        return view
    query = installs.installed_on(found.id)
    columns: Any = query.selected_columns
    whole, order = f"/v1/targets/{found.id}/installations", (columns.ref, columns.plugin_id)
    async with crossing(reader.session, Crossing.SHARING):
        some = await first(reader.session, query, order, whole, scalars=False)
    return view.model_copy(update={"installations": Some[InstalledPlugin].model_validate(some, from_attributes=True)})


@router.get("/targets/{target}/installations", summary="List plugins last seen on a target")
async def list_installed_plugins(
    target: TargetPath,
    paging: PagingQuery,
    asked: Annotated[Asked, Depends(filters.INSTALLED)],
    reader: InstallsReader,
) -> Page[InstalledPlugin]:
    """By ref; what was last seen being removed is not in it."""
    installs = reader.repository(Installs)
    query = installs.installed_on((await installs.target(target)).id, asked)
    columns: Any = query.selected_columns
    async with crossing(reader.session, Crossing.SHARING):
        rows = await paging.rows(reader.session, query, [columns.ref, columns.plugin_id], scalars=False)
    return rows.page(InstalledPlugin.model_validate)


@router.get("/plugins/{plugin}/installations", summary="List targets a plugin was last seen on")
async def list_installations(
    plugin: PluginPath,
    paging: PagingQuery,
    asked: Annotated[Asked, Depends(filters.INSTALLATIONS)],
    reader: InstallsReader,
) -> Page[Installation]:
    """The tenant's targets by name, also for a public plugin: nobody sees where others have it."""
    found = await reader.repository(Catalogue).plugin(plugin)
    query = reader.repository(Installs).installations_of(found.id, asked)
    rows = await paging.rows(reader.session, query, [Target.name, Target.id], scalars=False)
    return rows.page(Installation.model_validate)


@router.post("/targets/batches", status_code=201, summary="Send a batch of targets", responses=REPLAYED)
async def post_targets_batch(
    batch: TargetsBatch, request: Request, response: Response, actor: InstallsActor, idempotency_key: KeyHeader = None
) -> BatchResult:
    """Upsert targets by name; each item by itself."""
    return await TARGETS.take(request, response, actor, batch.targets, idempotency_key)


@router.post(
    "/observations/installations", status_code=201, summary="Send observed installation events", responses=REPLAYED
)
async def post_observations_batch(
    batch: ObservationsBatch,
    request: Request,
    response: Response,
    actor: InstallsActor,
    idempotency_key: KeyHeader = None,
) -> BatchResult:
    """Append events, also historic ones in any order; repeats are counted as duplicates.

    Nothing is ever installed by this.
    """
    return await OBSERVATIONS.take(request, response, actor, batch.observations, idempotency_key)


@router.post("/targets/{target}/install-checks", summary="Ask whether a release may be installed")
async def check_new_install(target: TargetPath, question: InstallQuestion, reader: InstallsReader) -> InstallAnswer:
    """A refusal is an answer, not an error. A blocked, yanked or unknown release may not be installed."""
    return await check_install(reader, target, question)


@router.delete(
    "/plugins/{plugin}/releases/{version}/block", status_code=204, summary="Lift the tenant's block of a release"
)
async def lift_release_block(
    plugin: PluginPath, version: Annotated[str, Path(max_length=200)], work: InstallsWork
) -> None:
    """Allow new installs again; 404 where the tenant itself blocks nothing, be it that the operator does."""
    catalogue = work.repository(Catalogue)
    found = await catalogue.plugin(plugin)
    await lift_block(work, found, await catalogue.release(found.id, version))
