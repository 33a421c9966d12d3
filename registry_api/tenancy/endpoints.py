"""Routes of tenants."""

import hashlib
from datetime import timedelta
from typing import Annotated

from fastapi import Depends, Request, Response
from sqlalchemy.exc import IntegrityError

from patchbay.automation.grammar import Rule
from patchbay.core.clock import utcnow
from patchbay.core.settings import Settings
from registry_api.access import Actor, acting, reading, writing
from registry_api.automation.rules import parsed, put_rules
from registry_api.conditions import REVISED, IfMatch, require_revision, revision_tag
from registry_api.db import Reader, Scope, UnitOfWork
from registry_api.db.encoding import stored_json
from registry_api.filtering import Asked
from registry_api.http import api_router, problems
from registry_api.identity.breached import new_password_hash
from registry_api.identity.service import Grant, Member, add_member, issue_token
from registry_api.pagination import Page, PagingQuery
from registry_api.tenancy.erasure import refuse_deleted
from registry_api.tenancy.errors import OperatorTenantFixed, TenantExists
from registry_api.tenancy.filters import TENANTS
from registry_api.tenancy.metering import Metering
from registry_api.tenancy.models import Tenant
from registry_api.tenancy.plans import Quota, limits_of, period_of
from registry_api.tenancy.repository import Tenants, named_tenant
from registry_api.tenancy.schemas import NewTenant, QuotaView, TenantChange, TenantCreated, TenantView, UsageView
from registry_api.tenancy.service import add_tenant, change_tenant

router = api_router("tenancy")
FIRST_NAME = "first tenant_admin"
FIRST_LIFE = timedelta(days=90)


@router.post(
    "/tenants", status_code=201, summary="Create a tenant", responses=problems(conflict="The slug or e-mail is taken.")
)
async def create_tenant(
    body: NewTenant, request: Request, response: Response, actor: Actor = acting("tenancy:write")
) -> TenantCreated:
    """Onboarding in one call: the tenant, its tenant_admin token (for 90 days, shown this once), its first rules, those of
    the installation unless given, and if given its first administrator. All or nothing; the same request again makes nothing, and
    answers 200 without the token.
    """
    password = body.admin_password.get_secret_value() if body.admin_password else None
    settings: Settings = request.app.state.settings
    password_hash = await new_password_hash(settings, password) if password else None
    rules = request.app.state.first_rules if body.rules is None else await parsed(body.rules)
    try:
        made = await _onboard(actor, body, password_hash, rules)
    except TenantExists:
        # Of a keyed request the key says whether it was made before, and its one unit of work has failed.
        known = None if actor.once else await _made_before(actor, body)
        if known is None:
            raise
        response.status_code = 200
        return TenantCreated(tenant=known, token=None, replayed=True)
    return made


async def _onboard(
    actor: Actor, body: NewTenant, password_hash: str | None, rules: tuple[Rule, ...] | None
) -> TenantCreated:
    async with actor.writing() as work:
        tenant = await _new_tenant(work, body)
        if body.admin_email is not None:
            email = body.admin_email.lower()
            await add_member(work, Member(email, email.split("@")[0], password_hash, "tenant_admin"), tenant)
        # The tenant's own: it outlives the account of whoever made the tenant.
        maker, until = f"tenant:{tenant.id}", utcnow() + FIRST_LIFE
        _, secret = issue_token(work, tenant.id, FIRST_NAME, Grant.of("tenant_admin"), until, created_by=maker)
        if rules is not None:
            await put_rules(work.acting_in(tenant.id), rules)
    return TenantCreated(tenant=TenantView.model_validate(tenant), token=secret.value, replayed=False)


async def _made_before(actor: Actor, body: NewTenant) -> TenantView | None:
    """The tenant that the same request made; None where another did."""
    async with actor.reading() as reader:
        found = await named_tenant(reader.session, body.slug)
        return TenantView.model_validate(found) if found.made_from == _digest(body) else None


