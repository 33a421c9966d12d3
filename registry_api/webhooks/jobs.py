"""The jobs of webhooks: one delivery, sending many again, telling who looks after one, and tidying up."""

import time
from datetime import timedelta
from typing import Any
from uuid import UUID

from patchbay.core.clock import utcnow
from patchbay.core.telemetry import redact
from registry_api.db import Reader, UnitOfWork
from registry_api.jobs.context import JobContext
from registry_api.jobs.queue import append_jobs
from registry_api.jobs.registry import handler
from registry_api.jobs.repository import Jobs
from registry_api.notifications.errors import Refused, TryAgain, Undeliverable
from registry_api.notifications.mail import send_mail
from registry_api.notifications.repository import Notifications
from registry_api.notifications.webhook import send_webhook
from registry_api.schemas import Input, Moment
from registry_api.webhooks.events import PING
from registry_api.webhooks.fanout import DELIVER, RETRIED_FOR, TIDY, tidy_entry
from registry_api.webhooks.models import Attempt, Delivery, Webhook, WebhookSecret
from registry_api.webhooks.repository import Webhooks
from registry_api.webhooks.service import REPLAY, send_again

NOTICE = "webhooks.notice"
DISABLED_AFTER = timedelta(days=5)
KEPT = timedelta(days=30)
"""How long deliveries that ended are kept."""

BETWEEN_NOTICES = timedelta(days=1)
"""To the contact of one webhook."""

OF_RECEIVER = (TryAgain, Refused)
"""Failures that the receiver may mend. Whatever else cannot be sent says nothing of it, and is not tried again."""

AT_ONCE = 500
GONE = 410
LONGEST_ERROR = 1000


class DeliverPayload(Input):
    """Which delivery."""

    delivery_id: UUID


class ReplayPayload(Input):
    """Which webhook, and since when."""

    webhook_id: UUID
    since: Moment


class NoticePayload(Input):
    """Which webhook, and the status of its last answer; None where there was none."""

    webhook_id: UUID
    status: int | None = None


@handler(DELIVER, payload=DeliverPayload, within=RETRIED_FOR)
async def deliver(job: JobContext) -> dict[str, Any]:
    """Send a delivery once; the receiver having it commits with the job's end, so a crash between sends it again.

    Raises what sending raised, after it was written down; `TryAgain` in place of `Refused`, as receivers are mended.
    """
    found = await _load(job)
    if found is None:
        return {"state": "gone"}
    delivery, webhook, secrets = found
    if delivery.state == "delivered":
        return {"state": "delivered before"}
    if not webhook.enabled and delivery.type != PING:
        return await _leave(job, delivery)
    return await _send(job, delivery, webhook, secrets)


async def _leave(job: JobContext, delivery: Delivery) -> dict[str, Any]:
    """End a delivery to a disabled webhook. Raises `TryAgain`, as long as it may, where it was enabled at this moment: whoever did that and
    then replays what failed would not find it yet.
    """
    result = {"state": "disabled"}
    async with job.finishing(result) as work:
        webhooks = work.repository(Webhooks)
        webhook = await webhooks.find(delivery.webhook_id, locked=True)
        if webhook is not None and webhook.enabled and not job.claim.is_last:
            raise TryAgain("The webhook was enabled at this moment.")
        await webhooks.fail_pending("The webhook is disabled; enable it, then replay.", delivery.id)
    return result


async def _load(job: JobContext) -> tuple[Delivery, Webhook, list[WebhookSecret]] | None:
    """None when the webhook is deleted, also between one look and the next: nothing is sent unsigned."""
    async with job.reading() as reader:
        webhooks = reader.repository(Webhooks)
        delivery = await webhooks.delivery(DeliverPayload.model_validate(job.payload).delivery_id)
        webhook = None if delivery is None else await webhooks.find(delivery.webhook_id)
        if delivery is None or webhook is None:
            return None
        secrets = list(await webhooks.secrets(webhook.id, utcnow()))
        return (delivery, webhook, secrets) if secrets else None


async def _send(job: JobContext, delivery: Delivery, webhook: Webhook, secrets: list[WebhookSecret]) -> dict[str, Any]:
    began = time.monotonic()
    try:
        message_id = delivery.body["id"]
        sent = await send_webhook(
            job.settings, secrets, webhook.url, message_id, delivery.body, utcnow(), tenant_id=job.tenant_id
        )
    except (TryAgain, Undeliverable) as error:
        over = job.claim.is_last or not isinstance(error, OF_RECEIVER)
        async with job.giving_up(str(error)) if over else job.writing() as work:
            await _failed(work, delivery, error, _since(began), over=over)
        if isinstance(error, Refused):
            raise TryAgain(str(error)) from error
        raise
    result = {"state": "delivered", "status": sent.status}
    async with job.finishing(result) as work:
        await _delivered(work, delivery, sent.status, _since(began))
    return result


async def _delivered(work: UnitOfWork, sent: Delivery, status: int | None, milliseconds: int) -> None:
    noted = await _note(work, sent, status, milliseconds, None)
    if noted is None:
        return
    delivery, webhook = noted
    delivery.state, webhook.failing_since = "delivered", None


