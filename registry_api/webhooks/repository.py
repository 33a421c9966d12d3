"""All SQL of webhooks and deliveries."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, Text, cast, delete, func, or_, select, update

from registry_api.db import Repository
from registry_api.db.turns import take_turn
from registry_api.jobs.models import OPEN, Job
from registry_api.problems import NotFound
from registry_api.webhooks.fanout import DELIVER
from registry_api.webhooks.models import Attempt, Delivery, Webhook, WebhookSecret

SHOWN_ATTEMPTS = 100


class Webhooks(Repository):
    """Webhooks of the tenant acted in, also for platform readers: they are set tenant by tenant."""

    def all(self) -> Select[tuple[Webhook]]:
        """Webhooks."""
        return select(Webhook).where(self._own(Webhook))

    async def known(self, webhook_id: UUID, *, locked: bool = False) -> Webhook:
        """One webhook; raises `NotFound`."""
        found = await self.find(webhook_id, locked=locked)
        if found is None:
            raise NotFound(f"There is no webhook {webhook_id} in this tenant.")
        return found

    async def find(self, webhook_id: UUID, *, locked: bool = False) -> Webhook | None:
        """One webhook; None when there is none."""
        query = self.all().where(Webhook.id == webhook_id)
        # Not FOR UPDATE: changes that tell it hold a lock on its key until they commit, and need not be waited for.
        query = query.with_for_update(key_share=True) if locked else query
        return (await self.session.execute(query)).scalar_one_or_none()

    async def count(self) -> int:
        """How many the tenant has; until the commit nobody else makes one."""
        await take_turn(self.session, f"webhooks:{self.scope.tenant_id}")
        return (await self.session.execute(select(func.count()).where(self._own(Webhook)))).scalar_one()

    async def secrets(self, webhook_id: UUID, now: datetime) -> Sequence[WebhookSecret]:
        """What it signs with at a time, the current one first."""
        live = or_(WebhookSecret.expires_at.is_(None), WebhookSecret.expires_at > now)
        query = select(WebhookSecret).where(self._own(WebhookSecret), WebhookSecret.webhook_id == webhook_id, live)
        return (await self.session.execute(query.order_by(WebhookSecret.id.desc()))).scalars().all()

    async def forget_secrets(self, webhook_id: UUID, kept: Sequence[UUID]) -> None:
        """Delete what it no longer signs with."""
        mine = (self._own(WebhookSecret), WebhookSecret.webhook_id == webhook_id)
        await self.session.execute(delete(WebhookSecret).where(*mine, WebhookSecret.id.not_in(kept)))

    def deliveries(self, webhook_id: UUID) -> Select[tuple[Delivery]]:
        """Deliveries of a webhook."""
        return select(Delivery).where(self._own(Delivery), Delivery.webhook_id == webhook_id)

    async def has_deliveries(self) -> bool:
        """Whether the tenant has any."""
        return (await self.session.execute(select(Delivery.id).where(self._own(Delivery)).limit(1))).first() is not None

    async def delivery(self, delivery_id: UUID, *, locked: bool = False) -> Delivery | None:
        """One delivery; None when there is none."""
        query = select(Delivery).where(self._own(Delivery), Delivery.id == delivery_id)
        query = query.with_for_update() if locked else query
        return (await self.session.execute(query)).scalar_one_or_none()

    async def known_delivery(self, webhook_id: UUID, delivery_id: UUID, *, locked: bool = False) -> Delivery:
        """One delivery of a webhook; raises `NotFound`."""
        found = await self.delivery(delivery_id, locked=locked)
        if found is None or found.webhook_id != webhook_id:
            raise NotFound(f"The webhook {webhook_id} has no delivery {delivery_id}.")
        return found

    async def attempts(self, delivery_id: UUID) -> list[Attempt]:
        """The newest attempts at a delivery, newest first."""
        query = select(Attempt).where(self._own(Attempt), Attempt.delivery_id == delivery_id)
        return list((await self.session.execute(query.order_by(Attempt.id.desc()).limit(SHOWN_ATTEMPTS))).scalars())

    async def failed(self, webhook_id: UUID, since: datetime, after: UUID, limit: int) -> Sequence[Delivery]:
        """The next failed deliveries after one, oldest first, locked."""
        query = self._failed(webhook_id, since).where(Delivery.id > after)
        return (await self.session.execute(query.order_by(Delivery.id).limit(limit).with_for_update())).scalars().all()

    async def count_failed(self, webhook_id: UUID, since: datetime) -> int:
        """How many deliveries failed since a time."""
        failed = self._failed(webhook_id, since)
        return (await self.session.execute(select(func.count()).select_from(failed.subquery()))).scalar_one()

    def _failed(self, webhook_id: UUID, since: datetime) -> Select[tuple[Delivery]]:
        return self.deliveries(webhook_id).where(Delivery.state == "failed", Delivery.recorded_at >= since)

    async def remove(self, webhook: Webhook) -> None:
        """Delete a webhook with its secrets and deliveries."""
        await self._remove_deliveries(Delivery.webhook_id == webhook.id)
        await self.session.execute(delete(WebhookSecret).where(WebhookSecret.webhook_id == webhook.id))
        await self.session.delete(webhook)

    async def forget(self, before: datetime) -> int:
        """Delete deliveries that ended, that nobody tries again and that are older than a time; how many."""
        ended = (Delivery.recorded_at < before, Delivery.state != "pending", self._untried())
        return await self._remove_deliveries(*ended)

    async def fail_pending(self, reason: str, delivery_id: UUID | None = None) -> None:
        """Mark deliveries, or one of them, as failed that nobody tries any more."""
        gone = [self._own(Delivery), Delivery.state == "pending", self._untried()]
        if delivery_id is not None:
            gone.append(Delivery.id == delivery_id)
        await self.session.execute(update(Delivery).where(*gone).values(state="failed", last_error=reason))

    async def _remove_deliveries(self, *which: ColumnElement[bool]) -> int:
        ids = select(Delivery.id).where(self._own(Delivery), *which)
        await self.session.execute(delete(Attempt).where(Attempt.delivery_id.in_(ids)))
        result = await self.session.execute(delete(Delivery).where(self._own(Delivery), *which))
        return int(result.rowcount)  # type: ignore[attr-defined]

    def _untried(self) -> ColumnElement[bool]:
        """Deliveries without an open job: one that is sent again has its dead job beside the open one."""
        tried = select(_hex(Job.dedup_key)).where(self._own(Job), Job.kind == DELIVER, Job.dedup_key.is_not(None), OPEN)
        return _hex(cast(Delivery.id, Text)).not_in(tried)

    def _own(self, model: Any) -> ColumnElement[bool]:
        return model.tenant_id == self.scope.tenant_id  # type: ignore[no-any-return]


def _hex(id: ColumnElement[Any] | Any) -> ColumnElement[str]:
    """An id as both databases can compare it: SQLite keeps it without hyphens."""
    return func.replace(id, "-", "")
