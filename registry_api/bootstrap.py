"""First set-up and every later start: schema, operator tenant, first administrator, the tokens of our own processes.

Idempotent. Secrets are written to their files before the database learns of them, so a crash between the two is mended
by the next call.
"""

import asyncio
import secrets
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from patchbay.core.clock import utcnow
from patchbay.core.ids import new_id
from patchbay.core.settings import Settings
from registry_api.db import Database, UnitOfWork, system_principal
from registry_api.db.migrate import upgrade
from registry_api.identity.models import LOCAL_ISSUER, ApiToken, Identity, Membership, Password, User
from registry_api.identity.passwords import hash_password
from registry_api.identity.tokens import ALPHABET, Secret, new_secret, parse_secret
from registry_api.secrets import cursor_key, person_key, secret_text
from registry_api.tenancy.models import OPERATOR_SLUG, Tenant
from registry_api.tenancy.repository import find_operator_id
from registry_api.tenancy.service import add_tenant

ADMIN_EMAIL = "admin@patchbay.local"
PROCESS_TOKENS = {"admin.token": "platform_admin", "service.token": "service"}
"""Secret file to role."""


def bootstrap(settings: Settings) -> None:
    """Bring the registry to a state in which it can be served. Call it outside of an event loop."""
    upgrade(settings.resolved_database_url)
    person_key(settings)
    cursor_key(settings)
    asyncio.run(_fill(settings))


async def _fill(settings: Settings) -> None:
    database = Database(settings.resolved_database_url)
    try:
        async with database.writing() as session:
            known = await find_operator_id(session)
            operator_id = known or new_id()
            work = UnitOfWork(session, system_principal(operator_id, operator_id))
            if known is None:
                operator = Tenant(id=operator_id, slug=OPERATOR_SLUG, name="Operator", kind="operator", status="active")
                await add_tenant(work, operator)
            await _ensure_administrator(work, settings)
            for file, role in PROCESS_TOKENS.items():
                await _ensure_token(work, settings, file, role)
            await work.commit()
    finally:
        await database.close()


async def _ensure_administrator(work: UnitOfWork, settings: Settings) -> None:
    session, tenant_id = work.session, work.principal.tenant_id
    if (await session.execute(select(User.id).where(User.email == ADMIN_EMAIL))).scalar_one_or_none():
        return
    fresh = "".join(secrets.choice(ALPHABET) for _ in range(20))
    password = secret_text(settings.secret_file("admin.password"), fresh)
    user = User(id=new_id(), email=ADMIN_EMAIL, display_name="Administrator")
    session.add(user)
    await session.flush()
    session.add_all(
        [
            Identity(user_id=user.id, issuer=LOCAL_ISSUER, subject=ADMIN_EMAIL),
            Password(user_id=user.id, hash=await hash_password(password)),
            Membership(tenant_id=tenant_id, user_id=user.id, role="platform_admin"),
        ]
    )
    work.audit("user.created", f"user:{user.id}", {"email": ADMIN_EMAIL, "role": "platform_admin"})


async def _ensure_token(work: UnitOfWork, settings: Settings, file: str, role: str) -> None:
    path = settings.secret_file(file)
    secret = parse_secret(secret_text(path, new_secret("t").value))
    if secret is None:
        raise ValueError(f"{path} does not hold a whole token; remove the file and start again to get a fresh one")
    if await _live(work.session, secret):
        return
    token_id = new_id()
    await _revoke(work.session, work.principal.tenant_id, file)
    work.session.add(
        ApiToken(
            id=token_id,
            tenant_id=work.principal.tenant_id,
            name=file,
            prefix=secret.prefix,
            secret_hash=secret.hash,
            role=role,
            scopes=[],
            created_by=work.principal.actor,
        )
    )
    work.audit("token.created", f"token:{token_id}", {"name": file, "role": role})


async def _live(session: AsyncSession, secret: Secret) -> bool:
    query = select(ApiToken.id).where(ApiToken.secret_hash == secret.hash)
    return (await session.execute(query)).scalar_one_or_none() is not None


async def _revoke(session: AsyncSession, tenant_id: UUID, name: str) -> None:
    """Revoke the tokens whose file was lost."""
    lost = (
        ApiToken.tenant_id == tenant_id,
        ApiToken.name == name,
        ApiToken.created_by == "system",
        ApiToken.revoked_at.is_(None),
    )
    await session.execute(update(ApiToken).where(*lost).values(revoked_at=utcnow()))


if __name__ == "__main__":
    bootstrap(Settings())