async def _failed(
    work: UnitOfWork, sent: Delivery, error: TryAgain | Undeliverable, milliseconds: int, *, over: bool
) -> None:
    said = redact(f"{error} {error.excerpt}".strip())[:LONGEST_ERROR]
    noted = await _note(work, sent, error.status, milliseconds, said)
    if noted is None:
        return
    delivery, webhook = noted
    now = utcnow()
    delivery.state = "failed" if over else "pending"
    if not isinstance(error, OF_RECEIVER):
        return
    webhook.failing_since = webhook.failing_since or now
    if webhook.enabled and (error.status == GONE or now - webhook.failing_since >= DISABLED_AFTER):
        _disable(work, webhook, said, error.status)


async def _note(
    work: UnitOfWork, sent: Delivery, status: int | None, milliseconds: int, error: str | None
) -> tuple[Delivery, Webhook] | None:
    """Write an attempt down; None where the webhook was deleted meanwhile.

    The webhook is locked before its delivery, as by who deletes both.
    """
    webhooks = work.repository(Webhooks)
    webhook = await webhooks.find(sent.webhook_id, locked=True)
    delivery = await webhooks.delivery(sent.id, locked=True)
    if webhook is None or delivery is None:
        return None
    delivery.attempts, delivery.last_attempt_at = delivery.attempts + 1, utcnow()
    delivery.last_status, delivery.last_milliseconds, delivery.last_error = status, milliseconds, error
    said = {"number": delivery.attempts, "status": status, "milliseconds": milliseconds, "error": error}
    work.session.add(Attempt(tenant_id=delivery.tenant_id, delivery_id=delivery.id, **said))
    return delivery, webhook


def _disable(work: UnitOfWork, webhook: Webhook, reason: str, status: int | None) -> None:
    """Stop sending to a receiver that is gone; its siblings and its contact are told."""
    since = webhook.failing_since
    webhook.enabled, webhook.disabled_reason = False, reason
    webhook.revision, webhook.updated_at = webhook.revision + 1, utcnow()
    change = {"url": webhook.url, "failing_since": since, "reason": reason}
    work.audit("webhook.disabled", f"webhook:{webhook.id}", change)
    if webhook.contact is not None:
        work.enqueue(NOTICE, {"webhook_id": str(webhook.id), "status": status}, dedup_key=str(webhook.id))


def _since(began: float) -> int:
    return round((time.monotonic() - began) * 1000)


@handler(REPLAY, payload=ReplayPayload, cancellable=True)
async def replay(job: JobContext) -> dict[str, Any]:
    """Send every delivery again that has failed since a time, some hundreds in each step."""
    wanted = ReplayPayload.model_validate(job.payload)
    async with job.reading() as reader:
        of = await reader.repository(Webhooks).count_failed(wanted.webhook_id, wanted.since)
    done, last = 0, UUID(int=0)
    while True:
        async with job.writing() as work:
            found = await work.repository(Webhooks).failed(wanted.webhook_id, wanted.since, last, AT_ONCE)
            await send_again(work, list(found))
        if not found:
            return {"replayed": done}
        done, last = done + len(found), found[-1].id
        await job.progress(done, max(of, done), "deliveries")


@handler(NOTICE, payload=NoticePayload)
async def notice(job: JobContext) -> dict[str, Any]:
    """Mail a webhook's contact that it was disabled, at most once a day; nobody is told where it was enabled again or has
    no address.
    """
    wanted = NoticePayload.model_validate(job.payload)
    async with job.reading() as reader:
        webhook = await reader.repository(Webhooks).find(wanted.webhook_id)
        if webhook is None or webhook.enabled or webhook.contact is None or await _told_lately(reader, webhook.id):
            return {"told": []}
        to, _ = await reader.repository(Notifications).addresses([webhook.contact])
    if to:
        await send_mail(
            job.settings,
            to,
            "Patchbay: a webhook was disabled",
            _text_of(webhook, wanted.status),
            f"disabled-{webhook.id}",
        )
    return {"told": to}


async def _told_lately(reader: Reader, webhook_id: UUID) -> bool:
    results = await reader.repository(Jobs).results(NOTICE, str(webhook_id), utcnow() - BETWEEN_NOTICES)
    return any(result and result["told"] for result in results)


def _text_of(webhook: Webhook, status: int | None) -> str:
    """Without the words of the receiver: who sets the contact might have chosen both, and mail a stranger with them."""
    answered = "none" if status is None else status
    lines = [f"The webhook to {webhook.url} was disabled.", "", f"Status of its last answer: {answered}"]
    since = [] if webhook.failing_since is None else [f"Failing since: {webhook.failing_since:%Y-%m-%d %H:%M} UTC"]
    fix = f'Mend the receiver, PATCH /v1/webhooks/{webhook.id} with {{"enabled": true}}, then replay what failed.'
    return "\n".join([*lines, *since, "", fix, ""])


@handler(TIDY, while_suspended=True)
async def tidy(job: JobContext) -> dict[str, Any]:
    """Delete deliveries that ended long ago, and end those whose job died without a word.

    First the next night's job is asked for, as long as there are deliveries: it comes also when this one fails.
    """
    async with job.writing() as work:
        if await work.repository(Webhooks).has_deliveries():
            now = utcnow()
            await append_jobs(work.session, [tidy_entry(job.tenant_id, now)], now, None)
    async with job.writing() as work:
        await work.repository(Webhooks).fail_pending("The worker died on every attempt.")
        return {"removed": await work.repository(Webhooks).forget(utcnow() - KEPT)}
