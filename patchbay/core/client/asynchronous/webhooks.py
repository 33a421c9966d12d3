"""Webhooks and their deliveries."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any

from patchbay.core.client.asynchronous.calls import Calls
from patchbay.core.client.documents import (
    Delivery,
    DeliveryDetail,
    EventType,
    EventTypes,
    Job,
    Webhook,
    WebhookPatch,
    WebhookStored,
)
from patchbay.core.client.paths import moment, segment

PATH = "/v1/webhooks"


class WebhookCalls(Calls):
    """Who is told of what, and how that went."""

    def webhooks(self, **filters: Any) -> AsyncIterator[Webhook]:
        """The tenant's webhooks."""
        return self._list(Webhook, PATH, **filters)

    async def webhook(self, webhook_id: str) -> Webhook:
        """One webhook."""
        return await self._read(Webhook, f"{PATH}/{segment(webhook_id)}")

    async def webhook_events(self) -> list[EventType]:
        """Every type of event."""
        return (await self._read(EventTypes, "/v1/webhook-events"))["items"]

    async def create_webhook(self, url: str, types: Sequence[str] = ("*",), **fields: Any) -> WebhookStored:
        """A new webhook; its secret is shown this once. Fields are description, contact, enabled and secret."""
        return await self._make(WebhookStored, PATH, {"url": url, "types": list(types), **fields})

    async def update_webhook(
        self, webhook_id: str, changes: WebhookPatch, if_match: str | int | None = None
    ) -> Webhook:
        """Change a webhook if it still has the revision or ETag that is given, else as it stands now.

        `ApiError` stale_revision (412) when somebody changed it since.
        """
        return await self._change(Webhook, f"{PATH}/{segment(webhook_id)}", changes, if_match)

    async def change_webhook(self, webhook_id: str, **fields: Any) -> Webhook:
        """Change a webhook as it stands now."""
        return await self._change(Webhook, f"{PATH}/{segment(webhook_id)}", fields, None)

    async def delete_webhook(self, webhook_id: str) -> None:
        """Delete a webhook with its deliveries."""
        await self.delete(f"{PATH}/{segment(webhook_id)}")

    async def rotate_webhook_secret(self, webhook_id: str, overlap_hours: int = 24) -> str:
        """The new secret; the former signs along for the overlap."""
        path = f"{PATH}/{segment(webhook_id)}/rotate"
        return str((await self._make(WebhookStored, path, {"overlap_hours": overlap_hours}))["secret"])

    async def ping_webhook(self, webhook_id: str) -> Delivery:
        """Send a webhook a test; its delivery."""
        return await self._make(Delivery, f"{PATH}/{segment(webhook_id)}/ping")

    def webhook_deliveries(self, webhook_id: str, **filters: Any) -> AsyncIterator[Delivery]:
        """Deliveries, newest first; filters are state and type."""
        return self._list(Delivery, f"{PATH}/{segment(webhook_id)}/deliveries", **filters)

    async def webhook_delivery(self, webhook_id: str, delivery_id: str) -> DeliveryDetail:
        """One delivery with what is sent and each attempt."""
        return await self._read(DeliveryDetail, f"{PATH}/{segment(webhook_id)}/deliveries/{segment(delivery_id)}")

    async def replay_webhook_delivery(self, webhook_id: str, delivery_id: str) -> Delivery:
        """Send one delivery again."""
        path = f"{PATH}/{segment(webhook_id)}/deliveries/{segment(delivery_id)}/replay"
        return await self._make(Delivery, path)

    async def replay_webhook(self, webhook_id: str, since: datetime | str) -> Job:
        """Send everything again that failed since a time; the job that does it."""
        return await self._make(Job, f"{PATH}/{segment(webhook_id)}/replay", {"since": moment(since)})
