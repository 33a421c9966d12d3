"""Messages that rules send: what they say, to whom, under the plan's key."""

from typing import Any
from urllib.parse import quote

from patchbay.automation.plans import Plan
from patchbay.core.clock import utcnow
from registry_api.jobs.context import JobContext
from registry_api.notifications.errors import Undeliverable
from registry_api.notifications.mail import send_mail
from registry_api.notifications.models import SigningKey
from registry_api.notifications.repository import Notifications
from registry_api.notifications.webhook import cloud_event, send_webhook

EVENT = "dev.patchbay.automation.fired"


async def webhook(job: JobContext, plan: Plan) -> dict[str, Any]:
    """Post what fired; raises `Undeliverable` or `TryAgain`."""
    key = await _signing_key(job, plan.parameters.get("secret"))
    # The time of the episode: a repeat is the same event, byte for byte.
    event = cloud_event(plan.key, EVENT, _source(plan), told(plan) | {"trace_id": job.claim.trace_id}, plan.episode)
    keys, url = [key] if key else [], str(plan.parameters["url"])
    await send_webhook(job.settings, keys, url, plan.key, event, utcnow(), tenant_id=job.tenant_id)
    return {"delivery": plan.key, "to": plan.parameters["url"], "attempt": job.claim.attempt}


async def mail(job: JobContext, plan: Plan) -> dict[str, Any]:
    """Mail what fired to addresses and teams; raises `Undeliverable` or `TryAgain`."""
    async with job.reading() as reader:
        to, unknown = await reader.repository(Notifications).addresses(plan.parameters["to"])
    if not to:
        names = ", ".join(unknown)
        raise Undeliverable(f"No address is known of {names}; set one with PUT /v1/automation/contacts/<team>.")
    subject = plan.parameters.get("subject") or f"Patchbay: {plan.rule}"
    sent = await send_mail(job.settings, to, subject, text_of(plan), plan.key)
    return {"delivery": plan.key, "detail": sent.detail, "unknown": unknown, "attempt": job.claim.attempt}


async def _signing_key(job: JobContext, name: str | None) -> SigningKey | None:
    if name is None:
        return None
    async with job.reading() as reader:
        key = await reader.repository(Notifications).key(name)
    if key is None:
        raise Undeliverable(f"There is no signing key {name!r}; set it with PUT /v1/automation/signing-keys/{name}.")
    return key


def _source(plan: Plan) -> str:
    return f"/v1/automation/rules/{quote(plan.rule, safe='')}"


def told(plan: Plan) -> dict[str, Any]:
    """What receivers are told of a plan."""
    return {
        "rule": plan.rule,
        "revision": plan.revision,
        "episode": plan.episode.isoformat(),
        "fingerprint": plan.fingerprint,
        "labels": dict(plan.subject),
        "value": plan.value,
    }


def text_of(plan: Plan) -> str:
    """A plan as the text of a mail."""
    lines = [f"The rule “{plan.rule}” fired.", "", f"Since: {plan.episode:%Y-%m-%d %H:%M:%S} UTC"]
    lines += [] if plan.value is None else [f"Value: {plan.value:g}"]
    lines += [f"{name}: {value}" for name, value in sorted(plan.subject.items())]
    lines += [f"Not well: {name}" for name in plan.parameters.get("ill", ())]
    return "\n".join([*lines, "", f"Plan {plan.key}, rule revision {plan.revision}.", ""])
