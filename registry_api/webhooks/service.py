"""Rules of webhooks: who is told what, what it signs with, and sending again."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

from patchbay.core.clock import utcnow
from patchbay.core.ids import new_id
from patchbay.core.settings import Settings
from registry_api.audit.personal import Personal, of_name
from registry_api.db import UnitOfWork
from registry_api.jobs.models import Job
from registry_api.jobs.queue import MAX_ATTEMPTS, JobEntry, append_jobs, insert_all, job_row
from registry_api.jobs.repository import Jobs
from registry_api.notifications.addresses import locate
from registry_api.notifications.errors import TryAgain, Undeliverable
from registry_api.notifications.sealing import fresh_secret, seal
from registry_api.problems import FieldError, Unprocessable
from registry_api.webhooks.errors import DeliveryPending, TooManyWebhooks, WebhookRefused
from registry_api.webhooks.events import PING, Event
from registry_api.webhooks.fanout import add, deliver_entry, delivery_row
from registry_api.webhooks.models import Delivery, Webhook, WebhookSecret, secret_name
from registry_api.webhooks.repository import Webhooks
from registry_api.webhooks.schemas import WebhookInput, WebhookPatch, WebhookStored, WebhookView, revealed

MOST_WEBHOOKS = 50
MOST_SECRETS = 3
"""That sign at once; with more rotations than that in one overlap the oldest end early."""

SECONDS_OF_A_CHECK = 5.0
REPLAY = "webhooks.replay"
AUDITED = ("url", "types", "description", "contact", "enabled")


async def check_url(settings: Settings, tenant_id: UUID, url: str) -> None:
    """Raises `WebhookRefused` for a URL that webhooks do not go to; a name that is not found in time may be later."""
    try:
        async with asyncio.timeout(SECONDS_OF_A_CHECK):
            await locate(url, settings.webhook_private_hosts, tenant_id)
    except (TryAgain, TimeoutError):
        return
    except Undeliverable as error:
        raise WebhookRefused(str(error), errors=[FieldError("/url", "webhook_refused", str(error))]) from error


async def create(work: UnitOfWork, settings: Settings, wanted: WebhookInput) -> WebhookStored:
    """Make a webhook; raises `TooManyWebhooks`."""
    webhooks = work.repository(Webhooks)
    if await webhooks.count() >= MOST_WEBHOOKS:
        raise TooManyWebhooks(f"A tenant has at most {MOST_WEBHOOKS} webhooks; delete one that nobody needs.")
    given = wanted.model_dump(exclude={"secret"})
    webhook = Webhook(id=new_id(), tenant_id=work.principal.tenant_id, **given)
    work.session.add(webhook)
    await work.session.flush()
    shown = _sign_with(work, settings, webhook, revealed(wanted.secret))
    await work.session.flush()
    work.audit("webhook.created", f"webhook:{webhook.id}", after=_told(work, given))
    return _stored(webhook, shown)


async def change(work: UnitOfWork, webhook: Webhook, patch: WebhookPatch) -> None:
    """Change the stated fields of a locked webhook; who enables it begins without failures."""
    stated = {name: getattr(patch, name) for name in patch.model_fields_set}
    for name in ("url", "types", "enabled"):
        if name in stated and stated[name] is None:
            raise Unprocessable(
                f"{name} cannot be null.", errors=[FieldError(f"/{name}", "not_nullable", "State a value.")]
            )
    before = {name: getattr(webhook, name) for name in AUDITED}
    if stated.items() <= before.items():
        return
    for name, value in stated.items():
        setattr(webhook, name, value)
    if webhook.enabled and not before["enabled"]:
        webhook.failing_since = webhook.disabled_reason = None
    webhook.revision, webhook.updated_at = webhook.revision + 1, utcnow()
    after = _told(work, before | stated)
    work.audit("webhook.changed", f"webhook:{webhook.id}", before=_told(work, before), after=after)


def _told(work: UnitOfWork, fields: dict[str, Any]) -> dict[str, Any]:
    """Fields of a webhook as the audit log has them: a mail address is sealed, the name of a team is not."""
    contact = fields["contact"]
    if contact is None or "@" not in contact:
        return fields
    return fields | {"contact": Personal(of_name(work.session, work.principal.tenant_id, contact), contact)}


async def rotate(
    work: UnitOfWork, settings: Settings, webhook: Webhook, overlap: timedelta, secret: str | None
) -> WebhookStored:
    """Sign with a new secret; those before it sign along until the overlap is over."""
    now, webhooks = utcnow(), work.repository(Webhooks)
    former = list(await webhooks.secrets(webhook.id, now))[: MOST_SECRETS - 1] if overlap else []
    for old in former:
        old.expires_at = min(old.expires_at or now + overlap, now + overlap)
    await webhooks.forget_secrets(webhook.id, [old.id for old in former])
    shown = _sign_with(work, settings, webhook, secret)
    await work.session.flush()
    hours = overlap // timedelta(hours=1)
    work.audit("webhook.rotated", f"webhook:{webhook.id}", {"overlap_hours": hours, "made_here": shown is not None})
    return _stored(webhook, shown)


async def remove(work: UnitOfWork, webhook: Webhook) -> None:
    """Delete a webhook with all that was to be delivered."""
    await work.repository(Webhooks).remove(webhook)
    work.audit("webhook.deleted", f"webhook:{webhook.id}", before={"url": webhook.url})


async def ping(work: UnitOfWork, webhook: Webhook) -> Delivery:
    """Send one webhook a test, whether it is enabled or not."""
    now = utcnow()
    event = Event(new_id(), PING, webhook.tenant_id, False, f"/v1/webhooks/{webhook.id}", {"webhook": str(webhook.id)})
    row = delivery_row(webhook, event, now)
    await add(work.session, [row], now, work.trace_id)
    work.audit("webhook.pinged", f"webhook:{webhook.id}", {"delivery": str(row["id"])})
    return await work.repository(Webhooks).known_delivery(webhook.id, row["id"])


async def replay(work: UnitOfWork, delivery: Delivery) -> Delivery:
    """Send a delivery again under its own id; raises `DeliveryPending` while it is tried anyway."""
    if delivery.state == "pending":
        raise DeliveryPending("It is still being tried; what is delivered or failed can be replayed.")
    await send_again(work, [delivery])
    work.audit("webhook.replayed", f"webhook:{delivery.webhook_id}", {"delivery": str(delivery.id)})
    await work.session.flush()
    return delivery


async def send_again(work: UnitOfWork, deliveries: "list[Delivery]") -> None:
    """Make ended deliveries pending, each with a job of its own."""
    for delivery in deliveries:
        delivery.state = "pending"
    entries = [deliver_entry(one.tenant_id, one.webhook_id, one.id) for one in deliveries]
    await append_jobs(work.session, entries, utcnow(), work.trace_id)


async def replay_since(work: UnitOfWork, webhook: Webhook, payload: dict[str, Any]) -> Job:
    """A job that sends failed deliveries again."""
    entry = JobEntry(REPLAY, payload, webhook.tenant_id, None, None, MAX_ATTEMPTS)
    row = job_row(entry, utcnow(), work.trace_id)
    await insert_all(work.session, [row])
    work.audit("webhook.replay_asked", f"webhook:{webhook.id}", {"since": payload["since"]})
    return await work.repository(Jobs).known(row["id"])


def _sign_with(work: UnitOfWork, settings: Settings, webhook: Webhook, secret: str | None) -> str | None:
    """Have a webhook sign with a secret; the one that was made where none is given."""
    made = None if secret else fresh_secret()
    sealed, sealed_by = seal(settings, webhook.tenant_id, secret_name(webhook.id), secret or made or "")
    named: dict[str, Any] = {"tenant_id": webhook.tenant_id, "webhook_id": webhook.id}
    work.session.add(WebhookSecret(**named, sealed=sealed, sealed_by=sealed_by))
    return made


def _stored(webhook: Webhook, secret: str | None) -> WebhookStored:
    return WebhookStored(**WebhookView.model_validate(webhook).model_dump(), secret=secret)
