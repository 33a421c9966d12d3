"""HTTP of plugins and their parts."""

from typing import Annotated, Literal

from fastapi import Header, Path, Query, Request, Response

from registry_api.access import Actor, acting, reading, writing
from registry_api.catalog.advisories import apply_advisories, judge_advisories
from registry_api.catalog.models import Advisory, Dependency, Plugin, Release
from registry_api.catalog.ordering import ordered
from registry_api.catalog.presenting import advisory_views, plugin_views
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
from registry_api.catalog.service import add_release, apply_catalogue, change_plugin, claim_plugin, create_plugin
from registry_api.db import Reader, UnitOfWork
from registry_api.http import api_router
from registry_api.intake.documents import JsonBatch
from registry_api.intake.ledger import KeyHeader
from registry_api.intake.schemas import BatchResult
from registry_api.pagination import Page, PagingQuery
from registry_api.problems import PreconditionFailed, PreconditionRequired

router = api_router("catalog")

PluginPath = Annotated[str, Path(max_length=401, description="Id or namespace:name.")]
Filter = Annotated[str | None, Query(max_length=300)]
CatalogReader = Annotated[Reader, reading("catalog:read")]
CatalogWork = Annotated[UnitOfWork, writing("catalog:write")]
CatalogActor = Annotated[Actor, acting("catalog:write")]

CATALOGUE: JsonBatch[PluginDocument] = JsonBatch("catalogue", "plugins", apply_catalogue)
ADVISORIES = JsonBatch("advisories", "advisories", apply_advisories, judge_advisories)


@router.get("/plugins", summary="Search plugins")
async def list_plugins(
    paging: PagingQuery,
    reader: CatalogReader,
    q: Annotated[
        str | None, Query(max_length=300, description="Words that must occur in name, title, summary or labels.")
    ] = None,
    namespace: Filter = None,
    name: Filter = None,
    label: Filter = None,
    lifecycle: Literal["active", "deprecated", "withdrawn"] | None = None,
    sort: Annotated[
        Literal["name", "-created", "risk", "adoption"],
        Query(description="By name, newest record first, highest risk first, or on most targets first."),
    ] = "name",
) -> Page[PluginView]:
    """The tenant's own plugins and the operator's public ones."""
    catalogue = reader.repository(Catalogue)
    query, order = ordered(reader, catalogue.plugins(q, namespace, name, label, lifecycle), sort)
    rows = await paging.rows(reader.session, query, order, descending=sort != "name", scalars=False)
    return Page[PluginView](items=await plugin_views(catalogue, [row.Plugin for row in rows.items]), next=rows.next)


@router.post("/plugins", status_code=201, summary="Publish a plugin")
async def post_plugin(document: PluginDocument, response: Response, work: CatalogWork) -> PluginView:
    """A new plugin of the tenant, with any of its releases; 409 when the tenant has one of that name."""
    plugin_id = await create_plugin(work, document)
    return await _answer(work, response, await work.repository(Catalogue).plugin(str(plugin_id)))


@router.get("/plugins/{plugin}", summary="Read a plugin")
async def read_plugin(plugin: PluginPath, response: Response, reader: CatalogReader) -> PluginView:
    """One plugin; the ETag is its revision."""
    return await _answer(reader, response, await reader.repository(Catalogue).plugin(plugin))


@router.patch("/plugins/{plugin}", summary="Change a plugin")
async def patch_plugin(
    plugin: PluginPath,
    patch: PluginPatch,
    response: Response,
    work: CatalogWork,
    if_match: Annotated[str | None, Header(description="The ETag as read.")] = None,
) -> PluginView:
    """Change the stated fields. 428 without If-Match, 412 when the plugin has changed since it was read."""
    found = await claim_plugin(work, plugin)
    _require_match(found, if_match)
    await change_plugin(work, found, patch)
    await work.session.refresh(found)
    return await _answer(work, response, found)


@router.delete("/plugins/{plugin}", status_code=204, summary="Delete a plugin")
async def delete_plugin(plugin: PluginPath, work: CatalogWork) -> None:
    """Delete it with its releases; 409 when it was observed, or usage or statistics came in since it was published."""
    await remove_plugin(work, await claim_plugin(work, plugin))


@router.get("/plugins/{plugin}/releases", summary="List a plugin's releases, highest version first")
async def list_releases(plugin: PluginPath, paging: PagingQuery, reader: CatalogReader) -> Page[ReleaseView]:
    """In the order of the version scheme, not of dates."""
    catalogue = reader.repository(Catalogue)
    query = catalogue.releases((await catalogue.plugin(plugin)).id)
    rows = await paging.rows(reader.session, query, [Release.sort_key, Release.id], descending=True)
    return rows.page(ReleaseView.model_validate)


@router.post("/plugins/{plugin}/releases", status_code=201, summary="Publish a release")
async def post_release(
    plugin: PluginPath, document: ReleaseDocument, response: Response, work: CatalogWork
) -> ReleaseDetail:
    """201 for a new version; 200 when it was there with the same content; 409 when it was there with other content."""
    catalogue = work.repository(Catalogue)
    found = await claim_plugin(work, plugin)
    is_new = await add_release(work, found, document)
    response.status_code = 201 if is_new else 200
    return await _release(catalogue, found, document.version)


