"""Notices about tokens: 14 and 3 days before one ends, and when one was found in public.

A notice is a job of the change that makes it due. It writes an audit record, and a mail where there is a mail server.
"""

from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import select

from patchbay.core.clock import utcnow
from registry_api.db import Repository, UnitOfWork
from registry_api.identity.models import ApiToken, Membership, User
from registry_api.identity.roles import ADMINISTRATORS
from registry_api.jobs.context import JobContext
from registry_api.jobs.queue import PATIENT
from registry_api.jobs.registry import handler
from registry_api.notifications.mail import send_mail
from registry_api.schemas import Input, as_id, wire_time

DAYS_BEFORE = (14, 3)
NOTICE, MAIL = "identity.token_notice", "identity.token_mail"


class TokenNotice(Input):
    """A notice that will be due."""

    token_id: UUID
    days: int
    expires_at: datetime


class TokenMail(Input):
    """A mail about a token."""

    token_id: UUID
    why: Literal["ends", "leaked"]
    key: str


class Receivers(Repository):
    """Who is told of a token of the tenant acted in."""

    async def token(self, token_id: UUID) -> ApiToken | None:
        """The token."""
        query = select(ApiToken).where(ApiToken.id == token_id, ApiToken.tenant_id == self.scope.tenant_id)
        return (await self.session.execute(query)).scalar_one_or_none()

    async def of(self, token: ApiToken) -> list[str]:
        """Who made it, if that is an active person; else the tenant's administrators. Sorted, at most fifty."""
        kind, _, maker = token.created_by.partition(":")
        people = select(User.email).join(Membership, Membership.user_id == User.id)
        people = people.where(User.tenant_id == token.tenant_id, User.status == "active").order_by(User.email).limit(50)
        made_by = people.where(User.id == as_id(maker)) if kind == "user" else None
        found = list((await self.session.execute(made_by)).scalars()) if made_by is not None else []
        return found or list((await self.session.execute(people.where(Membership.role.in_(ADMINISTRATORS)))).scalars())


def announce_end(work: UnitOfWork, token: ApiToken) -> None:
    """Have the token's holders told before it ends; a life too short for a notice has none."""
    for days in DAYS_BEFORE if token.expires_at else ():
        assert token.expires_at is not None
        due = token.expires_at - timedelta(days=days)
        if due > utcnow():
            payload = {"token_id": str(token.id), "days": days, "expires_at": wire_time(token.expires_at)}
            key = f"{token.id}:{days}:{payload['expires_at']}"
            work.enqueue(NOTICE, payload, tenant_id=token.tenant_id, dedup_key=key, run_at=due)


def tell_of_leak(work: UnitOfWork, token: ApiToken) -> None:
    """Have the token's holders told that it was found in public and is revoked."""
    _mail(work, token, "leaked", f"leak-{token.id}")


def _mail(work: UnitOfWork, token: ApiToken, why: str, key: str) -> None:
    payload = {"token_id": str(token.id), "why": why, "key": key}
    work.enqueue(MAIL, payload, tenant_id=token.tenant_id, dedup_key=key, max_attempts=PATIENT)


@handler(NOTICE, payload=TokenNotice)
async def token_notice(job: JobContext) -> dict[str, Any]:
    """Say that a token is about to end; says nothing of one that was revoked or has another end since."""
    result: dict[str, Any] = {"told": False}
    async with job.finishing(result) as work:
        token = await work.repository(Receivers).token(UUID(job.payload["token_id"]))
        if token is not None and token.revoked_at is None and _same_end(token, job.payload["expires_at"]):
            result["told"] = True
            change = {"name": token.name, "days": job.payload["days"], "expires_at": token.expires_at}
            work.audit("token.expiring", f"token:{token.id}", change)
            _mail(work, token, "ends", f"end-{token.id}-{job.payload['days']}")
    return result


def _same_end(token: ApiToken, expires_at: str) -> bool:
    return token.expires_at is not None and wire_time(token.expires_at) == expires_at


@handler(MAIL, payload=TokenMail)
async def token_mail(job: JobContext) -> dict[str, Any]:
    """Mail whom a token concerns; without a mail server or anybody to tell, the audit record is all there is."""
    async with job.reading() as reader:
        receivers = reader.repository(Receivers)
        token = await receivers.token(UUID(job.payload["token_id"]))
        to = await receivers.of(token) if token else []
    if token is None or not to or job.settings.smtp_url is None:
        return {"mailed": 0}
    sent = await send_mail(job.settings, to, *_words(token, job.payload["why"]), job.payload["key"])
    return {"mailed": len(to) - len(sent.refused), "detail": sent.detail}


def _words(token: ApiToken, why: str) -> tuple[str, str]:
    """Subject and text."""
    named = f"{token.name} ({token.prefix}…)"
    if why == "leaked":
        text = f"The token {named} was found in public and is revoked, with all that were made from it. Make a new one."
        return f"Patchbay: the token {token.name} was found in public", text
    end = wire_time(token.expires_at) if token.expires_at else "soon"
    text = f"The token {named} ends at {end}. Rotate it with POST /v1/tokens/{token.id}/rotate, or let it end."
    return f"Patchbay: the token {token.name} ends soon", text
