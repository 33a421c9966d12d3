"""HTTP of targets and observed installations."""

from typing import Annotated

from fastapi import Path, Request, Response

from registry_api.access import Actor, acting, reading
from registry_api.catalog.endpoints import PluginPath
from registry_api.catalog.models import Plugin
from registry_api.catalog.repository import Catalogue
from registry_api.db import Reader
from registry_api.http import api_router
from registry_api.installs.models import Target
from registry_api.installs.repository import Installs
from registry_api.installs.schemas import Installation, InstalledPlugin, ObservationsBatch, TargetsBatch, TargetView
from registry_api.installs.service import apply_observations, apply_targets
from registry_api.intake.documents import JsonBatch
from registry_api.intake.ledger import KeyHeader
from registry_api.intake.schemas import BatchResult
from registry_api.pagination import Page, PagingQuery

router = api_router("installs")

TargetPath = Annotated[str, Path(max_length=200, description="Id or name.")]
InstallsReader = Annotated[Reader, reading("installs:read")]
InstallsActor = Annotated[Actor, acting("installs:write")]

TARGETS = JsonBatch("targets", "targets", apply_targets)
OBSERVATIONS = JsonBatch("observations", "observations", apply_observations)


@router.get("/targets", summary="List targets by name")
async def list_targets(paging: PagingQuery, reader: InstallsReader) -> Page[TargetView]:
    """The tenant's targets."""
    query = reader.repository(Installs).targets()
    return (await paging.rows(reader.session, query, [Target.name, Target.id])).page(TargetView.model_validate)


@router.get("/targets/{target}", summary="Read a target")
async def read_target(target: TargetPath, reader: InstallsReader) -> TargetView:
    """One target."""
    return TargetView.model_validate(await reader.repository(Installs).target(target))


@router.get("/targets/{target}/installations", summary="List plugins last seen on a target")
async def list_installed_plugins(
    target: TargetPath, paging: PagingQuery, reader: InstallsReader
) -> Page[InstalledPlugin]:
    """By ref; what was last seen being removed is not in it."""
    installs = reader.repository(Installs)
    query = installs.installed_on((await installs.target(target)).id)
    rows = await paging.rows(reader.session, query, [Plugin.ref, Plugin.id], scalars=False)
    return rows.page(InstalledPlugin.model_validate)


@router.get("/plugins/{plugin}/installations", summary="List targets a plugin was last seen on")
async def list_installations(plugin: PluginPath, paging: PagingQuery, reader: InstallsReader) -> Page[Installation]:
    """The tenant's targets by name, also for a public plugin: nobody sees where others have it."""
    found = await reader.repository(Catalogue).plugin(plugin)
    query = reader.repository(Installs).installations_of(found.id)
    rows = await paging.rows(reader.session, query, [Target.name, Target.id], scalars=False)
    return rows.page(Installation.model_validate)


@router.post("/targets/batches", status_code=201, summary="Send a batch of targets")
async def post_targets_batch(
    batch: TargetsBatch, request: Request, response: Response, actor: InstallsActor, idempotency_key: KeyHeader = None
) -> BatchResult:
    """Upsert targets by name; each item by itself."""
    return await TARGETS.take(request, response, actor, batch.targets, idempotency_key)


@router.post("/observations/installations", status_code=201, summary="Send observed installation events")
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
