"""HTTP of usage."""

from typing import Annotated

from fastapi import Depends, Query, Request, Response

from patchbay.core.contracts import USAGE_EVENT
from registry_api.access import Actor, acting, reading
from registry_api.catalog.repository import Catalogue
from registry_api.db import Reader
from registry_api.filtering import Asked
from registry_api.http import api_router
from registry_api.intake.columnar.document import columnar_body
from registry_api.intake.columnar.receive import receive
from registry_api.intake.ledger import RequiredKeyHeader
from registry_api.intake.schemas import REPLAYED, BatchResult
from registry_api.pagination import Page, PagingQuery
from registry_api.usage.counters import Counters
from registry_api.usage.filters import COUNTERS
from registry_api.usage.models import MinuteCounter
from registry_api.usage.schemas import MinuteCount
from registry_api.usage.stream import USAGE

router = api_router("usage")

EXAMPLE = {
    "id": "01JD8Q4Z",
    "type": "use",
    "at": "2026-11-23T10:15:00Z",
    "plugin": "jenkins:git",
    "version": "5.2.0",
    "target": "build-7",
    "person": "ada",
    "outcome": "ok",
    "duration_ms": 812.5,
}


@router.post(
    "/usage/batches",
    status_code=201,
    summary="Send usage events",
    responses=REPLAYED,
    openapi_extra=columnar_body(USAGE_EVENT, EXAMPLE),
)
async def post_usage_batch(
    request: Request,
    response: Response,
    actor: Annotated[Actor, acting("usage:write")],
    idempotency_key: RequiredKeyHeader = None,
) -> BatchResult:
    """NDJSON or an Arrow stream; good rows are kept, each refused one is answered with its reason. 200 when the key is known.

    Once answered, the rows are durable. Send again with the same Idempotency-Key whenever no answer came.
    """
    return await receive(USAGE, request, response, actor, idempotency_key)


@router.get("/usage/counters", summary="Read minute counters of the last 48 hours")
async def list_usage_counters(
    paging: PagingQuery,
    asked: Annotated[Asked, Depends(COUNTERS)],
    reader: Annotated[Reader, reading("usage:read")],
    plugin: Annotated[str | None, Query(max_length=401, description="Id or namespace:name.")] = None,
) -> Page[MinuteCount]:
    """Oldest minute first. Older events are counted by day in the warehouse."""
    query = asked.where(reader.repository(Counters).all())
    if plugin is not None:
        query = query.where(MinuteCounter.plugin_id == (await reader.repository(Catalogue).plugin(plugin)).id)
    order = [getattr(MinuteCounter, name) for name in ("minute", "tenant_id", "plugin_id", "release_id", "type")]
    return (await paging.rows(reader.session, query, order)).page(MinuteCount.model_validate)
