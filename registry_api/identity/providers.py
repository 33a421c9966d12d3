"""The one door of people: whoever says who somebody is, a session is opened here and nowhere else.

An identity provider turns a proof (a password, an OIDC code, a SAML response) into an asserted identity: an issuer and
the subject it names. The account behind the pair, its state, its second factor and the session are the door's business,
so that a new provider can get none of them wrong.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol, TypeVar
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from patchbay.core.clock import utcnow
from patchbay.core.ids import new_id
from patchbay.core.settings import Settings
from patchbay.core.telemetry import current_trace_id
from registry_api.audit.personal import Personal
from registry_api.db import Crossing, Database, Principal, Scope, UnitOfWork, rebind
from registry_api.db.binding import of_principal
from registry_api.identity.errors import LoginFailed, TenantNeeded
from registry_api.identity.lockout import Attempts, charge_code, charge_each, forget, forgive
from registry_api.identity.models import LOCAL_ISSUER, LoginSession
from registry_api.identity.passwords import verify_password
from registry_api.identity.repository import Account, Login, People, find_account, find_logins, has_password
from registry_api.identity.roles import ROLE_SCOPES, grantable
from registry_api.identity.second_factor.service import require_second_factor
from registry_api.identity.tokens import Secret, new_secret
from registry_api.tenancy.repository import find_operator_id

SESSION_HOURS = 8
LONGEST_SESSION = timedelta(hours=24)
"""However often it is rotated."""

KEPT = timedelta(days=30)
"""How long what is known of a session, its address and browser too, outlives its end."""

WRONG = "E-mail or password is wrong, or there is no such account in that tenant. With accounts in several, name the tenant."
MOST_ACCOUNTS = 3
"""Accounts of one e-mail that are tried when no tenant is named. As many hashes are computed for any e-mail, so that time
does not tell how many there are.
"""

Proof = TypeVar("Proof", contravariant=True)


@dataclass(frozen=True, slots=True)
class AssertedIdentity:
    """Who somebody is, in an issuer's word; `second_factor` says that the issuer has asked for one itself, and `password` is
    the stored hash of the one that was proven.
    """

    issuer: str
    subject: str
    tenant_id: UUID
    second_factor: bool = False
    password: str | None = None


class IdentityProvider(Protocol[Proof]):
    """Somebody who can tell who a proof is from."""

    async def identify(self, proof: Proof) -> AssertedIdentity:
        """Who it is; raises `LoginFailed`."""
        ...


@dataclass(frozen=True, slots=True)
class PasswordProof:
    """An e-mail and its password; without a tenant the password chooses among the accounts of the e-mail."""

    email: str
    password: str
    tenant: str | None = None


@dataclass(frozen=True, slots=True)
class LocalPasswords:
    """The provider of accounts whose password is kept here."""

    database: Database
    address: str
    """Where the proofs come from."""

    async def identify(self, proof: PasswordProof) -> AssertedIdentity:
        """Raises `LoginFailed` for a wrong one, `TenantNeeded` when it opens several accounts."""
        wanted = MOST_ACCOUNTS if proof.tenant is None else 1
        async with self.database.reading(Crossing.AUTHENTICATION) as session:
            found = await find_logins(session, proof.email, proof.tenant, wanted)
        if proof.tenant is None:
            opened = await self._opened_among(found, proof)
        else:
            opened = await _opened(found, wanted, proof.password)
        if not opened:
            raise LoginFailed(WRONG)
        if len(opened) > 1:
            slugs = ", ".join(login.tenant.slug for login in opened)
            raise TenantNeeded(f"This password opens your accounts in several tenants ({slugs}); send one as `tenant`.")
        return AssertedIdentity(LOCAL_ISSUER, proof.email, opened[0].tenant.id, password=opened[0].password_hash)

    async def _opened_among(self, found: list[Login], proof: PasswordProof) -> list[Login]:
        """The accounts that the password opens; of several, without those at which it was wrong too often of late.

        As many are counted for any e-mail, so that time does not tell how many there are.
        """
        places = [*(login.tenant.id for login in found), *range(len(found), MOST_ACCOUNTS)]
        attempts = [Attempts.at(proof.email, self.address, f"among others {place}") for place in places]
        free = await charge_each(self.database, attempts)
        right = await _opened(found, MOST_ACCOUNTS, proof.password)
        of = {login.tenant.id: one for login, one in zip(found, attempts, strict=False)}
        opened = [login for login in right if len(found) == 1 or of[login.tenant.id] in free]
        await forget(self.database, [of[login.tenant.id] for login in opened])
        return opened


async def _opened(found: list[Login], wanted: int, password: str) -> list[Login]:
    """The accounts the password opens; always `wanted` hashes are computed."""
    padded: list[Login | None] = [*found, *[None] * (wanted - len(found))]
    right = [await verify_password(login.password_hash if login else None, password) for login in padded]
    return [login for login, opens in zip(padded, right, strict=True) if login is not None and opens]


@dataclass(frozen=True, slots=True)
class Visit:
    """What came with a sign-in: the second factor's code, where from, and what it was counted under."""

    code: str | None = None
    address: str | None = None
    user_agent: str | None = None
    attempts: Attempts | None = None


