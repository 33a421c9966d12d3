"""What the registry knows of an account's holder: told on request, and taken away."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from sqlalchemy import Column, ColumnElement, Table, delete, func, select

from patchbay.core.clock import utcnow
from registry_api.audit.models import AuditRecord
from registry_api.audit.repository import BATCH, AuditLog
from registry_api.audit.schemas import AuditView, persons_of
from registry_api.db import Crossing, Reader, Repository, UnitOfWork, crossing
from registry_api.db.encoding import stored_json
from registry_api.idempotency.repository import Answers
from registry_api.identity.models import ApiToken, Membership, User
from registry_api.identity.people import end_tokens, refuse_last
from registry_api.identity.repository import People, Tokens
from registry_api.identity.service import Grant
from registry_api.problems import Conflict, NotFound
from registry_api.schemas import as_id
from registry_api.tenancy.exports import expire_archives
from registry_api.tenancy.metering import Metering
from registry_api.tenancy.models import Tenant
from registry_api.tenancy.plans import Quota
from registry_api.tenancy.repository import Tenants

UNTOLD = frozenset({"hash", "secret_hash", "previous_hash", "sealed"})
"""Columns that are no answer to anybody."""


class Holdings(Repository):
    """Everything of the tenant acted in that hangs on an account."""

    async def account(self, user_id: UUID, *, locked: bool = False) -> tuple[User, str]:
        """An account and its role; raises `NotFound`."""
        query = select(User, Membership.role).join(Membership, Membership.user_id == User.id)
        query = query.where(User.id == user_id, User.tenant_id == self.scope.tenant_id)
        found = (await self.session.execute(query.with_for_update(of=User) if locked else query)).one_or_none()
        if found is None:
            raise NotFound(f"There is no account {user_id} in this tenant.")
        return found[0], found[1]

    async def rows(self, column: Column[Any], user_id: UUID) -> list[dict[str, Any]]:
        """The rows of a table that refer to the account by a column."""
        shown = [one for one in column.table.columns if one.name not in UNTOLD]
        found = await self.session.execute(select(*shown).where(column == user_id))
        return [dict(row._mapping) for row in found]

    async def reached(self) -> Sequence[UUID]:
        """The tenants in which accounts of this one may have acted: every one for those of the operator's."""
        if self.scope.tenant_id != self.scope.operator_id:
            return [self.scope.tenant_id]
        return (await self.session.execute(select(Tenant.id).order_by(Tenant.id))).scalars().all()

    async def remove(self, user: User) -> None:
        """Delete the account and every row that refers to it."""
        for column in references():
            await self.session.execute(delete(column.table).where(column == user.id))
        await self.session.execute(delete(User).where(User.id == user.id))


def path_of(user_id: UUID) -> str:
    """Where an account is read."""
    return f"/v1/users/{user_id}"


def references() -> list[Column[Any]]:
    """Every column that refers to accounts, found in the tables' own description, so that no new one is forgotten."""
    accounts: Table = User.__table__  # type: ignore[assignment]
    return [
        column
        for table in reversed(accounts.metadata.sorted_tables)
        for column in table.columns
        if column.references(accounts.c.id)
    ]


async def known_of(reader: Reader, user_id: UUID) -> AsyncIterator[bytes]:
    """All that is known of an account's holder, as NDJSON: the account, what refers to it, the tokens it made, directly or by
    a token, and audit records that it or they did or that speak of them; in every tenant that the account could reach where
    the caller may act in those, else in its own. Raises `NotFound`; secrets, their hashes and other persons' sealed values
    are left out.
    """
    holdings = reader.repository(Holdings)
    user, role = await holdings.account(user_id)
    facts = {name: getattr(user, name) for name in ("id", "email", "display_name", "status", "recorded_at")}
    yield _line("account", facts | {"role": role})
    for column in references():
        for row in await holdings.rows(column, user_id):
            yield _line(column.table.name, row)
    async with crossing(reader.session, Crossing.HOLDER):
        reached = await holdings.reached() if "tenancy:act" in reader.principal.scopes else [user.tenant_id]
        made = await reader.repository(Tokens).made_by(f"user:{user_id}")
        tokens = [token for token in made if token.tenant_id in reached]
        for token in tokens:
            yield _line(ApiToken.__tablename__, _shown(token))
        for tenant_id in reached:
            log = AuditLog(reader.session, replace(reader.principal.scope, tenant_id=tenant_id))
            async for views in _records(log, user_id, [f"token:{token.id}" for token in tokens]):
                for view in views:
                    yield _line("audit", {"tenant_id": tenant_id, **view.model_dump(mode="json")})


