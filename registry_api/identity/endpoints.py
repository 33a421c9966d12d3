"""Routes of sessions, tokens and people."""

from datetime import timedelta
from uuid import UUID

from fastapi import Request

from patchbay.core.clock import utcnow
from registry_api.access import Actor, acting, database, reading, writing
from registry_api.db import Principal, Reader, Scope, UnitOfWork
from registry_api.http import api_router, problems
from registry_api.identity import schemas
from registry_api.identity.errors import LoginFailed, TenantNeeded
from registry_api.identity.models import ApiToken, User
from registry_api.identity.passwords import hash_password, verify_password
from registry_api.identity.repository import Login, People, Tokens, find_logins
from registry_api.identity.roles import ANYONE, ROLE_SCOPES, grantable
from registry_api.identity.service import Grant, Member, add_member, issue_token, open_session, revoke_token
from registry_api.pagination import Page, PagingQuery
from registry_api.problems import Forbidden, NotFound
from registry_api.tenancy.models import Tenant
from registry_api.tenancy.repository import Tenants, find_operator_id, named_tenant
from registry_api.tenancy.schemas import TenantBrief

router = api_router("identity")
WRONG = "E-mail or password is wrong, or there is no such account in that tenant."
MOST_ACCOUNTS = 3
"""Accounts of one e-mail that are tried when no tenant is named. As many hashes are computed for any e-mail, so that time
does not tell how many there are.
"""


@router.post(
    "/sessions",
    status_code=201,
    summary="Sign in",
    responses=problems(unprocessable="The password opens accounts in several tenants; name one."),
)
async def create_session(body: schemas.Login, request: Request) -> schemas.SessionCreated:
    """Open a session of eight hours; its token is sent like any other.

    Unknown e-mail, wrong password and a tenant without such an account answer alike. Without `tenant` the password
    chooses among the accounts of the e-mail.
    """
    login, principal = await _sign_in(request, body)
    async with Actor(database(request), principal).writing() as work:
        session, secret = open_session(work, login.user.id)
    return schemas.SessionCreated(
        token=secret.value,
        expires_at=session.expires_at,
        user=schemas.UserBrief.model_validate(login.user),
        tenant=TenantBrief.model_validate(login.tenant),
        role=principal.role,
        scopes=sorted(principal.scopes),
    )


async def _sign_in(request: Request, body: schemas.Login) -> tuple[Login, Principal]:
    wanted = MOST_ACCOUNTS if body.tenant is None else 1
    async with database(request).reading() as session:
        found = await find_logins(session, body.email.strip().lower(), body.tenant, wanted)
        operator_id = await find_operator_id(session)
    opened = await _opened(found, wanted, body.password.get_secret_value())
    if not opened or operator_id is None:
        raise LoginFailed(WRONG)
    if len(opened) > 1:
        slugs = ", ".join(login.tenant.slug for login in opened)
        raise TenantNeeded(f"This password opens your accounts in several tenants ({slugs}); send one as `tenant`.")
    login = opened[0]
    scopes = ROLE_SCOPES[login.role] & grantable(login.tenant.kind)
    scope = Scope(login.tenant.id, operator_id)
    return login, Principal(scope, login.role, scopes, user_id=login.user.id)


async def _opened(found: list[Login], wanted: int, password: str) -> list[Login]:
    """The accounts the password opens; always `wanted` hashes are computed."""
    padded: list[Login | None] = [*found, *[None] * (wanted - len(found))]
    right = [await verify_password(login.password_hash if login else None, password) for login in padded]
    return [login for login, opens in zip(padded, right, strict=True) if login is not None and opens]


@router.delete("/sessions/current", status_code=204, summary="Sign out")
async def delete_session(work: UnitOfWork = writing(ANYONE)) -> None:
    """End the session whose token is sent; a later request with it is refused. An API token is not a session: 404."""
    token_id = work.principal.token_id
    session = await work.repository(People).session_by_id(token_id) if token_id else None
    if session is None:
        raise NotFound("This is an API token, not a session; revoke it with DELETE /v1/tokens/{token}.")
    session.revoked_at = utcnow()
    work.audit("session.closed", f"session:{session.id}")


