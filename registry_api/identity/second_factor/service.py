"""Rules of second factors."""

import hashlib

from patchbay.core.clock import utcnow
from patchbay.core.settings import Settings
from registry_api.db import UnitOfWork
from registry_api.identity.errors import CodeWrong, LoginFailed, SecondFactorNeeded, SecondFactorSet
from registry_api.identity.models import User
from registry_api.identity.second_factor import totp
from registry_api.identity.second_factor.models import TotpSecret
from registry_api.identity.second_factor.repository import SecondFactors
from registry_api.notifications.sealing import open_bytes, seal_bytes


async def begin(work: UnitOfWork, settings: Settings, user: User) -> bytes:
    """A new secret for the account's app, which counts once a code confirms it; raises `SecondFactorSet`."""
    factors = work.repository(SecondFactors)
    found = await factors.totp(user.id)
    if found is not None and found.confirmed_at is not None:
        raise SecondFactorSet("Turn the second factor off before you set up another one.")
    secret = totp.fresh_secret()
    row = found or TotpSecret(tenant_id=user.tenant_id, user_id=user.id)
    row.sealed, row.last_step = seal_bytes(settings, _owner(user), secret)[0], 0
    work.session.add(row)
    work.audit("second_factor.begun", f"user:{user.id}", tenant_id=user.tenant_id)
    return secret


async def confirm(work: UnitOfWork, settings: Settings, user: User, code: str) -> list[str]:
    """Make the second factor count; the recovery codes, which are shown this once. Raises `CodeWrong`."""
    found = await work.repository(SecondFactors).totp(user.id)
    if found is None or found.confirmed_at is not None or not await _takes(work, settings, user, found, code):
        raise CodeWrong("Begin with POST /v1/me/totp, then send the code that your app shows now.")
    await work.session.refresh(found)
    found.confirmed_at = utcnow()
    codes = [totp.fresh_recovery_code() for _ in range(totp.RECOVERY_CODES)]
    await work.repository(SecondFactors).put_recovery_codes(user.tenant_id, user.id, [_digest(one) for one in codes])
    work.audit("second_factor.on", f"user:{user.id}", tenant_id=user.tenant_id)
    return codes


async def require_second_factor(work: UnitOfWork, settings: Settings, user: User, code: str | None) -> None:
    """Use a code up at sign-in; does nothing for accounts without a second factor.

    Raises `SecondFactorNeeded` without a code and `LoginFailed` for a wrong one.
    """
    found = await work.repository(SecondFactors).totp(user.id)
    if found is None or found.confirmed_at is None:
        return
    if not code:
        raise SecondFactorNeeded("The password is right; send the code of your app, or a recovery code, as `code` too.")
    if not await _accepts(work, settings, user, found, code):
        raise LoginFailed("The code is wrong, too old, or was used.")


async def turn_off(work: UnitOfWork, settings: Settings, user: User, code: str) -> None:
    """Delete the account's second factor; raises `CodeWrong`."""
    found = await work.repository(SecondFactors).totp(user.id)
    if found is None or not await _accepts(work, settings, user, found, code):
        raise CodeWrong("Send the code that your app shows now, or a recovery code.")
    await reset(work, user)


async def reset(work: UnitOfWork, user: User) -> None:
    """Delete an account's second factor; does nothing when there is none."""
    if await work.repository(SecondFactors).remove(user.id):
        work.audit("second_factor.off", f"user:{user.id}", tenant_id=user.tenant_id)


async def _accepts(work: UnitOfWork, settings: Settings, user: User, found: TotpSecret, code: str) -> bool:
    if totp.is_of_app(code):
        return await _takes(work, settings, user, found, code)
    taken = await work.repository(SecondFactors).take_recovery_code(user.id, _digest(code), utcnow())
    if taken:
        work.audit("recovery_code.used", f"user:{user.id}", tenant_id=user.tenant_id)
    return taken


async def _takes(work: UnitOfWork, settings: Settings, user: User, found: TotpSecret, code: str) -> bool:
    step = totp.matching_step(open_bytes(settings, _owner(user), found.sealed), totp.plain(code), utcnow())
    return step is not None and await work.repository(SecondFactors).take_step(user.id, step)


def _digest(code: str) -> bytes:
    return hashlib.sha256(totp.plain(code).encode()).digest()


def _owner(user: User) -> bytes:
    return f"{user.tenant_id}/totp/{user.id}".encode()
