"""The application: which domains it serves, and what lives as long as it does."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from functools import partial
from importlib.metadata import version
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

from patchbay.core.audit.anchors import open_anchors
from patchbay.core.settings import Settings
from patchbay.core.storage import open_storage
from registry_api import answers
from registry_api.audit.anchoring import Anchoring
from registry_api.automation.rules import rules_of
from registry_api.cache.kept import Kept
from registry_api.cache.layer import DocumentCache
from registry_api.cache.revisions import open_fence
from registry_api.compression import Compression
from registry_api.conditions import require_headers
from registry_api.context import RequestContext, fault
from registry_api.db import Database
from registry_api.examples import add_examples
from registry_api.headers import cors
from registry_api.http import SECURITY_SCHEME
from registry_api.idempotency.keys import InFlight
from registry_api.identity.last_use import LastUse
from registry_api.identity.publishing.keys import IssuerKeys
from registry_api.job_kinds import HANDLERS
from registry_api.jobs.lanes import WEBHOOKS, WORK
from registry_api.jobs.worker import Worker
from registry_api.limits.service import Limits
from registry_api.problems import ProblemDocument
from registry_api.routers import ROUTERS, TAGS
from registry_api.secrets import answers_key, audit_persons_key, checkpoint_key, cursor_key, forwarding_key
from registry_api.selecting import add_parts
from registry_api.system.housekeeping import Housekeeping
from registry_api.system.metrics import Metrics

DESCRIPTION = """
The registry of Patchbay: catalogue, observed installations, usage intake, ordered feeds.

Send a token with every request: `Authorization: Bearer pb_…`. Every error is an RFC 9457 problem with a stable `type`.
Lists answer `{"items": […], "next": cursor}`; send `next` back as `cursor` until it is null.
"""


def create_app(settings: Settings) -> FastAPI:
    """The API over a registry that `bootstrap` has set up. Nothing is opened before the application starts."""
    app = FastAPI(
        title="Patchbay registry API",
        version=version("patchbay"),
        description=DESCRIPTION,
        openapi_tags=TAGS,
        openapi_url=None,  # a route of ours serves it: limited, and made once
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,  # it would lead to http:// behind whoever ends TLS, and past the limits
        lifespan=_lifespan,
        generate_unique_id_function=_operation_id,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        servers=[{"url": "/", "description": "This server."}],
    )
    app.openapi = partial(_document, app)  # type: ignore[method-assign]
    app.state.settings = settings
    app.state.metrics = Metrics()
    app.state.first_rules = rules_of(settings.onboarding_rules)
    app.state.issuer_keys = IssuerKeys(settings.issuer_private_hosts)
    answers.install(app)
    for router in ROUTERS:
        app.include_router(router)
    _add_layers(app, settings)
    return app


def _add_layers(app: FastAPI, settings: Settings) -> None:
    """From the innermost to the outermost; pages of other origins may read also what the outermost says of a fault."""
    last: ASGIApp = fault
    if settings.cors_origins:
        allowed = cors(settings.cors_origins)
        app.add_middleware(CORSMiddleware, **allowed)
        last = CORSMiddleware(fault, **allowed)
    app.add_middleware(Compression)
    if settings.document_cache_mb:
        app.state.kept = Kept(settings.document_cache_mb)
        app.add_middleware(DocumentCache, kept=app.state.kept, metrics=app.state.metrics)
    app.add_middleware(RequestContext, fault=last, metrics=app.state.metrics, trusted=settings.trusted_proxies)


def _document(app: FastAPI) -> dict[str, Any]:
    """The API document, made once, with what routes refer to by name: the bearer scheme and the problem."""
    made = app.openapi_schema is not None
    document = FastAPI.openapi(app)
    if not made:
        described = "A token (pb_t…) or session (pb_s…)."
        scheme = {"type": "http", "scheme": "bearer", "bearerFormat": "pb_", "description": described}
        schema = ProblemDocument.model_json_schema(ref_template="#/components/schemas/{model}")
        components = document.setdefault("components", {})
        components["securitySchemes"] = {SECURITY_SCHEME: scheme}
        components.setdefault("schemas", {}).update({**schema.pop("$defs"), ProblemDocument.__name__: schema})
        require_headers(document)
        add_parts(document)
        add_examples(document)
    return document


def _operation_id(route: APIRoute) -> str:
    return route.name


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    settings: Settings = app.state.settings
    database = Database(settings.resolved_database_url, persons_key=audit_persons_key(settings))
    app.state.database = database
    app.state.fence = open_fence(database)
    app.state.storage = open_storage(settings)
    app.state.cursor_key = cursor_key(settings).secret
    app.state.answers_key = answers_key(settings)
    app.state.forwarding_key = forwarding_key(settings)
    app.state.in_flight = InFlight()
    app.state.last_use = LastUse(database)
    metrics = app.state.metrics
    app.state.anchoring = Anchoring(
        database,
        open_anchors(settings),
        checkpoint_key(settings),
        metrics.count_anchor_fault,
        metrics.anchor_round.set_to_current_time,
    )
    app.state.housekeeping = Housekeeping(
        database, timedelta(days=settings.jobs_kept_days), app.state.metrics.housekeeping_faults.inc
    )
    app.state.limits = Limits(settings)
    tasks = [asyncio.create_task(app.state.last_use.run())]
    if settings.audit_checkpoint_seconds:
        tasks.append(asyncio.create_task(app.state.anchoring.run(settings.audit_checkpoint_seconds)))
    if settings.housekeeping_seconds:
        tasks.append(asyncio.create_task(app.state.housekeeping.run(settings.housekeeping_seconds)))
    for _ in range(settings.job_workers):
        worker = Worker(database, app.state.storage, settings, HANDLERS, lanes=(WORK,))
        tasks.append(asyncio.create_task(worker.run()))
    if settings.job_workers:
        sender = Worker(
            database, app.state.storage, settings, HANDLERS, lanes=(WEBHOOKS,), slots=settings.webhook_senders
        )
        tasks.append(asyncio.create_task(sender.run()))
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task
        await app.state.last_use.flush()
        await app.state.limits.close()
        await app.state.fence.close()
        await database.close()
