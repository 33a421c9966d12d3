"""Routes of the audit log."""

from typing import Annotated

from fastapi import Query

from registry_api.access import reading
from registry_api.audit.models import AuditRecord
from registry_api.audit.repository import AuditLog
from registry_api.audit.schemas import AuditView, VerdictView
from registry_api.audit.verify import verify_chain
from registry_api.db import Reader
from registry_api.http import api_router
from registry_api.pagination import Page, PagingQuery

router = api_router("audit")
Filter = Annotated[str | None, Query(max_length=300)]


@router.get("/audit", summary="Read the audit log")
async def list_audit_records(
    paging: PagingQuery, action: Filter = None, subject: Filter = None, reader: Reader = reading("audit:read")
) -> Page[AuditView]:
    """Records of the tenant acted in, newest first."""
    query = reader.repository(AuditLog).records(action, subject)
    rows = await paging.rows(reader.session, query, [AuditRecord.position], descending=True)
    return rows.page(AuditView.of)


@router.get("/audit/verify", summary="Verify the audit log")
async def verify_audit_log(reader: Reader = reading("audit:read")) -> VerdictView:
    """Walk the whole chain of the tenant acted in: links, content, columns and head.

    A broken chain is an answer, not an error.
    """
    return VerdictView.model_validate(await verify_chain(reader.repository(AuditLog)))
