"""Wrong sign-ins slow down who makes them, and nobody else.

The delay grows per e-mail, tenant and address together: guessing from one address is soon hopeless, and whoever owns the
account gets in from any other address meanwhile. E-mails and tenants that are not there are slowed alike, so that it does
not tell.

Anybody who administers a tenant may make an account there with another person's e-mail. So a right sign-in forgets the wrong
ones at its own account only; where no tenant was named, they may have been at another, and it takes back no more than itself.
Whether there is another account makes no difference: who signs in would learn of it. And since such an account could tell by which of the
two opens whether a password is the other's, sign-ins without a tenant are also counted at each account that they do not open, which they
then cannot open for a while.

Codes of a second factor are few, and whoever has the password could guess them from many addresses. So they are counted at the account
too, wherever they come from; that count only who knows the password can raise. A recovery code is not held up by it: nobody guesses
one, and it lets the owner in. Nor is a new password, at which the count begins anew.
"""

import hashlib
import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import delete, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from patchbay.core.clock import utcnow
from registry_api.db import Crossing, Database, UnitOfWork, crossing, system_principal
from registry_api.identity.errors import TooManyAttempts, TooManyCodes
from registry_api.identity.models import LoginAttempts
from registry_api.identity.second_factor.totp import is_of_app
from registry_api.limits.addresses import limited_as

FREE = 5
"""Failures in a row that cost nothing: people mistype."""

LONGEST = timedelta(minutes=15)
FORGOTTEN = timedelta(days=1)
NEVER = datetime(1970, 1, 1, tzinfo=UTC)
"""Held up until then is not at all, whichever clock another attempt at this moment goes by."""

NOBODY = system_principal(UUID(int=0), UUID(int=0))


@dataclass(frozen=True, slots=True)
class Attempts:
    """What sign-ins are counted under; `shared` where they may be at several accounts, since no tenant was named.

    Of one that was counted, `until` is the wait that it brings those after it.
    """

    key: bytes
    shared: bool = False
    until: datetime | None = None

    @classmethod
    def at(cls, email: str, address: str, tenant: UUID | str | None) -> "Attempts":
        """Of an e-mail at a tenant, a name that no tenant has, or wherever it has accounts, from an address.

        None of them can be read from the key at a glance. Of an IPv6 address its /64 counts, which is what one subscriber has.
        """
        place = "" if tenant is None else str(tenant)
        told = f"{email.strip().lower()}\0{limited_as(address)}\0{place}"
        return cls(hashlib.sha256(told.encode()).digest(), tenant is None)

    @classmethod
    def of_codes(cls, issuer: str, subject: str, tenant_id: UUID, password: str | None) -> "Attempts":
        """Of an app's codes at an account, with the password of a stored hash, from wherever they come."""
        told = f"code\0{issuer}\0{subject}\0{tenant_id}\0{password or ''}"
        return cls(hashlib.sha256(told.encode()).digest())


async def charge(database: Database, attempts: Attempts) -> Attempts:
    """Count an attempt before it is judged, so that many at once are no way around; raises `TooManyAttempts`.

    A right one calls `forgive` with what this answers.
    """
    seconds, counted = await _charge(database, attempts)
    if seconds:
        raise TooManyAttempts(f"Too many wrong attempts at this account from your address; wait {seconds} s.", seconds)
    return counted


async def charge_code(database: Database, attempts: Attempts, code: str | None) -> Attempts | None:
    """The same for an app's code, which came with the right password; None for a recovery code or none. Raises `TooManyCodes`."""
    if not code or not is_of_app(code):
        return None
    seconds, counted = await _charge(database, attempts)
    if seconds:
        fix = f"wait {seconds} s, or send a recovery code. If it was not you, change the password."
        raise TooManyCodes(f"Too many wrong codes came with the password of this account; {fix}", seconds)
    return counted


