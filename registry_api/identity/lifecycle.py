"""What becomes of a token: a new secret, or a narrower token made from it."""

from datetime import datetime, timedelta
from uuid import UUID

from patchbay.core.clock import utcnow
from registry_api.db import Crossing, Principal, UnitOfWork, crossing
from registry_api.identity.errors import CannotGrant, TokenNotRotatable
from registry_api.identity.models import ApiToken
from registry_api.identity.namespaces.service import require_granted
from registry_api.identity.notices import announce_end
from registry_api.identity.people import require_unchanged
from registry_api.identity.publishing.repository import MAKER
from registry_api.identity.repository import People, Tokens
from registry_api.identity.rights import Rights
from registry_api.identity.roles import BOUND_SCOPES
from registry_api.identity.schemas import NarrowerToken, TokenRotation
from registry_api.identity.service import Grant, issue_token
from registry_api.identity.tokens import Secret, new_secret
from registry_api.problems import Forbidden, TenantSuspended, Unauthenticated
from registry_api.tenancy.repository import Tenants

USUAL_NARROW_LIFE = timedelta(hours=1)


async def rotate_token(work: UnitOfWork, token: ApiToken, wanted: TokenRotation) -> Secret:
    """Give a locked token a new secret; raises `CannotGrant` for a token that holds more than the caller.

    Raises `TokenNotRotatable` for one that is over, that another person stands behind, or that is a CI job's, and for those of
    our own processes: their files are the truth.
    """
    now, before = utcnow(), {"expires_at": token.expires_at, "created_by": token.created_by}
    is_over = token.revoked_at or (token.expires_at and token.expires_at <= now)
    if is_over or token.created_by == "system" or token.created_by.startswith(MAKER):
        raise TokenNotRotatable(
            "It is revoked, has expired, or belongs to a CI job or a process of ours; make a new token."
        )
    await require_held(work, token)
    await _require_not_from(work, token)
    left = await _take_over(work, token)
    secret, until = new_secret("t"), now + timedelta(minutes=wanted.overlap_minutes)
    overlaps = wanted.overlap_minutes > 0
    token.previous_hash = token.secret_hash if overlaps else None
    token.previous_until = min(until, token.expires_at or until) if overlaps else None
    token.secret_hash, token.prefix = secret.hash, secret.prefix
    token.expires_at = end = await _bounded(work, token, now + timedelta(days=wanted.expires_in_days))
    facts = {"name": token.name, "overlap_until": token.previous_until, "shortened": await _shorten(work, token, end)}
    after = {"expires_at": end, "created_by": token.created_by}
    work.audit("token.rotated", f"token:{token.id}", facts | {"left": left}, before=before, after=after)
    announce_end(work, token)
    return secret


async def _require_not_from(work: UnitOfWork, token: ApiToken) -> None:
    """Raises `TokenNotRotatable` for a caller that was made from the token: who has only its former secret can make such a one."""
    tokens = work.repository(Tokens)
    made = [*(await tokens.family(token))[1:], *await tokens.made_by(f"token:{token.id}")]
    if work.principal.token_id in [one.id for one in made]:
        raise TokenNotRotatable("The token that asks was made from it: send the token itself, or what made that.")


async def _take_over(work: UnitOfWork, token: ApiToken) -> list[str]:
    """Have a token count as its caller's, who gets to know its secret; which tokens it made are left to its former maker.

    Raises `TokenNotRotatable` where another person stands behind it: that one knows the former secret, and would be taken for
    the caller in the overlap. What is noted is who stands behind the caller, and never a token that was made: so there
    is no circle of makers, whatever is rotated at the same time.
    """
    rights = work.repository(Rights)
    behind, caller = await rights.behind(f"token:{token.id}"), await rights.behind(work.principal.actor)
    if behind == caller:
        return []
    if behind.startswith("user:"):
        raise TokenNotRotatable("It stands for another person; make a token of your own, and revoke this one.")
    if caller.startswith("user:"):
        await _require_active(work, UUID(caller.removeprefix("user:")))
        await require_unchanged(work)
    left = await work.repository(Tokens).leave_made_by(token)
    token.created_by = caller
    return [f"token:{one.id}" for one in left]


