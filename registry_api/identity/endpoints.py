"""Routes of tokens and people."""

from collections.abc import AsyncIterator
from datetime import timedelta
from tempfile import SpooledTemporaryFile
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Request, Response
from fastapi.responses import StreamingResponse

from patchbay.core.clock import utcnow
from patchbay.core.settings import Settings
from registry_api.access import Actor, acting, reading, writing
from registry_api.conditions import REVISED, IfMatch, revision_tag
from registry_api.db import Crossing, Reader, UnitOfWork, crossing
from registry_api.filtering import Asked
from registry_api.http import api_router, problems
from registry_api.identity import filters, schemas
from registry_api.identity.breached import new_password_hash
from registry_api.identity.lifecycle import require_held
from registry_api.identity.models import ApiToken, User
from registry_api.identity.people import change_person, require_unchanged
from registry_api.identity.personal import Holdings, erase_account, known_of, path_of
from registry_api.identity.repository import People, Tokens
from registry_api.identity.roles import ANYONE
from registry_api.identity.service import Grant, Member, add_member, issue_token, revoke_token
from registry_api.pagination import Page, PagingQuery
from registry_api.problems import Forbidden, NotFound
from registry_api.tenancy.erasure import refuse_deleted
from registry_api.tenancy.models import Tenant
from registry_api.tenancy.repository import Tenants, named_tenant
from registry_api.tenancy.schemas import TenantBrief

router = api_router("identity")
NDJSON = "application/x-ndjson"
_PLACE = {"Location": {"description": "The account.", "schema": {"type": "string"}}}
_MADE: dict[int | str, dict[str, Any]] = {201: {"description": "Successful Response", "headers": _PLACE}}
_KNOWN: dict[int | str, dict[str, Any]] = {
    200: {"description": "A fact a line, each with its `kind`.", "content": {NDJSON: {"schema": {"type": "string"}}}}
}
SPOOLED = 1 << 18
"""Bytes of what is told that are kept in memory, and sent at a time."""


@router.get("/me", summary="Who I am and what I may do")
async def get_me(reader: Reader = reading(ANYONE)) -> schemas.Me:
    """The caller and the tenant acted in; `memberships` is the account's own, since accounts belong to one tenant."""
    principal, people = reader.principal, reader.repository(People)
    async with crossing(reader.session, Crossing.OWN_ACCOUNT):
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
    await require_unchanged(work)
    tenant = await _token_tenant(work, body.tenant)
    grant = Grant.of(body.role, body.scopes, body.namespaces)
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
    found = await named_tenant(work.session, tenant)
    refuse_deleted(found)
    return found


@router.get("/tokens", summary="List tokens")
async def list_tokens(
    paging: PagingQuery,
    asked: Annotated[Asked, Depends(filters.TOKENS)],
    reader: Reader = reading("identity:read", sensitive=True),
) -> Page[schemas.TokenView]:
    """The tenant's tokens, oldest first, revoked ones included; never their secrets."""
    query = asked.where(reader.repository(Tokens).all())
    rows = await paging.rows(reader.session, query, [ApiToken.recorded_at, ApiToken.id])
    return rows.page(schemas.TokenView.model_validate)


@router.delete("/tokens/{token_id}", status_code=204, summary="Revoke a token")
async def delete_token(token_id: UUID, work: UnitOfWork = writing("identity:write")) -> None:
    """Refuse the token, and all that were made from it, from now on; its row stays for the audit log. Only who may grant all
    that it holds may revoke it; a secret that has leaked anybody reports with POST /v1/token-leaks.
    """
    token = await work.repository(Tokens).find(token_id)
    if token is None:
        raise NotFound(f"There is no token {token_id} in this tenant.")
    await require_held(work, token)
    await revoke_token(work, token)


