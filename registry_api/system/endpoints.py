"""Routes of health, metrics and status."""

import logging
from importlib.metadata import version
from typing import Annotated
from urllib.parse import urlsplit

import orjson
from fastapi import FastAPI, Path, Request, Response
from fastapi.responses import HTMLResponse
from prometheus_client import CONTENT_TYPE_LATEST
from sqlalchemy.exc import SQLAlchemyError

from patchbay.core.clock import utcnow
from registry_api.access import database, reading
from registry_api.db import Crossing, Reader
from registry_api.http import api_router, problems
from registry_api.jobs.registry import HANDLERS
from registry_api.jobs.repository import count_by_state, oldest_due
from registry_api.jobs.waiting import Kinds
from registry_api.problems import FieldError, Unavailable
from registry_api.system.explained import as_html, problem_page
from registry_api.system.schemas import FeedState, Health, ProblemPage, Status
from registry_api.system.state import count_things, failing_parts, head_seq, revision_of

router = api_router("system", prefix="")
BY_ACCEPT = {"Vary": "Accept"}
WATCHED = ("queued", "running", "dead")
"""States of jobs that every scrape counts: of those that ended well there are too many, and nobody has to look after them."""

log = logging.getLogger("registry_api.system")


@router.get("/healthz", summary="Whether the process answers")
async def get_health() -> Health:
    """Always ok while the process can answer at all; needs no token."""
    return Health(status="ok")


@router.get(
    "/readyz", summary="Whether the service can work", responses=problems(unavailable="Some part is not ready.")
)
async def get_readiness(request: Request) -> Health:
    """Ok when the database answers at the right migration and the storage answers; else 503 naming the part.

    Needs no token.
    """
    faults = await failing_parts(database(request), request.app.state.storage)
    if faults:
        errors = [FieldError(part, "not_ready", f"{part} is not ready: {why}.") for part, why in faults.items()]
        raise Unavailable(" ".join(error.detail for error in errors), errors=errors)
    return Health(status="ok")


@router.get("/openapi.json", include_in_schema=False)
async def get_document(request: Request) -> Response:
    """The API document; needs no token."""
    app: FastAPI = request.app
    if not hasattr(app.state, "document"):
        app.state.document = orjson.dumps(app.openapi())
    return Response(app.state.document, media_type="application/json")


@router.get(
    "/metrics",
    summary="Prometheus metrics",
    response_class=Response,
    responses={
        200: {"content": {"text/plain": {"schema": {"type": "string"}}}, "description": "Text exposition format."}
    },
)
async def get_metrics(request: Request) -> Response:
    """Figures of this process and the whole registry, none of them per tenant; needs no token."""
    metrics = request.app.state.metrics
    try:
        async with database(request).reading(Crossing.METRICS) as session:
            ages = await oldest_due(session, Kinds.of(HANDLERS), utcnow())
            metrics.set_registry_state(await head_seq(session), await count_by_state(session, WATCHED), ages)
    except (SQLAlchemyError, OSError):
        log.exception("the database gave no figures")
        metrics.database_up.set(0)
    return Response(metrics.exposition(), media_type=CONTENT_TYPE_LATEST)


@router.get(
    "/problems/{code}",
    summary="Read what a problem means",
    responses={200: {"content": {"text/html": {"schema": {"type": "string"}}}, "description": "Text or JSON."}},
    response_model=ProblemPage,
)
async def read_problem(
    code: Annotated[str, Path(max_length=100)], request: Request, response: Response
) -> ProblemPage | Response:
    """When it is answered and what to do, as a page for browsers or as JSON; needs no token."""
    page = problem_page(code)
    if "text/html" in request.headers.get("accept", ""):
        return HTMLResponse(as_html(page), headers=BY_ACCEPT)
    response.headers.update(BY_ACCEPT)
    return page


@router.get("/v1/system/status", summary="State of the whole registry")
async def get_status(request: Request, reader: Reader = reading("system:read")) -> Status:
    """Versions, queues and counts over all tenants; platform roles only."""
    session, settings = reader.session, request.app.state.settings
    return Status(
        version=version("patchbay"),
        database=database(request).url.get_backend_name(),
        migration=await revision_of(session),
        storage=urlsplit(settings.resolved_storage_url).scheme,
        jobs=await count_by_state(session),
        feeds=FeedState(head_seq=await head_seq(session)),
        counts=await count_things(session),
    )