async def _require_active(work: UnitOfWork, user_id: UUID) -> None:
    """Keep a person active until the commit: who disables it then ends what is made here as well. Raises `Unauthenticated`."""
    async with crossing(work.session, Crossing.OWN_ACCOUNT):
        role = await work.repository(People).role(user_id)
    if role is None:
        raise Unauthenticated("Your account was disabled at this moment.")


async def require_held(work: UnitOfWork, token: ApiToken) -> None:
    """Raises `CannotGrant` unless the caller could hand out all that a token holds, by itself and by grants."""
    tenant = await work.repository(Tenants).own()
    Grant.of(token.role, token.scopes, token.namespaces).allowed(work.principal, tenant.kind)
    await require_granted(work, token)


async def _shorten(work: UnitOfWork, token: ApiToken, end: datetime) -> list[str]:
    """End what was made from a token no later than the token; which ones."""
    await work.session.flush()
    family = await work.repository(Tokens).family(token)
    shortened = [one for one in family if one.expires_at is None or one.expires_at > end]
    for one in shortened:
        one.expires_at = end
        announce_end(work, one)
    return [f"token:{one.id}" for one in shortened]


async def _bounded(work: UnitOfWork, token: ApiToken, wanted: datetime) -> datetime:
    """No later than the end of the token it was made from."""
    parent = await work.repository(Tokens).find(token.parent_id) if token.parent_id else None
    return min(wanted, parent.expires_at) if parent and parent.expires_at else wanted


async def narrow_token(work: UnitOfWork, wanted: NarrowerToken, sent: bytes) -> tuple[ApiToken, Secret]:
    """Make a token from the caller's, whose secret has the hash `sent`; raises `CannotGrant` for what would be wider in any way."""
    parent = await _callers(work)
    end = _end(wanted, _until(parent, sent))
    principal = work.principal
    grant = _narrowed(principal, wanted)
    grant.allowed(principal, (await work.repository(Tenants).own()).kind)
    return issue_token(work, parent.tenant_id, wanted.name, grant, end, parent=parent)


async def _callers(work: UnitOfWork) -> ApiToken:
    """The token that is sent, locked: it cannot be revoked between now and the commit without taking the new one along."""
    principal = work.principal
    if principal.suspended:
        raise TenantSuspended("The tenant is suspended: nothing in it can be changed. Ask the operator.")
    if principal.acting_for is not None or principal.token_id is None or principal.user_id is not None:
        raise Forbidden("Only an API token, in its own tenant, makes narrower ones; a session uses POST /v1/tokens.")
    found = await work.repository(Tokens).locked(principal.token_id)
    if found is None or found.revoked_at is not None:
        raise Unauthenticated("The token was revoked at this moment.")
    return found


def _narrowed(principal: Principal, wanted: NarrowerToken) -> Grant:
    """What is left out is as the caller has it; namespaces leave only what they bound."""
    places = wanted.namespaces if wanted.namespaces is not None else principal.scope.namespaces
    inherited = principal.scopes if places is None else principal.scopes & BOUND_SCOPES
    return Grant.of(None, wanted.scopes if wanted.scopes is not None else inherited, places)


def _until(parent: ApiToken, sent: bytes) -> datetime | None:
    """The end of what was sent: a former secret ends with its overlap, whatever becomes of the token."""
    if sent == parent.secret_hash:
        return parent.expires_at
    if sent != parent.previous_hash or parent.previous_until is None:
        raise Unauthenticated("The token was rotated at this moment.")
    return parent.previous_until


def _end(wanted: NarrowerToken, until: datetime | None) -> datetime:
    now = utcnow()
    if wanted.expires_in_minutes is None:
        usual = now + USUAL_NARROW_LIFE
        return min(usual, until or usual)
    end = now + timedelta(minutes=wanted.expires_in_minutes)
    if until is not None and end > until:
        raise CannotGrant("A narrower token cannot outlive the one it is made from; ask for fewer minutes.")
    return end
