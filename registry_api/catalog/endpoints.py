"""HTTP of plugins and their parts."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import Depends, Path, Query, Request, Response

from registry_api.access import Actor, acting, reading, writing
from registry_api.catalog import filters
from registry_api.catalog.advisories import apply_advisories, judge_advisories
from registry_api.catalog.including import PluginListed, PluginRead, plugin_read, plugins_listed
from registry_api.catalog.models import Advisory, Dependency, Plugin, Release
from registry_api.catalog.ordering import ordered, settled
from registry_api.catalog.presenting import advisory_views, plugin_views, release_views
from registry_api.catalog.removal import remove_plugin
from registry_api.catalog.repository import Catalogue
from registry_api.catalog.schemas import (
    AdvisoriesBatch,
    AdvisoryView,
    CatalogueBatch,
    DependantView,
    DependencyView,
    LabelCount,
    PluginAdvisory,
    PluginDocument,
    PluginPatch,
    PluginView,
    ReleaseDetail,
    ReleaseDocument,
    ReleaseView,
)
from registry_api.catalog.service import (
    add_release,
    apply_catalogue,
    change_plugin,
    claim_for_release,
    claim_plugin,
    create_plugin,
)
from registry_api.conditions import REVISED, IfMatch, require_revision, revision_tag
from registry_api.db import Reader, UnitOfWork
from registry_api.filtering import Asked
from registry_api.http import also, api_router, problems
from registry_api.intake.documents import JsonBatch
from registry_api.intake.ledger import KeyHeader
from registry_api.intake.schemas import REPLAYED, BatchResult
from registry_api.pagination import Page, PagingQuery
from registry_api.selecting import WantedParts

router = api_router("catalog")

PluginPath = Annotated[str, Path(max_length=401, description="Id or namespace:name.")]
CatalogReader = Annotated[Reader, reading("catalog:read", cached=True)]
CatalogWork = Annotated[UnitOfWork, writing("catalog:write")]
CatalogActor = Annotated[Actor, acting("catalog:write")]

CATALOGUE: JsonBatch[PluginDocument] = JsonBatch("catalogue", "plugins", apply_catalogue)
ADVISORIES = JsonBatch("advisories", "advisories", apply_advisories, judge_advisories)


@router.get(
    "/plugins",
    summary="Search plugins",
    response_model_exclude_unset=True,
    responses=problems(
        conflict="The risks that the list began with are no longer kept; start again at the first page."
    ),
)
async def list_plugins(
    paging: PagingQuery,
    asked: Annotated[Asked, Depends(filters.PLUGINS)],
    wanted: WantedParts,
    reader: CatalogReader,
    q: Annotated[
        str | None, Query(max_length=300, description="Words that must occur in name, title, summary or labels.")
    ] = None,
    sort: Annotated[
        Literal["name", "-created", "risk", "adoption"],
        Query(
            description="By name, newest record first, highest risk first, or on most targets first; targets are counted anew "
            "for each page."
        ),
    ] = "name",
) -> Page[PluginListed]:
    """The tenant's own plugins, the operator's public ones and those that are shared with it."""
    catalogue = reader.repository(Catalogue)
    paging = await settled(paging, reader, sort)
    query, order = ordered(reader, asked.where(catalogue.plugins(q)), sort, paging.pins)
    rows = await paging.rows(reader.session, query, order, descending=sort != "name", scalars=False)
    return rows.holding(await plugins_listed(reader, [row.Plugin for row in rows.items], wanted))


@router.post("/plugins", status_code=201, summary="Publish a plugin")
async def post_plugin(document: PluginDocument, response: Response, work: CatalogWork) -> PluginView:
    """A new plugin of the tenant, with any of its releases; 409 when the tenant has one of that name."""
    plugin_id = await create_plugin(work, document)
    return await _answer(work, response, await work.repository(Catalogue).plugin(str(plugin_id)))


@router.get("/plugins/{plugin}", summary="Read a plugin", response_model_exclude_unset=True)
async def read_plugin(plugin: PluginPath, response: Response, wanted: WantedParts, reader: CatalogReader) -> PluginRead:
    """One plugin; the ETag is its revision."""
    found = await reader.repository(Catalogue).plugin(plugin)
    response.headers["ETag"] = revision_tag(found.revision)
    return await plugin_read(reader, found, wanted)


@router.patch("/plugins/{plugin}", summary="Change a plugin", responses=problems(**REVISED))
async def patch_plugin(
    plugin: PluginPath,
    patch: PluginPatch,
    response: Response,
    work: CatalogWork,
    if_match: IfMatch = None,
) -> PluginView:
    """Change the stated fields. 428 without If-Match, 412 when the plugin has changed since it was read."""
    found = await claim_plugin(work, plugin)
    require_revision(if_match, found.revision)
    await change_plugin(work, found, patch)
    await work.session.refresh(found)
    return await _answer(work, response, found)


@router.delete("/plugins/{plugin}", status_code=204, summary="Delete a plugin")
async def delete_plugin(plugin: PluginPath, work: CatalogWork) -> None:
    """Delete it with its releases; 409 when it was observed, or usage or statistics came in since it was published."""
    await remove_plugin(work, await claim_plugin(work, plugin))


@router.get("/plugins/{plugin}/releases", summary="List a plugin's releases, highest version first")
async def list_releases(
    plugin: PluginPath,
    paging: PagingQuery,
    asked: Annotated[Asked, Depends(filters.RELEASES)],
    wanted: WantedParts,
    reader: CatalogReader,
) -> Page[ReleaseView]:
    """In the order of the version scheme, not of dates."""
    catalogue = reader.repository(Catalogue)
    query = asked.where(catalogue.releases((await catalogue.plugin(plugin)).id))
    rows = await paging.rows(reader.session, query, [Release.sort_key, Release.id], descending=True)
    return rows.holding(await release_views(reader, rows.items, wanted))


@router.post(
    "/plugins/{plugin}/releases",
    status_code=201,
    summary="Publish a release",
    responses=also(200, ReleaseDetail, "It was there already."),
)
async def post_release(
    plugin: PluginPath, document: ReleaseDocument, response: Response, work: CatalogWork
) -> ReleaseDetail:
    """201 for a new version; 200 when it was there with the same content; 409 when it was there with other content."""
    found = await claim_for_release(work, plugin)
    draft = await add_release(work, found, document)
    if draft.new_releases:
        (release,) = draft.new_releases.values()
        needed = sorted(draft.new_dependencies, key=lambda row: str(row["dependency_ref"]))
        return ReleaseDetail(**release, dependencies=[DependencyView(**row) for row in needed])
    response.status_code = 200
    return await _release(work, found["id"], document.version)


@router.get("/plugins/{plugin}/releases/{version}", summary="Read a release with what it needs")
async def read_release(
    plugin: PluginPath, version: Annotated[str, Path(max_length=200)], reader: CatalogReader
) -> ReleaseDetail:
    """One release."""
    return await _release(reader, (await reader.repository(Catalogue).plugin(plugin)).id, version)


@router.get("/plugins/{plugin}/dependencies", summary="List what the latest release needs")
async def list_dependencies(
    plugin: PluginPath,
    paging: PagingQuery,
    asked: Annotated[Asked, Depends(filters.DEPENDENCIES)],
    reader: CatalogReader,
) -> Page[DependencyView]:
    """Empty when the plugin has no release or needs nothing."""
    catalogue = reader.repository(Catalogue)
    latest = await catalogue.latest((await catalogue.plugin(plugin)).id)
    query = asked.where(catalogue.dependencies(latest.id if latest else None))
    rows = await paging.rows(reader.session, query, [Dependency.dependency_ref, Dependency.id])
    return rows.page(DependencyView.model_validate)


@router.get("/plugins/{plugin}/dependants", summary="List plugins whose latest release needs this one")
async def list_dependants(
    plugin: PluginPath,
    paging: PagingQuery,
    asked: Annotated[Asked, Depends(filters.DEPENDANTS)],
    reader: CatalogReader,
) -> Page[DependantView]:
    """By ref."""
    catalogue = reader.repository(Catalogue)
    query = catalogue.dependants((await catalogue.plugin(plugin)).id, asked)
    rows = await paging.rows(reader.session, query, [Plugin.ref, Plugin.id], scalars=False)
    return rows.page(DependantView.model_validate)


@router.get("/plugins/{plugin}/advisories", summary="List advisories on a plugin with the releases they hit")
async def list_plugin_advisories(
    plugin: PluginPath,
    paging: PagingQuery,
    asked: Annotated[Asked, Depends(filters.ADVISORIES)],
    reader: CatalogReader,
) -> Page[PluginAdvisory]:
    """Newest record first; 422 when matching the versions takes too long."""
    catalogue = reader.repository(Catalogue)
    found = await catalogue.plugin(plugin)
    query = asked.where(catalogue.advisories().where(Advisory.plugin_id == found.id))
    rows = await paging.rows(reader.session, query, [Advisory.id], descending=True)
    releases = (await reader.session.execute(catalogue.releases(found.id))).scalars().all()
    return rows.holding(await advisory_views(rows.items, releases))


@router.get("/advisories", summary="List advisories, newest record first")
async def list_advisories(
    paging: PagingQuery, asked: Annotated[Asked, Depends(filters.ADVISORIES)], reader: CatalogReader
) -> Page[AdvisoryView]:
    """The tenant's own, the operator's, and those of owners on what they share with it."""
    query = asked.where(reader.repository(Catalogue).advisories())
    return (await paging.rows(reader.session, query, [Advisory.id], descending=True)).page(AdvisoryView.model_validate)


@router.get("/labels", summary="Count plugins by label")
async def list_labels(reader: CatalogReader) -> Page[LabelCount]:
    """Every label at once, most used first."""
    counts = await reader.repository(Catalogue).label_counts()
    return Page[LabelCount](items=[LabelCount(label=row[0], plugins=row[1]) for row in counts], next=None)


@router.post("/catalogue/batches", status_code=201, summary="Send a batch of plugins", responses=REPLAYED)
async def post_catalogue_batch(
    batch: CatalogueBatch, request: Request, response: Response, actor: CatalogActor, idempotency_key: KeyHeader = None
) -> BatchResult:
    """Upsert plugins with their releases; each item by itself, refused ones with their reason.

    Repeating it changes nothing.
    """
    return await CATALOGUE.take(request, response, actor, batch.plugins, idempotency_key)


@router.post("/advisories/batches", status_code=201, summary="Send a batch of advisories", responses=REPLAYED)
async def post_advisories_batch(
    batch: AdvisoriesBatch, request: Request, response: Response, actor: CatalogActor, idempotency_key: KeyHeader = None
) -> BatchResult:
    """Upsert advisories; each item by itself, refused ones with their reason."""
    return await ADVISORIES.take(request, response, actor, batch.advisories, idempotency_key)


async def _answer(reader: Reader, response: Response, plugin: Plugin) -> PluginView:
    response.headers["ETag"] = revision_tag(plugin.revision)
    return (await plugin_views(reader.repository(Catalogue), [plugin]))[0]


async def _release(reader: Reader, plugin_id: UUID, version: str) -> ReleaseDetail:
    catalogue = reader.repository(Catalogue)
    release = await catalogue.release(plugin_id, version)
    dependencies = [DependencyView.model_validate(row) for row in await catalogue.dependencies_of(release.id)]
    return ReleaseDetail(**(await release_views(reader, [release]))[0].model_dump(), dependencies=dependencies)
