"""HTTP of the ledger."""

from functools import partial
from typing import Annotated
from uuid import UUID

import anyio
from fastapi import Depends, Query, Request, Response

from patchbay.core.contracts import INTAKE_STREAMS
from registry_api.access import reading
from registry_api.db import Reader
from registry_api.filtering import Asked
from registry_api.http import api_router
from registry_api.intake.errors import AmbiguousBatch
from registry_api.intake.filters import BATCHES
from registry_api.intake.models import IntakeBatch
from registry_api.intake.rejects import read_rejects
from registry_api.intake.repository import Intake
from registry_api.intake.schemas import IntakeBatchOut, StoredReject
from registry_api.intake.turns import Turns
from registry_api.pagination import Page, PagingQuery
from registry_api.problems import NotFound

router = api_router("intake")
PARQUET = "application/vnd.apache.parquet"
READERS = Turns("rejects_readers", 2)
"""Pages of rejects read at once; each holds a few thousand rows in memory."""

StreamQuery = Annotated[str | None, Query(description=f"One of {', '.join(INTAKE_STREAMS)}.", max_length=40)]


@router.get("/intake/batches", summary="List acknowledged batches, newest first")
async def list_intake_batches(
    paging: PagingQuery,
    asked: Annotated[Asked, Depends(BATCHES)],
    reader: Annotated[Reader, reading("usage:read")],
) -> Page[IntakeBatchOut]:
    """The tenant's ledger."""
    query = asked.where(reader.repository(Intake).batches())
    return (await paging.rows(reader.session, query, [IntakeBatch.id], descending=True)).page(
        IntakeBatchOut.model_validate
    )


# Keys may hold slashes, hence the path converter; the longer route comes first or it would never match.
@router.get("/intake/batches/{batch_id:path}/rejects", summary="List every refused row of a batch")
async def list_batch_rejects(
    batch_id: str,
    request: Request,
    paging: PagingQuery,
    reader: Annotated[Reader, reading("usage:read")],
    stream: StreamQuery = None,
) -> Page[StoredReject]:
    """All rejects in row order, with the reason and the row as received; empty when none was refused."""
    batch = await _batch(reader, batch_id, stream)
    if batch.rejects_path is None:
        return paging.around([], None, None).holding([])
    start = paging.place
    read = partial(read_rejects, request.app.state.storage, batch.rejects_path, start, paging.limit + 1)
    frame = await anyio.to_thread.run_sync(read, limiter=READERS.limiter)
    items = [StoredReject(**row) for row in frame.head(paging.limit).iter_rows(named=True)]
    later = paging.at(start + paging.limit) if frame.height > paging.limit else None
    earlier = paging.at(max(start - paging.limit, 0)) if start else None
    return paging.around(items, later, earlier).holding(items)


@router.get("/intake/batches/{batch_id:path}", summary="Read one batch of the ledger")
async def read_intake_batch(
    batch_id: str, reader: Annotated[Reader, reading("usage:read")], stream: StreamQuery = None
) -> IntakeBatchOut:
    """One batch by its ledger id or its Idempotency-Key."""
    return IntakeBatchOut.model_validate(await _batch(reader, batch_id, stream))


@router.get(
    "/segments/{segment_id}/content",
    summary="Read a segment's file",
    response_class=Response,
    responses={200: {"content": {PARQUET: {}}, "description": "The Parquet file."}},
)
async def read_segment_content(
    segment_id: UUID, request: Request, reader: Annotated[Reader, reading("segments:read")]
) -> Response:
    """The file as it lies in the lake, for readers that do not share its storage; 404 once a superseded file is deleted."""
    found = await reader.repository(Intake).segment(segment_id)
    if found is None or found.deleted_at is not None:
        raise NotFound(f"There is no segment {segment_id}, or its file was deleted after it was superseded.")
    content = await anyio.to_thread.run_sync(request.app.state.storage.read_bytes, found.path)
    return Response(content, media_type=PARQUET, headers={"ETag": f'"{found.digest}"'})


async def _batch(reader: Reader, batch_id: str, stream: str | None) -> IntakeBatch:
    found = await reader.repository(Intake).named(batch_id, stream)
    if not found:
        raise NotFound(f"No batch {batch_id[:200]!r} was acknowledged in this tenant.")
    if len(found) > 1:
        streams = ", ".join(sorted({batch.stream for batch in found}))
        raise AmbiguousBatch(
            f"The key {batch_id!r} was used in {streams}; add ?stream=, or ask by the ledger's own id."
        )
    return found[0]
