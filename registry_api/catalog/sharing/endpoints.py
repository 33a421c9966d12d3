"""HTTP of grants: what an owner shares with whom, and what is shared with a tenant."""

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Response

from registry_api.access import reading, writing
from registry_api.catalog.endpoints import PluginPath
from registry_api.catalog.repository import Catalogue
from registry_api.catalog.service import claim_plugin
from registry_api.catalog.sharing import filters, service
from registry_api.catalog.sharing.models import PluginGrant
from registry_api.catalog.sharing.repository import PluginGrants, state
from registry_api.catalog.sharing.schemas import (
    NewPluginGrants,
    PluginGrantPatch,
    PluginGrantView,
    ReceivedGrantView,
    Side,
)
from registry_api.catalog.store import CatalogueStore
from registry_api.conditions import REVISED, IfMatch, require_revision, revision_tag
from registry_api.db import Reader, UnitOfWork
from registry_api.filtering import Asked
from registry_api.http import api_router, problems
from registry_api.pagination import Page, PagingQuery
from registry_api.tenancy.models import Tenant

router = api_router("catalog")
SharingReader = Annotated[Reader, reading("catalog:share")]
SharingWork = Annotated[UnitOfWork, writing("catalog:share")]
NEWEST = [PluginGrant.recorded_at, PluginGrant.id]


@router.get("/plugins/{plugin}/grants", summary="List whom a plugin is shared with")
async def list_plugin_grants(
    plugin: PluginPath, paging: PagingQuery, asked: Annotated[Asked, Depends(filters.GIVEN)], reader: SharingReader
) -> Page[PluginGrantView]:
    """The tenant's own plugin; newest first, those that ended too."""
    grants = reader.repository(PluginGrants)
    query = asked.where(grants.given(await _own(reader, plugin)))
    rows = await paging.rows(reader.session, query, NEWEST, descending=True)
    return rows.holding(await _views(reader, rows.items))


@router.post("/plugins/{plugin}/grants", status_code=201, summary="Share a plugin with tenants")
async def create_plugin_grants(plugin: PluginPath, body: NewPluginGrants, work: SharingWork) -> Page[PluginGrantView]:
    """One grant for each tenant, all of them or none. 404 for a tenant that nothing can be shared with, whatever the reason."""
    given = await service.give(work, await claim_plugin(work, plugin), body)
    return Page[PluginGrantView](items=await _views(work, given), next=None)


@router.get("/plugins/{plugin}/grants/{plugin_grant_id}", summary="Read a grant")
async def read_plugin_grant(
    plugin: PluginPath, plugin_grant_id: UUID, response: Response, reader: SharingReader
) -> PluginGrantView:
    """One grant; the ETag is its revision."""
    grants = reader.repository(PluginGrants)
    return await _answer(reader, response, await grants.one(grants.given(await _own(reader, plugin)), plugin_grant_id))


@router.patch(
    "/plugins/{plugin}/grants/{plugin_grant_id}",
    summary="Change a grant",
    responses=problems(**REVISED, conflict="It has ended."),
)
async def patch_plugin_grant(
    plugin: PluginPath,
    plugin_grant_id: UUID,
    patch: PluginGrantPatch,
    response: Response,
    work: SharingWork,
    if_match: IfMatch = None,
) -> PluginGrantView:
    """Its scope or expiry; one that expired counts again. 428 without If-Match, 412 when it has changed since it was read."""
    found, grants = await claim_plugin(work, plugin), work.repository(PluginGrants)
    grant = await grants.one(grants.given(found.id), plugin_grant_id)
    require_revision(if_match, grant.revision)
    await service.change(work, found, grant, patch)
    return await _answer(work, response, grant)


@router.delete("/plugins/{plugin}/grants/{plugin_grant_id}", status_code=204, summary="Revoke a grant")
async def delete_plugin_grant(plugin: PluginPath, plugin_grant_id: UUID, work: SharingWork) -> None:
    """From the next request on the tenant sees the plugin no more; what it observed of it stays its own."""
    found, grants = await claim_plugin(work, plugin), work.repository(PluginGrants)
    await service.end(work, await grants.one(grants.given(found.id), plugin_grant_id), "revoked")


@router.get("/received-grants", summary="List what others share with the tenant")
async def list_received_grants(
    paging: PagingQuery,
    asked: Annotated[Asked, Depends(filters.RECEIVED)],
    reader: Annotated[Reader, reading("catalog:read")],
) -> Page[ReceivedGrantView]:
    """Newest first, those that ended too."""
    query = asked.where(reader.repository(PluginGrants).received())
    rows = await paging.rows(reader.session, query, NEWEST, descending=True)
    views = await _views(reader, rows.items)
    return rows.holding([ReceivedGrantView(**view.model_dump(exclude={"given_by", "revision"})) for view in views])


@router.delete("/received-grants/{plugin_grant_id}", status_code=204, summary="Decline a grant")
async def delete_received_grant(plugin_grant_id: UUID, work: SharingWork) -> None:
    """End what another tenant shares with this one; only its owner can share it again."""
    await work.repository(CatalogueStore).take_turn()
    grants = work.repository(PluginGrants)
    await service.end(work, await grants.one(grants.received(), plugin_grant_id), "declined")


async def _own(reader: Reader, plugin: str) -> UUID:
    return (await reader.repository(Catalogue).own_plugin(plugin, locked=False)).id


async def _answer(reader: Reader, response: Response, grant: PluginGrant) -> PluginGrantView:
    response.headers["ETag"] = revision_tag(grant.revision)
    return (await _views(reader, [grant]))[0]


async def _views(reader: Reader, grants: Sequence[PluginGrant]) -> list[PluginGrantView]:
    sides = await reader.repository(PluginGrants).sides(grants)
    return [_view(grant, sides) for grant in grants]


def _view(grant: PluginGrant, sides: dict[UUID, Tenant]) -> PluginGrantView:
    same = {
        name: getattr(grant, name)
        for name in ("id", "plugin_id", "scope", "given_by", "expires_at", "ended_at", "revision")
    }
    owner, grantee = (Side.model_validate(sides[id]) for id in (grant.tenant_id, grant.grantee_id))
    return PluginGrantView(
        **same, plugin=grant.ref, owner=owner, grantee=grantee, state=state(grant), given_at=grant.recorded_at
    )
