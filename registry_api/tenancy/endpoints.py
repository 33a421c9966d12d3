"""Routes of tenants."""

from datetime import timedelta

from sqlalchemy.exc import IntegrityError

from patchbay.core.clock import utcnow
from registry_api.access import Actor, acting, reading, writing
from registry_api.db import Reader, UnitOfWork
from registry_api.http import api_router, problems
from registry_api.identity.passwords import hash_password
from registry_api.identity.service import Grant, Member, add_member, issue_token
from registry_api.pagination import Page, PagingQuery
from registry_api.problems import NotFound
from registry_api.tenancy.errors import OperatorTenantFixed, TenantExists
from registry_api.tenancy.models import Tenant
from registry_api.tenancy.repository import Tenants
from registry_api.tenancy.schemas import NewTenant, TenantChange, TenantCreated, TenantView
from registry_api.tenancy.service import add_tenant, change_tenant

router = api_router("tenancy")
FIRST_NAME = "first tenant_admin"
FIRST_LIFE = timedelta(days=90)


@router.post(
    "/tenants", status_code=201, summary="Create a tenant", responses=problems(conflict="The slug or e-mail is taken.")
)
async def create_tenant(body: NewTenant, actor: Actor = acting("tenancy:write")) -> TenantCreated:
    """Make a tenant, its tenant_admin token (for 90 days, shown this once) and, if an e-mail is given, its first
    administrator.
    """
    password = body.admin_password.get_secret_value() if body.admin_password else None
    password_hash = await hash_password(password) if password else None
    async with actor.writing() as work:
        tenant = await _new_tenant(work, body)
        if body.admin_email is not None:
            email = body.admin_email.lower()
            await add_member(work, Member(email, email.split("@")[0], password_hash, "tenant_admin"), tenant)
        _, secret = issue_token(work, tenant.id, FIRST_NAME, Grant.of("tenant_admin"), utcnow() + FIRST_LIFE)
    return TenantCreated(tenant=TenantView.model_validate(tenant), token=secret.value)


async def _new_tenant(work: UnitOfWork, body: NewTenant) -> Tenant:
    tenant = Tenant(slug=body.slug, name=body.name, kind="customer", status="active")
    try:
        await add_tenant(work, tenant)
    except IntegrityError as error:
        raise TenantExists(f"There is a tenant {body.slug!r} already; choose another slug.") from error
    return tenant


@router.get("/tenants", summary="List tenants")
async def list_tenants(paging: PagingQuery, reader: Reader = reading("tenancy:read")) -> Page[TenantView]:
    """The caller's tenant; every tenant for platform roles. In order of slug."""
    rows = await paging.rows(reader.session, reader.repository(Tenants).visible(), [Tenant.slug])
    return rows.page(TenantView.model_validate)


@router.get("/tenants/{tenant}", summary="Read a tenant")
async def get_tenant(tenant: str, reader: Reader = reading("tenancy:read")) -> TenantView:
    """One tenant by id or slug."""
    return TenantView.model_validate(await _visible(reader, tenant))


@router.patch(
    "/tenants/{tenant}",
    summary="Rename, suspend or reactivate a tenant",
    responses=problems(unprocessable="The operator."),
)
async def update_tenant(tenant: str, body: TenantChange, work: UnitOfWork = writing("tenancy:write")) -> TenantView:
    """A suspended tenant can be read, but nothing in it can be changed."""
    found = await _visible(work, tenant)
    if found.kind == "operator" and body.status == "suspended":
        raise OperatorTenantFixed("The operator tenant cannot be suspended, since nobody could undo it.")
    await change_tenant(work, found, body.model_dump(exclude_none=True))
    return TenantView.model_validate(found)


async def _visible(reader: Reader, tenant: str) -> Tenant:
    found = await reader.repository(Tenants).find(tenant)
    if found is None:
        raise NotFound(f"There is no tenant {tenant!r}.")
    return found