async def _charge(database: Database, attempts: Attempts) -> tuple[int, Attempts]:
    """The seconds to wait, 0 for an attempt that was counted; and what it was counted as."""
    async with database.writing(Crossing.ATTEMPTS) as session:
        now = utcnow()
        held, counted = await _charged(session, attempts, now)
        await UnitOfWork(session, NOBODY).commit()
    return 0 if held is None else max(1, math.ceil((held - now).total_seconds())), counted


async def charge_each(database: Database, attempts: Iterable[Attempts]) -> set[Attempts]:
    """Count several as one; those of them that were not held up, and so were counted."""
    free = set()
    async with database.writing(Crossing.ATTEMPTS) as session:
        now = utcnow()
        for one in sorted(attempts, key=lambda one: one.key):
            held, _ = await _charged(session, one, now)
            free |= {one} if held is None else set()
        await UnitOfWork(session, NOBODY).commit()
    return free


async def _charged(session: AsyncSession, attempts: Attempts, now: datetime) -> tuple[datetime | None, Attempts]:
    """Until when they are held up, None when they were not and the attempt was counted; and what it was counted as."""
    await session.execute(delete(LoginAttempts).where(LoginAttempts.updated_at < now - FORGOTTEN))
    failures = (await session.execute(_counted(session, attempts, now))).scalar_one_or_none()
    mine = LoginAttempts.key == attempts.key
    if failures is None:
        blocked = (await session.execute(select(LoginAttempts.blocked_until).where(mine))).scalar_one_or_none()
        return blocked or now, attempts  # forgiven at this very moment: a second's wait does no harm
    if (wait := delay(failures)) == timedelta():
        return None, attempts
    await session.execute(update(LoginAttempts).where(mine).values(blocked_until=now + wait))
    return None, replace(attempts, until=now + wait)


def delay(failures: int) -> timedelta:
    """How long the next attempt has to wait after so many failures: nothing at first, then twice as long each time."""
    if failures <= FREE:
        return timedelta()
    return min(timedelta(seconds=2 ** min(failures - FREE, 20)), LONGEST)


def _counted(session: AsyncSession, attempts: Attempts, now: datetime) -> Any:
    """The count. What no right sign-in forgets is forgotten a day after its first failure, so that it has an end."""
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    insert = dialect.insert(LoginAttempts).values(key=attempts.key, failures=1, blocked_until=NEVER, updated_at=now)
    again = {"failures": LoginAttempts.failures + 1} | ({} if attempts.shared else {"updated_at": now})
    counted = insert.on_conflict_do_update(index_elements=["key"], set_=again, where=LoginAttempts.blocked_until <= now)
    return counted.returning(LoginAttempts.failures)


async def forgive(session: AsyncSession, attempts: Attempts) -> None:
    """Forget the failures after a right sign-in, or the one attempt that it was, where they may be another account's."""
    async with crossing(session, Crossing.ATTEMPTS):
        if attempts.shared:
            await _take_back(session, attempts)
        else:
            await session.execute(delete(LoginAttempts).where(LoginAttempts.key == attempts.key))


async def forget(database: Database, attempts: Iterable[Attempts]) -> None:
    """The same for several in a transaction of its own."""
    async with database.writing(Crossing.ATTEMPTS) as session:
        for one in attempts:
            await forgive(session, one)
        await UnitOfWork(session, NOBODY).commit()


async def take_back(database: Database, attempts: Attempts) -> None:
    """Count an attempt no more that opened nothing, but was no guess either."""
    async with database.writing(Crossing.ATTEMPTS) as session:
        await _take_back(session, attempts)
        await UnitOfWork(session, NOBODY).commit()


async def _take_back(session: AsyncSession, attempts: Attempts) -> None:
    """The count and the wait that it brought; that of another attempt stands."""
    mine = LoginAttempts.key == attempts.key
    await session.execute(update(LoginAttempts).where(mine).values(failures=LoginAttempts.failures - 1))
    if attempts.until is not None:
        own = LoginAttempts.blocked_until == attempts.until
        await session.execute(update(LoginAttempts).where(mine, own).values(blocked_until=NEVER))
    await session.execute(delete(LoginAttempts).where(mine, LoginAttempts.failures <= 0))
