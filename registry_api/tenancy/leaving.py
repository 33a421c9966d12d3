"""Routes of exports and of deletion."""

from typing import Annotated
from uuid import UUID

import anyio
from fastapi import Depends, Request, Response
from fastapi.responses import FileResponse

from patchbay.core.clock import utcnow
from patchbay.core.storage import ObjectMissing, Storage
from registry_api.access import reading, writing
from registry_api.db import Reader, Scope, UnitOfWork
from registry_api.filtering import Asked
from registry_api.http import api_router, problems
from registry_api.jobs.accepted import ACCEPTED, point_to
from registry_api.pagination import Page, PagingQuery
from registry_api.problems import NotFound
from registry_api.tenancy import erasure
from registry_api.tenancy.errors import OperatorTenantFixed
from registry_api.tenancy.exports import Exports, ask_export
from registry_api.tenancy.filters import EXPORTS
from registry_api.tenancy.models import Tenant, TenantExport
from registry_api.tenancy.repository import Tenants
from registry_api.tenancy.schemas import ExportView, TenantView

router = api_router("tenancy")
ARCHIVE = "application/zstd"
Exporting = Annotated[UnitOfWork, writing("tenancy:export", while_suspended=True)]
ExportReader = Annotated[Reader, reading("tenancy:export")]
Downloader = Annotated[Reader, reading("tenancy:export", sensitive=True)]


async def _exports(reader: Reader, tenant: str) -> tuple[Tenant, Exports]:
    found = await reader.repository(Tenants).get(tenant)
    return found, Exports(reader.session, Scope(found.id, reader.principal.scope.operator_id))


@router.post(
    "/tenants/{tenant}/exports",
    status_code=202,
    summary="Have a tenant exported",
    responses=ACCEPTED | problems(conflict="It was deleted."),
)
async def post_export(tenant: str, response: Response, work: Exporting) -> ExportView:
    """Everything the tenant owns, as one archive; the export that is on its way where there is one. Read it for progress.

    Also for a tenant that is suspended or marked for deletion. Its archive takes the former one's place.
    """
    found = await work.repository(Tenants).hold(tenant)
    erasure.refuse_deleted(found)
    made = await ask_export(work, found)
    point_to(response, f"/v1/tenants/{found.id}/exports/{made.id}")
    return ExportView.model_validate(made)


@router.get("/tenants/{tenant}/exports", summary="List a tenant's exports")
async def list_exports(
    tenant: str, paging: PagingQuery, asked: Annotated[Asked, Depends(EXPORTS)], reader: ExportReader
) -> Page[ExportView]:
    """Newest first."""
    _, exports = await _exports(reader, tenant)
    order = [TenantExport.recorded_at, TenantExport.id]
    rows = await paging.rows(reader.session, asked.where(exports.all()), order, descending=True)
    return rows.page(ExportView.model_validate)


@router.get("/tenants/{tenant}/exports/{export_id}", summary="Read an export")
async def read_export(tenant: str, export_id: UUID, reader: ExportReader) -> ExportView:
    """How far it is; `done` when it can be downloaded."""
    _, exports = await _exports(reader, tenant)
    return ExportView.model_validate(await exports.get(export_id))


@router.get(
    "/tenants/{tenant}/exports/{export_id}/content",
    summary="Download an export",
    response_class=Response,
    responses={
        200: {"content": {ARCHIVE: {"schema": {"type": "string", "format": "binary"}}}, "description": "A tar."}
    },
)
async def read_export_content(tenant: str, export_id: UUID, request: Request, reader: Downloader) -> Response:
    """A tar packed with zstd: `tables/<table>.ndjson`, `files/…` and `manifest.json`. 404 until it is done and when it expired."""
    _, exports = await _exports(reader, tenant)
    found = await exports.get(export_id)
    if found.path is None:
        raise NotFound(f"The export {export_id} is {found.state}; there is nothing to download.")
    if found.expires_at is not None and found.expires_at <= utcnow():
        raise NotFound(f"The export {export_id} had its time; ask for another one.")
    name = f"patchbay-{found.tenant_id}-{found.id}.tar.zst"
    headers = {"ETag": f'"{found.digest}"', "Content-Disposition": f'attachment; filename="{name}"'}
    try:
        return await anyio.to_thread.run_sync(_archive, request.app.state.storage, found.path, headers)
    except ObjectMissing:
        raise NotFound(f"The export {export_id} gave way to a newer one at this moment.") from None


def _archive(storage: Storage, path: str, headers: dict[str, str]) -> Response:
    local = storage.local_path(path)
    if local is None:
        return Response(storage.read_bytes(path), media_type=ARCHIVE, headers=headers)
    if not storage.exists(path):
        raise ObjectMissing(path)
    return FileResponse(local, media_type=ARCHIVE, headers=headers)


@router.delete(
    "/tenants/{tenant}",
    status_code=202,
    summary="Delete a tenant",
    responses=ACCEPTED | problems(unprocessable="The operator."),
)
async def delete_tenant(
    tenant: str, request: Request, response: Response, work: Annotated[UnitOfWork, writing("tenancy:write")]
) -> TenantView:
    """Mark it: it reads and no longer writes, and after the grace period, which `Retry-After` tells, everything it owns is
    erased. Until then, setting its status to active or suspended undoes it. Of one that is marked, an erasure that died is
    tried again.
    """
    found = await work.repository(Tenants).get_any(tenant)
    if found.kind == "operator":
        raise OperatorTenantFixed("The operator tenant cannot be deleted, since the registry is run from it.")
    await erasure.mark(work, request.app.state.settings, found)
    point_to(response, f"/v1/tenants/{found.id}", erasure.seconds_left(found))
    return TenantView.model_validate(found)
