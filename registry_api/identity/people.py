"""Rules of accounts that are there: changed, disabled, proven to be one's own."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from fastapi import Request
from pydantic import SecretStr
from sqlalchemy.orm.attributes import flag_modified

from patchbay.core.clock import utcnow
from patchbay.core.settings import Settings
from registry_api.access import Actor
from registry_api.audit.personal import Personal
from registry_api.conditions import require_revision
from registry_api.db import Crossing, Reader, UnitOfWork, crossing
from registry_api.identity.breached import new_password_hash
from registry_api.identity.errors import LastAdministrator, PasswordWrong
from registry_api.identity.lockout import Attempts, charge, forgive
from registry_api.identity.models import LOCAL_ISSUER, ApiToken, Membership, User
from registry_api.identity.passwords import verify_password
from registry_api.identity.repository import People, Tokens
from registry_api.identity.roles import ADMINISTRATORS, ROLE_SCOPES
from registry_api.identity.schemas import UserChange, UserView
from registry_api.identity.service import Grant, revoke_token
from registry_api.limits.addresses import client_address
from registry_api.problems import Conflict, Forbidden, NotFound, TenantSuspended, Unauthenticated
from registry_api.tenancy.repository import Tenants


@dataclass(frozen=True, slots=True)
class Proven:
    """The stored hash of a password that its owner has given, and what the attempt and a code sent with it are counted under."""

    stored: str
    attempts: Attempts
    codes: Attempts


@asynccontextmanager
async def own_account(reader: Reader) -> AsyncIterator[User]:
    """The caller's account, to be changed inside the block; raises `Forbidden` for who is no person.

    It is reached also by who acts in another tenant at this moment.
    """
    if reader.principal.suspended:
        raise TenantSuspended("The tenant is suspended: nothing in it can be changed. Ask the operator.")
    if reader.principal.user_id is None:
        raise Forbidden("This is about a person's own account; sign in as one with POST /v1/sessions.")
    async with crossing(reader.session, Crossing.OWN_ACCOUNT):
        yield await reader.repository(People).user(reader.principal.user_id)


def address_of(request: Request) -> str:
    """Whose address a request comes from, seen past the proxies that are trusted."""
    settings: Settings = request.app.state.settings
    return client_address(request.scope, settings.trusted_proxies)


async def proven(request: Request, actor: Actor, password: SecretStr) -> Proven:
    """What proves the caller's password, once the caller has given it; raises `PasswordWrong`.

    Wrong ones are counted as wrong sign-ins are: a stolen session is no way to guess faster. The count is a transaction of
    its own, since the caller's comes to nothing when the password is wrong; the caller's forgives a right one.
    """
    async with actor.reading() as reader, own_account(reader) as user:
        stored = await reader.repository(People).password_hash(user.id)
    attempts = Attempts.at(user.email, address_of(request), user.tenant_id)
    await charge(actor.database, attempts)
    if not await verify_password(stored, password.get_secret_value()) or stored is None:
        raise PasswordWrong("The password is wrong, or your account has none here.")
    return Proven(stored, attempts, Attempts.of_codes(LOCAL_ISSUER, user.email, user.tenant_id, stored))


async def change_password(request: Request, actor: Actor, current: SecretStr, new: SecretStr) -> None:
    """Set the caller's password and end their other sessions."""
    settings: Settings = request.app.state.settings
    proof = await proven(request, actor, current)
    hashed = await new_password_hash(settings, new.get_secret_value())
    async with actor.writing() as work, own_account(work) as user:
        people = work.repository(People)
        await forgive(work.session, proof.attempts)
        if not await people.put_password(user.id, proof.stored, hashed, utcnow()):
            raise Conflict("The password was changed by another request at this moment.")
        ended = await people.end_sessions(user.id, utcnow(), but=work.principal.token_id)
        work.audit("password.changed", f"user:{user.id}", {"sessions_ended": ended}, tenant_id=user.tenant_id)


