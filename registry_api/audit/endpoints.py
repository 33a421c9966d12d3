"""Routes of the audit log."""

import base64
from typing import Annotated, Any

import anyio
from fastapi import Depends, Request
from fastapi.responses import StreamingResponse

from patchbay.core.audit.notes import origin_of, verifier_key
from registry_api.access import Actor, acting, reading
from registry_api.audit.anchoring import Anchoring
from registry_api.audit.export import exported
from registry_api.audit.filters import RECORDS
from registry_api.audit.models import AuditRecord
from registry_api.audit.repository import AuditLog
from registry_api.audit.schemas import AuditKeyView, AuditView, VerdictView, persons_of
from registry_api.audit.verify import Kept, verify_chain
from registry_api.db import Reader
from registry_api.filtering import Asked
from registry_api.http import api_router
from registry_api.pagination import Page, PagingQuery
from registry_api.selecting import WantedParts

router = api_router("audit")
NDJSON = "application/x-ndjson"
_FILE: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "One header, the checkpoints, then every record.",
        "content": {NDJSON: {"schema": {"type": "string"}}},
    }
}


@router.get("/audit", summary="Read the audit log")
async def list_audit_records(
    paging: PagingQuery,
    asked: Annotated[Asked, Depends(RECORDS)],
    wanted: WantedParts,
    reader: Reader = reading("audit:read", sensitive=True),
) -> Page[AuditView]:
    """Records of the tenant acted in, newest first; the record of this very reading is the newest."""
    log = reader.repository(AuditLog)
    query = asked.where(log.records())
    rows = await paging.rows(reader.session, query, [AuditRecord.position], descending=True, scalars=False)
    told = rows.items if "change" in wanted or "patch" in wanted else []
    keys = await log.person_keys(persons_of(told))
    return rows.page(lambda record: AuditView.of(record, keys))


@router.get("/audit/verify", summary="Verify the audit log")
async def verify_audit_log(request: Request, actor: Actor = acting("audit:read")) -> VerdictView:
    """Walk the whole chain of the tenant acted in: links, content, columns, head, and each signed checkpoint that is kept
    outside of the database.

    A broken chain is an answer, not an error. Records after the first `anchored` ones rest on the chain alone.
    """
    kept = await _kept(request, actor)
    async with actor.reading() as reader:
        verdict = await verify_chain(reader.repository(AuditLog), kept, _public_key(request))
    return VerdictView.model_validate(verdict)


@router.get("/audit/key", summary="Read the key of audit checkpoints")
async def read_audit_key(request: Request, reader: Reader = reading("audit:read")) -> AuditKeyView:
    """The public key that checkpoints of the tenant acted in are verified with. Note it down once, and elsewhere: whoever
    asks for it at the time of doubt asks the one who is doubted.
    """
    origin, key = origin_of(reader.principal.tenant_id), _public_key(request)
    shown = base64.b64encode(key).decode()
    return AuditKeyView(origin=origin, public_key=shown, verifier_key=verifier_key(origin, key))


@router.get("/audit/export", summary="Export the audit log", response_class=StreamingResponse, responses=_FILE)
async def export_audit_log(request: Request, actor: Actor = acting("audit:read", sensitive=True)) -> StreamingResponse:
    """The whole chain of the tenant acted in as a file that `patchbay audit verify` checks without a registry.

    Records are in it byte for byte as they were hashed; personal values stay sealed.
    """
    return StreamingResponse(exported(actor, await _kept(request, actor)), media_type=NDJSON)


async def _kept(request: Request, actor: Actor) -> Kept:
    async with actor.reading() as reader:
        head = await reader.repository(AuditLog).head()
    anchoring: Anchoring = request.app.state.anchoring
    notes = await anyio.to_thread.run_sync(anchoring.anchors.notes, actor.principal.tenant_id)
    return Kept(0 if head is None else head.anchored_size, notes)


def _public_key(request: Request) -> bytes:
    anchoring: Anchoring = request.app.state.anchoring
    return anchoring.key.public_key().public_bytes_raw()
