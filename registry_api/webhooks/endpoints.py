"""HTTP of webhooks and their deliveries."""

from datetime import timedelta
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request, Response

from registry_api.access import Actor, acting, reading, writing
from registry_api.conditions import REVISED, IfMatch, require_revision, revision_tag
from registry_api.db import Reader, UnitOfWork
from registry_api.filtering import Asked
from registry_api.http import api_router, problems
from registry_api.jobs.accepted import ACCEPTED, accepted, point_to
from registry_api.jobs.schemas import JobView
from registry_api.pagination import Page, PagingQuery
from registry_api.webhooks import filters, service
from registry_api.webhooks.events import EVENTS
from registry_api.webhooks.models import Delivery, Webhook
from registry_api.webhooks.repository import Webhooks
from registry_api.webhooks.schemas import (
    DeliveryDetail,
    DeliveryView,
    EventType,
    EventTypes,
    ReplayInput,
    Rotation,
    WebhookInput,
    WebhookPatch,
    WebhookStored,
    WebhookView,
    revealed,
)

router = api_router("webhooks")

WebhookReader = Annotated[Reader, reading("webhooks:read")]
WebhookWork = Annotated[UnitOfWork, writing("webhooks:write")]
WebhookActor = Annotated[Actor, acting("webhooks:write")]
REFUSED = problems(unprocessable="Webhooks do not go to that URL.")


@router.get("/webhook-events", summary="List types of events")
async def get_webhook_events(reader: WebhookReader) -> EventTypes:
    """Everything that webhooks can be told of."""
    return EventTypes(items=[EventType(type=type, description=text) for type, text in EVENTS.items()])


@router.get("/webhooks", summary="List webhooks")
async def list_webhooks(
    paging: PagingQuery, asked: Annotated[Asked, Depends(filters.WEBHOOKS)], reader: WebhookReader
) -> Page[WebhookView]:
    """The tenant's webhooks, oldest first, without what they sign with."""
    rows = await paging.rows(reader.session, asked.where(reader.repository(Webhooks).all()), [Webhook.id])
    return rows.page(WebhookView.model_validate)


@router.post(
    "/webhooks",
    status_code=201,
    summary="Make a webhook",
    responses=REFUSED | problems(conflict="The tenant has as many as it may."),
)
async def create_webhook(body: WebhookInput, request: Request, actor: WebhookActor) -> WebhookStored:
    """From now on it is told of what it asks for; the secret that is made to sign with is shown this once."""
    settings = request.app.state.settings
    await service.check_url(settings, actor.principal.tenant_id, body.url)
    async with actor.writing() as work:
        return await service.create(work, settings, body)


@router.get("/webhooks/{webhook_id}", summary="Read a webhook")
async def get_webhook(webhook_id: UUID, response: Response, reader: WebhookReader) -> WebhookView:
    """One webhook; the ETag is its revision."""
    return _answer(response, await reader.repository(Webhooks).known(webhook_id))


@router.patch(
    "/webhooks/{webhook_id}",
    summary="Change a webhook",
    responses=REFUSED | problems(**REVISED),
)
async def update_webhook(
    webhook_id: UUID,
    patch: WebhookPatch,
    request: Request,
    response: Response,
    actor: WebhookActor,
    if_match: IfMatch = None,
) -> WebhookView:
    """Change the stated fields; enabling it forgets its failures. 428 without If-Match, 412 when it has changed since."""
    if patch.url is not None:
        await service.check_url(request.app.state.settings, actor.principal.tenant_id, patch.url)
    async with actor.writing() as work:
        webhook = await work.repository(Webhooks).known(webhook_id, locked=True)
        require_revision(if_match, webhook.revision)
        await service.change(work, webhook, patch)
        return _answer(response, webhook)