async def person_to_change(work: UnitOfWork, user_id: UUID) -> tuple[User, Membership]:
    """A person of the tenant, locked; raises `NotFound`, and `CannotGrant` for one who holds more than the caller."""
    found = await work.repository(People).locked(user_id)
    if found is None:
        raise NotFound(f"There is no person {user_id} in this tenant.")
    tenant = await work.repository(Tenants).own()
    Grant.of(found[1].role).allowed(work.principal, tenant.kind)
    return found


def refuse_last(administrators: Sequence[UUID], user: User) -> None:
    """Raises `LastAdministrator` where the person is the only active one of the tenant."""
    if administrators == [user.id]:
        raise LastAdministrator(f"{user.email} is the last active administrator; make somebody else one first.")


async def change_person(work: UnitOfWork, user_id: UUID, wanted: UserChange, if_match: str | None) -> UserView:
    """Change a person's name, role or status; raises `LastAdministrator` rather than leave the tenant without
    one, and what `require_revision` does.
    """
    administrators = await work.repository(People).lock_administrators()
    user, membership = await person_to_change(work, user_id)
    require_revision(if_match, user.revision)
    before = {"display_name": user.display_name, "role": membership.role, "status": user.status}
    after = before | wanted.model_dump(exclude_none=True)
    Grant.of(after["role"]).allowed(work.principal, (await work.repository(Tenants).own()).kind)
    stays = after["role"] in ADMINISTRATORS and after["status"] == "active"
    if not stays:
        refuse_last(administrators, user)
    user.display_name, user.status, membership.role = after["display_name"], after["status"], after["role"]
    if after["status"] == "disabled":
        await work.repository(People).end_sessions(user.id, utcnow())
    if (after["role"], after["status"]) != (before["role"], before["status"]):
        await end_tokens(work, user, after["role"] if after["status"] == "active" else None)
    if before != after:
        flag_modified(user, "status")  # a role stands in another row, and is a change of the person all the same
        work.audit("member.changed", f"user:{user.id}", before=_told(user, before), after=_told(user, after))
    await work.session.flush()
    return UserView(id=user.id, email=user.email, revision=user.revision, recorded_at=user.recorded_at, **after)


async def require_unchanged(work: UnitOfWork) -> None:
    """Keep the caller's rights as they are until the commit: what it makes could not end with them otherwise. Raises
    `Unauthenticated` where they have changed since the caller was let in.
    """
    caller = work.principal
    async with crossing(work.session, Crossing.OWN_ACCOUNT):
        if caller.user_id is not None:
            kept = await work.repository(People).role(caller.user_id) == caller.role
        else:
            kept = caller.token_id is not None and await work.repository(Tokens).is_live(caller.token_id)
    if not kept:
        raise Unauthenticated("Your rights were changed at this moment; try again.")


async def end_tokens(work: UnitOfWork, user: User, role: str | None) -> list[ApiToken]:
    """Revoke what exceeds a role of the tokens that a person made, directly or by a token, in whatever tenant; all of them for
    None. Answers all that the person made.
    """
    async with crossing(work.session, Crossing.HOLDER):
        made = await work.repository(Tokens).made_by(f"user:{user.id}", locked=True)
        for token in made:
            if role is None or _exceeds(token, role, user.tenant_id):
                await revoke_token(work, token, holder=f"user:{user.id}")
    return made


def _exceeds(token: ApiToken, role: str, home: UUID) -> bool:
    abroad = token.tenant_id != home and "tenancy:act" not in ROLE_SCOPES[role]
    return abroad or not Grant.of(token.role, token.scopes).scopes <= ROLE_SCOPES[role]


def _told(user: User, fields: dict[str, Any]) -> dict[str, Any]:
    """Fields of an account as the audit log has them."""
    return fields | {"display_name": Personal(f"user:{user.id}", fields["display_name"])}