def _digest(body: NewTenant) -> str:
    """Of the request but its password, of which no other hash than Argon2's is kept."""
    said = body.model_dump(mode="json", exclude={"admin_password"})
    return hashlib.sha256(stored_json(said, sort_keys=True)).hexdigest()


async def _new_tenant(work: UnitOfWork, body: NewTenant) -> Tenant:
    tenant = Tenant(
        slug=body.slug,
        name=body.name,
        kind="customer",
        status="active",
        plan=body.plan,
        quotas={},
        made_from=_digest(body),
    )
    try:
        await add_tenant(work, tenant)
    except IntegrityError as error:
        raise TenantExists(f"There is a tenant {body.slug!r} already; choose another slug.") from error
    return tenant


@router.get("/tenants", summary="List tenants")
async def list_tenants(
    paging: PagingQuery, asked: Annotated[Asked, Depends(TENANTS)], reader: Reader = reading("tenancy:read")
) -> Page[TenantView]:
    """The caller's tenant; every tenant for platform roles. In order of slug."""
    rows = await paging.rows(reader.session, asked.where(reader.repository(Tenants).visible()), [Tenant.slug])
    return rows.page(TenantView.model_validate)


@router.get("/tenants/{tenant}", summary="Read a tenant")
async def get_tenant(tenant: str, response: Response, reader: Reader = reading("tenancy:read")) -> TenantView:
    """One tenant by id or slug; the ETag is its revision."""
    return _answer(response, await _visible(reader, tenant))


@router.patch(
    "/tenants/{tenant}",
    summary="Rename, suspend or reactivate a tenant, or set its plan and quotas",
    responses=problems(conflict="It was deleted.", unprocessable="The operator.", **REVISED),
)
async def update_tenant(
    tenant: str,
    body: TenantChange,
    response: Response,
    work: UnitOfWork = writing("tenancy:write"),
    if_match: IfMatch = None,
) -> TenantView:
    """A suspended tenant can be read, but nothing in it can be changed. Setting a status undoes a deletion in its grace.

    428 without If-Match, 412 when the tenant has changed since it was read.
    """
    found = await work.repository(Tenants).get_any(tenant)
    require_revision(if_match, found.revision)
    refuse_deleted(found)
    if found.kind == "operator" and body.status == "suspended":
        raise OperatorTenantFixed("The operator tenant cannot be suspended, since nobody could undo it.")
    if found.kind == "operator" and (body.plan is not None or body.quotas is not None):
        raise OperatorTenantFixed("The operator tenant has no limits, since nobody else could lift them.")
    changes = {name: value for name, value in body.model_dump(mode="json").items() if value is not None}
    await change_tenant(work, found, changes)
    return _answer(response, found)


@router.get("/tenants/{tenant}/usage", summary="Read a tenant's use of its quotas")
async def read_tenant_usage(tenant: str, request: Request, reader: Reader = reading("tenancy:read")) -> UsageView:
    """Each quota of the plan with its limit and its use at this moment."""
    found = await _visible(reader, tenant)
    scope = Scope(found.id, reader.principal.scope.operator_id)
    limits, now = limits_of(found.plan, found.quotas), utcnow()
    used: dict[Quota, int | None] = {**await Metering(reader.session, scope).used()}
    used[Quota.REQUESTS] = await request.app.state.limits.used(found.id, limits[Quota.REQUESTS])
    return UsageView(
        plan=found.plan,
        quotas=[
            QuotaView(
                quota=quota,
                limit=limit,
                used=used[quota],
                remaining=None if limit is None else max(0, limit - (used[quota] or 0)),
                period=period_of(quota, now),
                overridden=quota.value in found.quotas,
            )
            for quota, limit in limits.items()
        ],
    )


def _answer(response: Response, tenant: Tenant) -> TenantView:
    response.headers["ETag"] = revision_tag(tenant.revision)
    return TenantView.model_validate(tenant)


async def _visible(reader: Reader, tenant: str) -> Tenant:
    return await reader.repository(Tenants).get(tenant)