@router.delete("/webhooks/{webhook_id}", status_code=204, summary="Delete a webhook")
async def delete_webhook(webhook_id: UUID, work: WebhookWork) -> None:
    """Delete it with its deliveries; what was not delivered yet never is."""
    webhooks = work.repository(Webhooks)
    await service.remove(work, await webhooks.known(webhook_id, locked=True))


@router.post("/webhooks/{webhook_id}/rotate", summary="Give a webhook another secret")
async def rotate_webhook_secret(webhook_id: UUID, body: Rotation, request: Request, work: WebhookWork) -> WebhookStored:
    """Sign with a new secret, and with those before it as well until the overlap is over."""
    webhook = await work.repository(Webhooks).known(webhook_id, locked=True)
    overlap = timedelta(hours=body.overlap_hours)
    return await service.rotate(work, request.app.state.settings, webhook, overlap, revealed(body.secret))


@router.post("/webhooks/{webhook_id}/ping", status_code=202, summary="Test a webhook", responses=ACCEPTED)
async def ping_webhook(webhook_id: UUID, response: Response, work: WebhookWork) -> DeliveryView:
    """Send it `webhook.ping`, whatever its filter and also while it is disabled; `Location` says how that went."""
    return _taken(response, await service.ping(work, await work.repository(Webhooks).known(webhook_id)))


@router.get("/webhooks/{webhook_id}/deliveries", summary="List deliveries")
async def list_webhook_deliveries(
    webhook_id: UUID,
    paging: PagingQuery,
    asked: Annotated[Asked, Depends(filters.DELIVERIES)],
    reader: WebhookReader,
) -> Page[DeliveryView]:
    """Newest first, for thirty days: how the last attempt of each went."""
    webhooks = reader.repository(Webhooks)
    query = asked.where(webhooks.deliveries((await webhooks.known(webhook_id)).id))
    return (await paging.rows(reader.session, query, [Delivery.id], descending=True)).page(DeliveryView.model_validate)


@router.get("/webhooks/{webhook_id}/deliveries/{delivery_id}", summary="Read a delivery")
async def get_webhook_delivery(webhook_id: UUID, delivery_id: UUID, reader: WebhookReader) -> DeliveryDetail:
    """What is sent, and each attempt."""
    webhooks = reader.repository(Webhooks)
    delivery = await webhooks.known_delivery(webhook_id, delivery_id)
    return DeliveryDetail.of(delivery, await webhooks.attempts(delivery_id))


@router.post(
    "/webhooks/{webhook_id}/deliveries/{delivery_id}/replay",
    status_code=202,
    summary="Send a delivery again",
    responses=ACCEPTED | problems(conflict="It is still being tried."),
)
async def replay_webhook_delivery(
    webhook_id: UUID, delivery_id: UUID, response: Response, work: WebhookWork
) -> DeliveryView:
    """The same document under the same `webhook-id`, whether it failed or was delivered."""
    found = await work.repository(Webhooks).known_delivery(webhook_id, delivery_id, locked=True)
    return _taken(response, await service.replay(work, found))


@router.post("/webhooks/{webhook_id}/replay", status_code=202, summary="Send what failed again", responses=ACCEPTED)
async def replay_webhook(webhook_id: UUID, body: ReplayInput, response: Response, work: WebhookWork) -> JobView:
    """A job that sends every delivery again that has failed since a time."""
    webhook = await work.repository(Webhooks).known(webhook_id)
    payload = {"webhook_id": str(webhook.id), **body.model_dump(mode="json")}
    return accepted(response, await service.replay_since(work, webhook, payload))


def _answer(response: Response, webhook: Webhook) -> WebhookView:
    response.headers["ETag"] = revision_tag(webhook.revision)
    return WebhookView.model_validate(webhook)


def _taken(response: Response, delivery: Delivery) -> DeliveryView:
    point_to(response, f"/v1/webhooks/{delivery.webhook_id}/deliveries/{delivery.id}")
    return DeliveryView.model_validate(delivery)