@router.post(
    "/users", status_code=201, summary="Add a person", responses=_MADE | problems(conflict="A member already.")
)
async def create_user(
    body: schemas.NewUser, request: Request, response: Response, actor: Actor = acting("identity:write")
) -> schemas.UserView:
    """Make an account in the tenant acted in; its role may hold no more than the caller does. Whether the e-mail has
    accounts in other tenants neither matters nor shows.
    """
    settings: Settings = request.app.state.settings
    password = await new_password_hash(settings, body.password.get_secret_value()) if body.password else None
    async with actor.writing() as work:
        tenant = await work.repository(Tenants).own()
        Grant.of(body.role).allowed(work.principal, tenant.kind)
        user = await add_member(work, Member(body.email, body.display_name, password, body.role), tenant)
    response.headers["Location"] = path_of(user.id)
    return schemas.UserView(
        id=user.id,
        email=user.email,
        display_name=user.display_name,
        status=user.status,
        role=body.role,
        revision=user.revision,
        recorded_at=user.recorded_at,
    )


@router.get("/users/{user_id}", summary="Read a person")
async def read_user(
    user_id: UUID, response: Response, reader: Reader = reading("identity:read", sensitive=True)
) -> schemas.UserView:
    """One member; the ETag is their revision."""
    found = schemas.UserView.model_validate(await reader.repository(People).member(user_id))
    response.headers["ETag"] = revision_tag(found.revision)
    return found


@router.patch(
    "/users/{user_id}",
    summary="Change, disable or enable a person",
    responses=problems(conflict="The last.", **REVISED),
)
async def update_user(
    user_id: UUID,
    body: schemas.UserChange,
    response: Response,
    work: UnitOfWork = writing("identity:write"),
    if_match: IfMatch = None,
) -> schemas.UserView:
    """It holds from the person's next request on; disabling ends their sessions. The last administrator stays one.

    428 without If-Match, 412 when the person has changed since they were read.
    """
    changed = await change_person(work, user_id, body, if_match)
    response.headers["ETag"] = revision_tag(changed.revision)
    return changed


@router.get("/users", summary="List people")
async def list_users(
    paging: PagingQuery,
    asked: Annotated[Asked, Depends(filters.USERS)],
    reader: Reader = reading("identity:read", sensitive=True),
) -> Page[schemas.UserView]:
    """The tenant's members in order of e-mail."""
    query = asked.where(reader.repository(People).members())
    rows = await paging.rows(reader.session, query, [User.email], scalars=False)
    return rows.page(schemas.UserView.model_validate)


@router.get(
    "/users/{user_id}/data",
    summary="Export what is known of a person",
    response_class=StreamingResponse,
    responses=_KNOWN,
)
async def export_user_data(
    user_id: UUID, actor: Actor = acting("identity:read", also="audit:read", sensitive=True)
) -> StreamingResponse:
    """Everything the registry knows of the holder of an account of the tenant acted in, as NDJSON: the account, what hangs on
    it, and every audit record that the holder made or that speaks of them; of an account of the operator in every tenant.

    Usage is kept under pseudonyms that no account is tied to; it is erased with DELETE /v1/subjects.
    """
    async with actor.reading() as reader:
        await reader.repository(Holdings).account(user_id)
    return StreamingResponse(_told(actor, user_id), media_type=NDJSON)


async def _told(actor: Actor, user_id: UUID) -> AsyncIterator[bytes]:
    """Laid down first, so that who takes it slowly holds no session."""
    with SpooledTemporaryFile(SPOOLED) as file:
        async with actor.reading() as reader:
            async for line in known_of(reader, user_id):
                file.write(line)
        file.seek(0)
        while piece := file.read(SPOOLED):
            yield piece


@router.delete(
    "/users/{user_id}", status_code=204, summary="Erase a person's account", responses=problems(conflict="Your own.")
)
async def erase_user(user_id: UUID, work: UnitOfWork = writing("identity:write")) -> None:
    """Delete the account with all that hangs on it, revoke the tokens its holder made, and shred the key of the holder's
    values in the audit log: there they are answered as `(erased)`, and the chain still verifies. Archives of the tenant that
    may hold the account expire, and a repeat of the request that made it is told no more what it was answered.
    """
    await erase_account(work, user_id)
