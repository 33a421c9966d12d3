"""Routes of sessions: opened, listed, rotated, ended; and of one's password."""

from datetime import timedelta
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request, Response

from patchbay.core.clock import utcnow
from registry_api.access import Actor, acting, database, reading, writing
from registry_api.db import Crossing, Reader, UnitOfWork, crossing
from registry_api.filtering import Asked
from registry_api.http import api_router, problems
from registry_api.identity import schemas
from registry_api.identity.authentication import sent_secret
from registry_api.identity.cookies import drop_cookie, presented, require_same_origin, set_cookie
from registry_api.identity.errors import SecondFactorNeeded, TenantNeeded, TooManyCodes
from registry_api.identity.filters import SESSIONS
from registry_api.identity.lockout import Attempts, charge, take_back
from registry_api.identity.models import LoginSession
from registry_api.identity.people import address_of, change_password
from registry_api.identity.providers import (
    LONGEST_SESSION,
    SESSION_HOURS,
    Entered,
    LocalPasswords,
    PasswordProof,
    Visit,
    enter,
)
from registry_api.identity.repository import People, find_tenant_id
from registry_api.identity.roles import ANYONE
from registry_api.identity.tokens import Secret, new_secret
from registry_api.pagination import Page, PagingQuery
from registry_api.problems import NotFound, Unauthenticated
from registry_api.tenancy.schemas import TenantBrief

router = api_router("identity")


@router.post(
    "/sessions",
    status_code=201,
    summary="Sign in",
    responses=problems(unprocessable="The password opens accounts in several tenants; name one."),
)
async def create_session(body: schemas.Login, request: Request, response: Response) -> schemas.SessionCreated:
    """Open a session of eight hours; its token is sent like any other.

    Unknown e-mail, wrong password and a tenant without such an account answer alike. Without `tenant` the password
    chooses among the accounts of the e-mail. Wrong attempts slow down further ones from the same address; a right one
    forgets those at its tenant where it names one.
    """
    if body.cookie:
        require_same_origin(request)
    email, address = body.email.strip().lower(), address_of(request)
    attempts = await charge(database(request), Attempts.at(email, address, await _named(request, body.tenant)))
    proof = PasswordProof(email, body.password.get_secret_value(), body.tenant)
    visit = Visit(body.code, address, request.headers.get("user-agent"), attempts)
    entered = await _entered(request, proof, visit, attempts)
    if body.cookie:
        set_cookie(response, entered.secret.value, SESSION_HOURS * 3600)
    return schemas.SessionCreated(
        token=None if body.cookie else entered.secret.value,
        expires_at=entered.session.expires_at,
        user=schemas.UserBrief.model_validate(entered.account.user),
        tenant=TenantBrief.model_validate(entered.account.tenant),
        role=entered.principal.role,
        scopes=sorted(entered.principal.scopes),
    )


async def _named(request: Request, tenant: str | None) -> UUID | str | None:
    if tenant is None:
        return None
    async with database(request).reading(Crossing.AUTHENTICATION) as session:
        return await find_tenant_id(session, tenant)


async def _entered(request: Request, proof: PasswordProof, visit: Visit, attempts: Attempts) -> Entered:
    """The session of a proof. A right password that lacks a tenant or a code, or whose code is not judged, was no wrong attempt."""
    try:
        asserted = await LocalPasswords(database(request), address_of(request)).identify(proof)
        return await enter(database(request), request.app.state.settings, asserted, visit)
    except (TenantNeeded, SecondFactorNeeded, TooManyCodes):
        await take_back(database(request), attempts)
        raise


@router.get("/sessions", summary="List my sessions")
async def list_sessions(
    paging: PagingQuery, asked: Annotated[Asked, Depends(SESSIONS)], reader: Reader = reading(ANYONE)
) -> Page[schemas.SessionView]:
    """The caller's own sessions that have not ended, oldest first; none for an API token."""
    query = asked.where(reader.repository(People).sessions(reader.principal.user_id, utcnow()))
    async with crossing(reader.session, Crossing.OWN_ACCOUNT):
        rows = await paging.rows(reader.session, query, [LoginSession.recorded_at, LoginSession.id])
    return rows.page(lambda row: _view(row, reader.principal.token_id))


@router.delete("/sessions/current", status_code=204, summary="Sign out")
async def delete_session(response: Response, work: UnitOfWork = writing(ANYONE)) -> None:
    """End the session whose token is sent; a later request with it is refused. An API token is not a session: 404."""
    async with crossing(work.session, Crossing.OWN_ACCOUNT):
        _end(work, await _current(work))
    drop_cookie(response)


# Its answer cannot be given again: the secret that would ask for it is refused by then.
@router.post("/sessions/current/rotate", summary="Rotate my session", openapi_extra={"x-idempotency": "none"})
async def rotate_session(
    request: Request, response: Response, work: UnitOfWork = writing(ANYONE)
) -> schemas.SessionRotated:
    """Give the session a new secret and eight more hours, up to a day in all; the former secret is refused at once."""
    async with crossing(work.session, Crossing.OWN_ACCOUNT):
        session, secret = await _current(work), new_secret("s")
        if session.secret_hash != sent_secret(presented(request)).hash:
            raise Unauthenticated("The session was rotated at this moment; send its new secret.")
        longest = session.recorded_at + LONGEST_SESSION
        session.secret_hash = secret.hash
        session.expires_at = min(utcnow() + timedelta(hours=SESSION_HOURS), longest)
        work.audit("session.rotated", f"session:{session.id}", tenant_id=session.tenant_id)
    return _rotated(request, response, session, secret)


def _rotated(request: Request, response: Response, session: LoginSession, secret: Secret) -> schemas.SessionRotated:
    by_cookie = not request.headers.get("authorization")
    if by_cookie:
        set_cookie(response, secret.value, int((session.expires_at - utcnow()).total_seconds()))
    return schemas.SessionRotated(token=None if by_cookie else secret.value, expires_at=session.expires_at)


@router.delete("/sessions/{session_id}", status_code=204, summary="End one of my sessions")
async def delete_own_session(session_id: UUID, work: UnitOfWork = writing(ANYONE)) -> None:
    """It is refused from the next request on. The sessions of others do not exist here: 404."""
    async with crossing(work.session, Crossing.OWN_ACCOUNT):
        found = await work.repository(People).own_session(work.principal.user_id, session_id)
        if found is None:
            raise NotFound(f"You have no session {session_id}.")
        _end(work, found)


@router.post("/me/password", status_code=204, summary="Change my password")
async def put_password(body: schemas.PasswordChange, request: Request, actor: Actor = acting(ANYONE)) -> None:
    """Needs the current password; ends all other sessions of the account."""
    await change_password(request, actor, body.current, body.new)


async def _current(work: UnitOfWork) -> LoginSession:
    principal = work.principal
    found = None
    if principal.token_id and principal.user_id:
        found = await work.repository(People).own_session(principal.user_id, principal.token_id)
    if found is None:
        raise NotFound("This is an API token, not a session; revoke it with DELETE /v1/tokens/{token}.")
    return found


def _end(work: UnitOfWork, session: LoginSession) -> None:
    if session.revoked_at is None:
        session.revoked_at = utcnow()
        work.audit("session.closed", f"session:{session.id}", tenant_id=session.tenant_id)


def _view(row: LoginSession, current: UUID | None) -> schemas.SessionView:
    names = ("id", "recorded_at", "expires_at", "revoked_at", "last_used_at", "issuer", "address", "user_agent")
    return schemas.SessionView(**{name: getattr(row, name) for name in names}, current=row.id == current)