def _shown(token: ApiToken) -> dict[str, Any]:
    return {one.name: getattr(token, one.name) for one in ApiToken.__table__.columns if one.name not in UNTOLD}


async def _records(log: AuditLog, user_id: UUID, tokens: Sequence[str]) -> AsyncIterator[list[AuditView]]:
    """Records of a chain that the person's tokens made or that speak of them, and all that have the person's id in their bytes."""
    concerned = AuditRecord.actor.in_(tokens) | AuditRecord.subject.in_(tokens) | _holding(log, str(user_id).encode())
    query = log.records().where(concerned).order_by(AuditRecord.position).limit(BATCH)
    after = 0
    while rows := (await log.session.execute(query.where(AuditRecord.position > after))).all():
        keys = await log.person_keys(persons_of(rows) & {f"user:{user_id}", *tokens})
        yield [AuditView.of(row, keys) for row in rows]
        after = rows[-1].position


def _holding(log: AuditLog, word: bytes) -> ColumnElement[bool]:
    if log.session.get_bind().dialect.name == "postgresql":
        return AuditRecord.canonical.like(b"%" + word + b"%")
    return func.instr(AuditRecord.canonical, word) > 0


async def erase_account(work: UnitOfWork, user_id: UUID) -> None:
    """Delete an account, revoke the tokens its holder made with all that those made, and shred the keys of their values in the
    audit log, whose chain stays whole: in every tenant that the account could reach. Archives of its tenant and the kept answer
    to who made it, which hold it too, are taken away. Raises `NotFound`, `Conflict` for the
    caller's own, `CannotGrant` where the caller may do less than the account, `LastAdministrator`.
    """
    holdings, administrators = work.repository(Holdings), await work.repository(People).lock_administrators()
    user, role = await holdings.account(user_id, locked=True)
    Grant.of(role).allowed(work.principal, (await work.repository(Tenants).own()).kind)
    refuse_last(administrators, user)
    tokens = await end_tokens(work, user, None)
    if user.id == work.principal.user_id or work.principal.token_id in [token.id for token in tokens]:
        raise Conflict("Nobody erases the account that acts, or whose token does: ask another administrator.")
    await holdings.remove(user)
    await work.repository(Metering).free({Quota.SEATS: 1})
    await expire_archives(work)
    await work.repository(Answers).forget(path_of(user.id))
    async with crossing(work.session, Crossing.HOLDER):
        reached = await holdings.reached()
    work.shred([f"user:{user.id}", *(f"token:{token.id}" for token in tokens)], reached)
    work.audit("member.erased", f"user:{user.id}", {"tokens_revoked": len(tokens)}, before={"role": role})


async def forget_token(work: UnitOfWork, name: str) -> None:
    """Shred the key of the addresses from which `token:<id>` was used, wherever it could reach; nothing for what is no token of
    the tenant. Raises `Conflict` for one that is live, whose next use would then be from nowhere.
    """
    kind, _, id = name.partition(":")
    token_id = as_id(id) if kind == "token" else None
    token = await work.repository(Tokens).locked(token_id) if token_id else None
    if token is None:
        return
    if token.revoked_at is None and (token.expires_at is None or token.expires_at > utcnow()):
        raise Conflict("The token is live; revoke it before you have its addresses erased.")
    async with crossing(work.session, Crossing.HOLDER):
        reached = await work.repository(Holdings).reached()
    work.shred([f"token:{token.id}"], reached)
    work.audit("subject.erased", f"token:{token.id}")


def _line(kind: str, facts: dict[str, Any]) -> bytes:
    return stored_json({"kind": kind, **facts}) + b"\n"