@router.get("/me", summary="Who I am and what I may do")
async def get_me(reader: Reader = reading(ANYONE)) -> schemas.Me:
    """The caller and the tenant acted in; `memberships` is the account's own, since accounts belong to one tenant."""
    principal, people = reader.principal, reader.repository(People)
    user = await people.user(principal.user_id) if principal.user_id else None
    memberships = await people.memberships(user.id) if user else []
    return schemas.Me(
        user=schemas.UserBrief.model_validate(user) if user else None,
        tenant=TenantBrief.model_validate(await reader.repository(Tenants).own()),
        role=principal.role,
        scopes=sorted(principal.scopes),
        token_name=principal.token_name,
        acting_for=principal.acting_for,
        memberships=[
            schemas.MembershipView(tenant=TenantBrief.model_validate(tenant), role=role) for tenant, role in memberships
        ],
    )


@router.post(
    "/tokens",
    status_code=201,
    summary="Create a token",
    responses=problems(unprocessable="No such role or scope there."),
)
async def create_token(body: schemas.NewToken, work: UnitOfWork = writing("identity:write")) -> schemas.TokenCreated:
    """Make a token with a role or scopes its creator holds; the secret is shown this once."""
    tenant = await _token_tenant(work, body.tenant)
    grant = Grant.of(body.role, body.scopes)
    grant.allowed(work.principal, tenant.kind)
    expires_at = utcnow() + timedelta(days=body.expires_in_days)
    token, secret = issue_token(work, tenant.id, body.name, grant, expires_at)
    await work.session.flush()
    view = schemas.TokenView.model_validate(token)
    return schemas.TokenCreated(**view.model_dump(), token=secret.value)


async def _token_tenant(work: UnitOfWork, tenant: str | None) -> Tenant:
    own = await work.repository(Tenants).own()
    if tenant is None or tenant in (own.slug, str(own.id)):
        return own
    if "tenancy:act" not in work.principal.scopes:
        raise Forbidden("Only platform tokens may make tokens for another tenant; leave `tenant` out.")
    return await named_tenant(work.session, tenant)


@router.get("/tokens", summary="List tokens")
async def list_tokens(paging: PagingQuery, reader: Reader = reading("identity:read")) -> Page[schemas.TokenView]:
    """The tenant's tokens, oldest first, revoked ones included; never their secrets."""
    rows = await paging.rows(reader.session, reader.repository(Tokens).all(), [ApiToken.recorded_at, ApiToken.id])
    return rows.page(schemas.TokenView.model_validate)


@router.delete("/tokens/{token_id}", status_code=204, summary="Revoke a token")
async def delete_token(token_id: UUID, work: UnitOfWork = writing("identity:write")) -> None:
    """Refuse the token from now on; its row stays for the audit log."""
    token = await work.repository(Tokens).find(token_id)
    if token is None:
        raise NotFound(f"There is no token {token_id} in this tenant.")
    revoke_token(work, token)


@router.post("/users", status_code=201, summary="Add a person", responses=problems(conflict="A member already."))
async def create_user(body: schemas.NewUser, actor: Actor = acting("identity:write")) -> schemas.UserView:
    """Make an account in the tenant acted in; its role may hold no more than the caller does. Whether the e-mail has
    accounts in other tenants neither matters nor shows.
    """
    password = await hash_password(body.password.get_secret_value()) if body.password else None
    async with actor.writing() as work:
        tenant = await work.repository(Tenants).own()
        Grant.of(body.role).allowed(work.principal, tenant.kind)
        user = await add_member(work, Member(body.email, body.display_name, password, body.role), tenant)
    return schemas.UserView(
        id=user.id,
        email=user.email,
        display_name=user.display_name,
        status=user.status,
        role=body.role,
        recorded_at=user.recorded_at,
    )


@router.get("/users", summary="List people")
async def list_users(paging: PagingQuery, reader: Reader = reading("identity:read")) -> Page[schemas.UserView]:
    """The tenant's members in order of e-mail."""
    rows = await paging.rows(reader.session, reader.repository(People).members(), [User.email], scalars=False)
    return rows.page(schemas.UserView.model_validate)
