"""Wrong sign-ins slow down who makes them, and nobody else.

The delay grows per e-mail and address together: guessing from one address is soon hopeless, and whoever owns the account
gets in from any other address meanwhile. E-mails that have no account are slowed alike, so that it does not tell.
"""

import hashlib
import math
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import delete, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from patchbay.core.clock import utcnow
from registry_api.db import Crossing, Database, UnitOfWork, crossing, system_principal
from registry_api.identity.errors import TooManyAttempts
from registry_api.identity.models import LoginAttempts
from registry_api.limits.addresses import limited_as

FREE = 5
"""Failures in a row that cost nothing: people mistype."""

LONGEST = timedelta(minutes=15)
FORGOTTEN = timedelta(days=1)
NEVER = datetime(1970, 1, 1, tzinfo=UTC)
"""Held up until then is not at all, whichever clock another attempt at this moment goes by."""

NOBODY = system_principal(UUID(int=0), UUID(int=0))


def attempts_key(email: str, address: str) -> bytes:
    """What is stored for the pair: neither e-mail nor address can be read from it at a glance.

    Of an IPv6 address its /64 counts, which is what one subscriber has.
    """
    return hashlib.sha256(f"{email.strip().lower()}\0{limited_as(address)}".encode()).digest()


async def charge(database: Database, key: bytes) -> None:
    """Count an attempt before it is judged, so that many at once are no way around; raises `TooManyAttempts`.

    A right one calls `forgive`.
    """
    async with database.writing(Crossing.ATTEMPTS) as session:
        now = utcnow()
        until = await _charged(session, key, now)
        await UnitOfWork(session, NOBODY).commit()
    if until is None:
        return
    seconds = max(1, math.ceil((until - now).total_seconds()))
    raise TooManyAttempts(f"Too many wrong attempts at this account from your address; wait {seconds} s.", seconds)


async def _charged(session: AsyncSession, key: bytes, now: datetime) -> datetime | None:
    """Until when the pair is held up; None when it was not, and the attempt was counted."""
    await session.execute(delete(LoginAttempts).where(LoginAttempts.updated_at < now - FORGOTTEN))
    failures = (await session.execute(_counted(session, key, now))).scalar_one_or_none()
    mine = LoginAttempts.key == key
    if failures is None:
        blocked = (await session.execute(select(LoginAttempts.blocked_until).where(mine))).scalar_one_or_none()
        return blocked or now  # forgiven at this very moment: a second's wait does no harm
    if (wait := delay(failures)) > timedelta():
        await session.execute(update(LoginAttempts).where(mine).values(blocked_until=now + wait))
    return None


def delay(failures: int) -> timedelta:
    """How long the next attempt has to wait after so many failures: nothing at first, then twice as long each time."""
    if failures <= FREE:
        return timedelta()
    return min(timedelta(seconds=2 ** min(failures - FREE, 20)), LONGEST)


def _counted(session: AsyncSession, key: bytes, now: datetime) -> Any:
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    insert = dialect.insert(LoginAttempts).values(key=key, failures=1, blocked_until=NEVER, updated_at=now)
    again = {"failures": LoginAttempts.failures + 1, "updated_at": now}
    counted = insert.on_conflict_do_update(index_elements=["key"], set_=again, where=LoginAttempts.blocked_until <= now)
    return counted.returning(LoginAttempts.failures)


async def forgive(session: AsyncSession, key: bytes) -> None:
    """Forget the failures after a right sign-in."""
    async with crossing(session, Crossing.ATTEMPTS):
        await session.execute(delete(LoginAttempts).where(LoginAttempts.key == key))