@router.get("/plugins/{plugin}/releases/{version}", summary="Read a release with what it needs")
async def read_release(
    plugin: PluginPath, version: Annotated[str, Path(max_length=200)], reader: CatalogReader
) -> ReleaseDetail:
    """One release."""
    catalogue = reader.repository(Catalogue)
    return await _release(catalogue, await catalogue.plugin(plugin), version)


@router.get("/plugins/{plugin}/dependencies", summary="List what the latest release needs")
async def list_dependencies(plugin: PluginPath, paging: PagingQuery, reader: CatalogReader) -> Page[DependencyView]:
    """Empty when the plugin has no release or needs nothing."""
    catalogue = reader.repository(Catalogue)
    latest = await catalogue.latest((await catalogue.plugin(plugin)).id)
    query = catalogue.dependencies(latest.id if latest else None)
    rows = await paging.rows(reader.session, query, [Dependency.dependency_ref, Dependency.id])
    return rows.page(DependencyView.model_validate)


@router.get("/plugins/{plugin}/dependants", summary="List plugins whose latest release needs this one")
async def list_dependants(plugin: PluginPath, paging: PagingQuery, reader: CatalogReader) -> Page[DependantView]:
    """By ref."""
    catalogue = reader.repository(Catalogue)
    query = catalogue.dependants((await catalogue.plugin(plugin)).id)
    rows = await paging.rows(reader.session, query, [Plugin.ref, Plugin.id], scalars=False)
    return rows.page(
        lambda row: DependantView(plugin_id=row[0], ref=row[1], version=row[2], requirement=row[3], optional=row[4])
    )


@router.get("/plugins/{plugin}/advisories", summary="List advisories on a plugin with the releases they hit")
async def list_plugin_advisories(
    plugin: PluginPath, paging: PagingQuery, reader: CatalogReader
) -> Page[PluginAdvisory]:
    """Newest record first; 422 when matching the versions takes too long."""
    catalogue = reader.repository(Catalogue)
    found = await catalogue.plugin(plugin)
    query = catalogue.advisories().where(Advisory.plugin_id == found.id)
    rows = await paging.rows(reader.session, query, [Advisory.id], descending=True)
    releases = (await reader.session.execute(catalogue.releases(found.id))).scalars().all()
    return Page[PluginAdvisory](items=await advisory_views(rows.items, releases), next=rows.next)


@router.get("/advisories", summary="List advisories, newest record first")
async def list_advisories(paging: PagingQuery, reader: CatalogReader) -> Page[AdvisoryView]:
    """The tenant's own and the operator's."""
    query = reader.repository(Catalogue).advisories()
    return (await paging.rows(reader.session, query, [Advisory.id], descending=True)).page(AdvisoryView.model_validate)


@router.get("/labels", summary="Count plugins by label")
async def list_labels(reader: CatalogReader) -> Page[LabelCount]:
    """Every label at once, most used first."""
    counts = await reader.repository(Catalogue).label_counts()
    return Page[LabelCount](items=[LabelCount(label=row[0], plugins=row[1]) for row in counts], next=None)


@router.post("/catalogue/batches", status_code=201, summary="Send a batch of plugins")
async def post_catalogue_batch(
    batch: CatalogueBatch, request: Request, response: Response, actor: CatalogActor, idempotency_key: KeyHeader = None
) -> BatchResult:
    """Upsert plugins with their releases; each item by itself, refused ones with their reason.

    Repeating it changes nothing.
    """
    return await CATALOGUE.take(request, response, actor, batch.plugins, idempotency_key)


@router.post("/advisories/batches", status_code=201, summary="Send a batch of advisories")
async def post_advisories_batch(
    batch: AdvisoriesBatch, request: Request, response: Response, actor: CatalogActor, idempotency_key: KeyHeader = None
) -> BatchResult:
    """Upsert advisories; each item by itself, refused ones with their reason."""
    return await ADVISORIES.take(request, response, actor, batch.advisories, idempotency_key)


async def _answer(reader: Reader, response: Response, plugin: Plugin) -> PluginView:
    response.headers["ETag"] = f'"{plugin.revision}"'
    return (await plugin_views(reader.repository(Catalogue), [plugin]))[0]


async def _release(catalogue: Catalogue, plugin: Plugin, version: str) -> ReleaseDetail:
    release = await catalogue.release(plugin.id, version)
    dependencies = [DependencyView.model_validate(row) for row in await catalogue.dependencies_of(release.id)]
    return ReleaseDetail(**ReleaseView.model_validate(release).model_dump(), dependencies=dependencies)


def _require_match(plugin: Plugin, if_match: str | None) -> None:
    if if_match is None:
        raise PreconditionRequired('Send If-Match with the ETag you read, such as If-Match: "3".')
    tags = {tag.strip().removeprefix("W/") for tag in if_match.split(",")}
    if "*" not in tags and f'"{plugin.revision}"' not in tags:
        raise PreconditionFailed(f"The plugin is at revision {plugin.revision}. Read it again and repeat the change.")