@dataclass(frozen=True, slots=True)
class Entered:
    """An open session, whose it is, and its secret, which is shown once."""

    account: Account
    principal: Principal
    session: LoginSession
    secret: Secret


async def enter(database: Database, settings: Settings, asserted: AssertedIdentity, visit: Visit) -> Entered:
    """Open a session for an asserted identity; raises `LoginFailed` when no active account has it in that tenant, and
    `TooManyCodes`.

    Account, password and second factor are looked at in the session's own transaction: who is disabled at this moment, or whose
    password is changed, stays out.
    """
    guess = await _guess(database, asserted, visit)
    async with database.writing(Crossing.AUTHENTICATION) as session:
        account = await find_account(session, asserted.issuer, asserted.subject, asserted.tenant_id)
        operator_id = await find_operator_id(session)
        if account is None or operator_id is None or not await _still(session, account, asserted):
            raise LoginFailed(WRONG)
        principal = _principal(account, operator_id)
        await rebind(session, of_principal(principal))
        work = UnitOfWork(session, principal, current_trace_id())
        if not asserted.second_factor:
            await require_second_factor(work, settings, account.user, visit.code)
        await work.repository(People).forget_sessions(utcnow() - KEPT)
        opened, secret = _open_session(work, account, asserted.issuer, visit)
        for counted in (visit.attempts, guess):
            if counted is not None:
                await forgive(session, counted)
        await work.commit()
    return Entered(account, principal, opened, secret)


async def _guess(database: Database, asserted: AssertedIdentity, visit: Visit) -> Attempts | None:
    """What a code of the account's app is counted under, before it is judged."""
    if asserted.second_factor:
        return None
    codes = Attempts.of_codes(asserted.issuer, asserted.subject, asserted.tenant_id, asserted.password)
    return await charge_code(database, codes, visit.code)


async def _still(session: AsyncSession, account: Account, asserted: AssertedIdentity) -> bool:
    return asserted.password is None or await has_password(session, account.user.id, asserted.password)


def _principal(account: Account, operator_id: UUID) -> Principal:
    scopes = ROLE_SCOPES[account.role] & grantable(account.tenant.kind)
    return Principal(Scope(account.tenant.id, operator_id), account.role, scopes, user_id=account.user.id)


def _open_session(work: UnitOfWork, account: Account, issuer: str, visit: Visit) -> tuple[LoginSession, Secret]:
    secret = new_secret("s")
    session = LoginSession(
        id=new_id(),
        recorded_at=utcnow(),
        tenant_id=account.tenant.id,
        user_id=account.user.id,
        secret_hash=secret.hash,
        expires_at=utcnow() + timedelta(hours=SESSION_HOURS),
        issuer=issuer,
        address=visit.address,
        user_agent=(visit.user_agent or "")[:300] or None,
    )
    work.session.add(session)
    address = Personal(f"user:{account.user.id}", visit.address) if visit.address else None
    work.audit("session.opened", f"session:{session.id}", {"issuer": issuer, "address": address})
    return session, secret
