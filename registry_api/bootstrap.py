"""First set-up and every later start: schema, operator tenant, first administrator, the tokens of our own processes.

Idempotent. Secrets are written to their files before the database learns of them, so a crash between the two is mended
by the next call.
"""

import asyncio
import secrets
from pathlib import Path

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from patchbay.core.ids import new_id
from patchbay.core.settings import Settings
from registry_api.db import Crossing, Database, UnitOfWork, system_principal
from registry_api.db.migrate import MIGRATION_LOCK, upgrade
from registry_api.identity.models import ApiToken, User
from registry_api.identity.passwords import hash_password
from registry_api.identity.service import Member, add_member, revoke_token
from registry_api.identity.tokens import ALPHABET, Secret, new_secret, parse_secret
from registry_api.secrets import audit_persons_key, checkpoint_key, cursor_key, person_key, secret_text
from registry_api.tenancy.models import OPERATOR_SLUG, Tenant
from registry_api.tenancy.plans import OPERATOR
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
    checkpoint_key(settings)
    asyncio.run(_fill(settings))


async def _fill(settings: Settings) -> None:
    database = Database(settings.resolved_database_url, persons_key=audit_persons_key(settings))
    try:
        async with database.writing(Crossing.SETUP) as session:
            await _take_turn(session)
            operator_id = await find_operator_id(session) or new_id()
            work = UnitOfWork(session, system_principal(operator_id, operator_id))
            await _ensure_administrator(work, settings, await _ensure_operator(work))
            for file, role in PROCESS_TOKENS.items():
                await _ensure_token(work, settings, file, role)
            await work.commit()
    finally:
        await database.close()


async def _take_turn(session: AsyncSession) -> None:
    """Let one process at a time set up; SQLite's writers do so by themselves."""
    if session.get_bind().dialect.name == "postgresql":
        await session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})


async def _ensure_operator(work: UnitOfWork) -> Tenant:
    known = await work.session.get(Tenant, work.principal.tenant_id)
    if known is not None:
        return known
    operator = Tenant(
        id=work.principal.tenant_id,
        slug=OPERATOR_SLUG,
        name="Operator",
        kind="operator",
        status="active",
        plan=OPERATOR,
    )
    await add_tenant(work, operator)
    return operator


async def _ensure_administrator(work: UnitOfWork, settings: Settings, operator: Tenant) -> None:
    kept = select(User.id).where(User.tenant_id == operator.id, User.email == ADMIN_EMAIL)
    if (await work.session.execute(kept)).scalar_one_or_none():
        return
    fresh = "".join(secrets.choice(ALPHABET) for _ in range(20))
    password = await hash_password(secret_text(settings.secret_file("admin.password"), fresh))
    await add_member(work, Member(ADMIN_EMAIL, "Administrator", password, "platform_admin"), operator)


async def _ensure_token(work: UnitOfWork, settings: Settings, file: str, role: str) -> None:
    path = settings.secret_file(file)
    secret = _kept_secret(path)
    known = await _find_token(work.session, secret)
    if known is not None and known.revoked_at is None:
        return
    if known is not None:
        path.unlink()  # it was revoked: that is how its holders are given a fresh one
        secret = _kept_secret(path)
    await _revoke_lost(work, file)
    _add_token(work, secret, file, role)


def _kept_secret(path: Path) -> Secret:
    secret = parse_secret(secret_text(path, new_secret("t").value))
    if secret is None:
        raise ValueError(f"{path} does not hold a whole token; remove the file and start again to get a fresh one")
    return secret


async def _find_token(session: AsyncSession, secret: Secret) -> ApiToken | None:
    query = select(ApiToken).where(ApiToken.secret_hash == secret.hash)
    return (await session.execute(query)).scalar_one_or_none()


def _add_token(work: UnitOfWork, secret: Secret, file: str, role: str) -> None:
    token_id = new_id()
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
    work.audit("token.created", f"token:{token_id}", after={"name": file, "role": role})


async def _revoke_lost(work: UnitOfWork, name: str) -> None:
    """Revoke the tokens whose file was lost, with all that were made from them."""
    ours = (ApiToken.tenant_id == work.principal.tenant_id, ApiToken.name == name, ApiToken.created_by == "system")
    query = select(ApiToken).where(*ours, ApiToken.revoked_at.is_(None)).order_by(ApiToken.id)
    for token in (await work.session.execute(query)).scalars().all():
        await revoke_token(work, token, reason="its file was lost")


if __name__ == "__main__":
    bootstrap(Settings())
